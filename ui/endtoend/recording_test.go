package endtoend

import (
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"galen/ui/picture"
)

var update = flag.Bool("update", false, "record the film of the README anew")

// The terminal of the film, and the lines below it that say what is done.
const (
	filmWidth   = 120
	filmHeight  = 36
	filmCaption = 2
)

// film records a terminal, faster than the search goes and slower than keys are pressed.
type film struct {
	*terminal
	frames  []picture.Frame
	caption string
}

// look keeps what the terminal shows now, for a while of the film.
func (f *film) look(lasts time.Duration) {
	text := strings.TrimRight(f.tmux("capture-pane", "-e", "-p", "-t", f.name), "\n")
	if u, err := user.Current(); err == nil { // the journal says who gave a command
		name := regexp.MustCompile(regexp.QuoteMeta(u.Username) + ` {2,}`)
		text = name.ReplaceAllStringFunc(text, func(found string) string { return fmt.Sprintf("%-*s", len(found), "you") })
	}
	below := max(0, filmHeight-1-strings.Count(text, "\n"))
	text += "\x1b[0m" + strings.Repeat("\n", below+1) + "\x1b[38;5;239m" + strings.Repeat("─", filmWidth) + "\n\x1b[0m " + f.caption
	if n := len(f.frames); n > 0 && f.frames[n-1].Text == text {
		f.frames[n-1].Lasts += lasts
		return
	}
	f.frames = append(f.frames, picture.Frame{Text: text, Lasts: lasts})
}

// says puts a line below the terminal: keys, and what they do.
func (f *film) says(keys, what string) {
	f.caption = fmt.Sprintf("\x1b[1m\x1b[38;5;215m %s \x1b[0m  %s", keys, what)
}

// watch looks several times, as the search goes on.
func (f *film) watch(times int, every, lasts time.Duration) {
	for range times {
		f.look(lasts)
		time.Sleep(every)
	}
}

// types presses keys one by one and looks after each.
func (f *film) types(lasts time.Duration, keys ...string) {
	for _, k := range keys {
		f.press(k)
		time.Sleep(250 * time.Millisecond)
		f.look(lasts)
	}
}

// TestRecording plays a search of the demo on this machine and records it for the README.
func TestRecording(t *testing.T) {
	if !*update {
		t.Skip("records docs/demo.svg anew with go test ./ui/endtoend -run TestRecording -update")
	}
	p := build(t)
	const second = time.Second
	f := &film{terminal: p.shell(filmWidth, filmHeight)}
	f.sees("$")

	f.says("$ galen", "the first start: the built-in demo needs neither model nor data")
	f.look(second / 2)
	f.types(second/10, strings.Split("galen", "")...)
	f.press("Enter")
	f.sees("starts the demo")
	f.look(3 * second)
	f.says("enter", "the original is scored and timed, then how sensitive each layer is to compression")
	f.press("Enter")
	f.sees("preparing")
	for !strings.Contains(f.screen(), "▶ running") {
		f.watch(1, 1500*time.Millisecond, second/3)
	}
	f.until("the first episode", func(string) bool { return f.episode() >= 2 })
	f.says("watching", "each episode proposes a policy, compresses, scores and times the network, and learns")
	for f.episode() < 14 {
		f.watch(1, second, second/3)
	}

	f.press("Space")
	f.sees("‖ paused")
	f.says("space", "pause; nothing is lost")
	f.look(3 * second / 2)
	f.says("p", "pin a layer as it is: the agent decides the rest")
	f.types(second/5, "j", "j", "j")
	f.press("p")
	f.sees("⚑ block2.conv1 sparsity=")
	f.look(2 * second)
	f.says("t", "another target: what it would change is said before it is given")
	f.types(second/4, "t", "C-u")
	f.types(second/4, strings.Split("target 0.35", "")...)
	f.look(second)
	f.press("Enter")
	f.sees("≤ 0.350×")
	f.look(2 * second)
	f.says("space", "resume; what was learned counts for the new target, too")
	f.press("Space")
	f.sees("▶ running")
	for from := f.episode(); f.episode() < from+30; {
		f.watch(1, 2*second, second/3)
	}

	f.says("enter", "why did a layer get its bits? what it was given, its sensitivity, its history")
	f.press("b", "j", "Enter")
	f.sees("what it was given")
	f.look(3 * second)
	f.says("m", "and what each choice would cost it on this device, timed now")
	f.press("m")
	f.sees("what each choice would cost")
	f.look(3 * second)

	f.says("e", "all episodes, and the Pareto front")
	f.press("Escape")
	f.sees("10 layers")
	f.press("e")
	f.sees("episodes of demo")
	f.look(2 * second)
	f.says("[ ]", "along the front")
	f.types(second/2, "[", "[", "]", "]")
	f.says("space x", "mark two and compare their policies, layer by layer")
	f.press("g", "Space")
	f.look(second / 2)
	f.press("]", "Space")
	f.look(second / 2)
	f.press("x")
	f.sees("10 layers", "Δ #")
	f.look(3 * second)
	f.says("E", "take a network away, as ONNX")
	f.press("e")
	f.sees("episodes of demo")
	f.press("E")
	f.sees("export episode")
	f.look(second)
	f.press("Enter")
	f.sees("wrote ")
	f.look(2 * second)

	f.says("q d", "detach: the search goes on in the background, also when the connection dies")
	f.press("q")
	f.sees("d detach")
	f.look(3 * second / 2)
	f.press("d")
	f.sees("goes on in the background")
	f.look(second)
	f.says("$ galen", "and is found again, from any number of terminals")
	f.types(second/10, strings.Split("galen", "")...)
	f.press("Enter")
	f.sees("▶ running", "10 layers")
	f.watch(4, second, second/2)
	poster := len(f.frames) - 1
	f.look(2 * second)

	got := picture.Film(f.frames, filmWidth, filmHeight+filmCaption, poster)
	path := filepath.Join("..", "..", "docs", "demo.svg")
	if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d frames in %d bytes", len(f.frames), len(got))
	if len(got) > 300<<10 {
		t.Errorf("the film takes %d bytes", len(got))
	}
	var any struct{}
	if err := xml.Unmarshal([]byte(got), &any); err != nil {
		t.Error(err)
	}
}
