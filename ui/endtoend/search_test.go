// Package endtoend drives the real program in real terminals, as a person would, and
// checks what is on the screen and what is in the store.
package endtoend

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"galen/engine"
	"galen/engine/remote"
	"galen/store"
)

// stored is the only run of the store, with its settings.
func (p *program) stored() (*store.Run, engine.Settings) {
	p.t.Helper()
	var runs []*store.Run
	if err := json.Unmarshal([]byte(p.run("runs", "--json")), &runs); err != nil || len(runs) != 1 {
		p.t.Fatalf("galen runs lists %d runs, %v", len(runs), err)
	}
	var s engine.Settings
	if err := json.Unmarshal(runs[0].Settings, &s); err != nil {
		p.t.Fatal(err)
	}
	return runs[0], s
}

// grows waits until the store holds more episodes than before.
func (p *program) grows(than int) (episodes int) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if r, _ := p.stored(); r.Episodes > than {
			return r.Episodes
		}
	}
	p.t.Fatalf("the search does not go on: still %d episodes", than)
	return 0
}

// server is the process that searches.
func (p *program) server() int {
	p.t.Helper()
	c, err := remote.Dial(p.database)
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	return c.PID()
}

var counter = regexp.MustCompile(`episode +(\d+)/`)

// episode is the number in the header of a dashboard; 0: none.
func (w *terminal) episode() int {
	if m := counter.FindStringSubmatch(w.screen()); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

func TestASearchIsWatchedSteeredLeftAndFoundAgain(t *testing.T) {
	p := build(t)
	one := p.open(120, 40, "demo", "--device", "roofline:", "--episodes", "100000")
	one.until("the third episode", func(string) bool { return one.episode() >= 3 })
	server := p.server()

	// Pause, pin a layer, change the target, take one step.
	one.press("Space")
	one.sees("‖ paused")
	one.press("j", "p")
	one.sees("⚑ block1.conv1 sparsity=")
	one.press("t", "0.6", "Enter")
	one.sees("≤ 0.600×", "0.45 → 0.6")
	before, _ := p.stored()
	one.press("s")
	p.grows(before.Episodes)
	one.sees("‖ paused")
	after, settings := p.stored()
	if after.Episodes != before.Episodes+1 || settings.Target != 0.6 || settings.Limits["block1.conv1"].Free() {
		t.Errorf("after a step the store holds %d episodes, target %g, limits %v; before it %d", after.Episodes, settings.Target, settings.Limits, before.Episodes)
	}

	// Compare two episodes and export one.
	one.press("e")
	one.sees("episodes of demo")
	one.press("Space", "Space", "x")
	one.sees("Δ #"+strconv.Itoa(after.Episodes-1), "episode #"+strconv.Itoa(after.Episodes))
	network := filepath.Join(t.TempDir(), "small.onnx")
	one.press("e")
	one.sees("episodes of demo")
	one.press("E")
	one.sees("export episode")
	one.press("C-u", network, "Enter")
	one.sees("wrote ")
	if !exists(network) {
		t.Error("the export is not there")
	}
	one.press("Escape")
	one.sees("10 layers")

	// A second terminal sees the same and steers.
	two := p.open(80, 24)
	two.sees("‖ paused", "10 layers")
	two.press(":")
	two.sees("a command; tab completes")
	two.press("beta -3", "Enter")
	one.sees("beta -3", "-2 → -3")
	one.press("J")
	one.sees("journal of demo", "beta -3", "pin block1.conv1")
	one.press("Escape")
	two.press("Space")
	one.sees("▶ running")

	// The search goes on without the terminals, however they end.
	one.press("q")
	one.sees("d detach")
	one.press("d")
	one.dies()
	two.kill(syscall.SIGHUP)
	three := p.open(80, 24)
	three.sees("▶ running")
	three.kill(syscall.SIGKILL)
	r, _ := p.stored()
	p.grows(r.Episodes)
	if again := p.server(); again != server {
		t.Errorf("process %d searches now, not %d", again, server)
	}

	// The process that searches pauses and stores when it is ended.
	four := p.open(200, 60)
	four.sees("▶ running", "10 layers")
	if err := syscall.Kill(server, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	four.sees("is gone")
	four.kill(syscall.SIGKILL)
	r, settings = p.stored()
	if r.State != string(engine.Paused) || settings.Beta != -3 {
		t.Errorf("the run is %s with β %g", r.State, settings.Beta)
	}

	// Come back and resume, then stop for good.
	five := p.open(120, 40, "resume", "demo")
	five.sees("▶ running")
	p.grows(r.Episodes)
	five.press("q")
	five.sees("x stop")
	five.press("x")
	five.dies()
	if r, _ := p.stored(); r.State != string(engine.Stopped) || r.Best == nil {
		t.Errorf("the run is %s, its best %v", r.State, r.Best)
	}
	if out := p.run("show", "demo", "--json"); !strings.Contains(out, `"episode"`) {
		t.Errorf("galen show prints\n%s", out)
	}
}

// TestTheTerminalIsGivenBack ends galen by signals, which race each other within it, and by a key.
func TestTheTerminalIsGivenBack(t *testing.T) {
	p := build(t)
	w := p.shell(100, 30)
	w.sees("$")
	end := func(how string, act func(pid int)) {
		t.Helper()
		note := filepath.Join(t.TempDir(), "pid")
		w.press("sh -c 'echo $$ >"+note+"; exec galen'", "Enter")
		w.sees("starts the demo")
		text, err := os.ReadFile(note)
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		act(pid)
		w.until("the shell after "+how, func(screen string) bool { return strings.HasSuffix(strings.TrimSpace(screen), "\n$") })
		if got := strings.TrimSpace(w.tmux("display-message", "-p", "-t", w.name, "#{alternate_on}#{mouse_any_flag}#{cursor_flag}")); got != "001" {
			t.Errorf("%s leaves the terminal with the alternate screen, mouse and cursor as %s", how, got)
		}
		w.press("echo it is $((40+2))", "Enter")
		w.sees("it is 42")
		w.press("clear", "Enter")
		w.until("an empty screen", func(screen string) bool { return strings.TrimSpace(screen) == "$" })
	}
	for range 5 {
		end("SIGTERM", func(pid int) { _ = syscall.Kill(pid, syscall.SIGTERM) })
	}
	end("SIGINT", func(pid int) { _ = syscall.Kill(pid, syscall.SIGINT) })
	end("q", func(int) { w.press("q") })
}

func TestTheFirstStartOffersTheDemo(t *testing.T) {
	p := build(t)
	first := p.open(80, 24)
	first.sees("starts the demo", "enter", "asks for a network of your own")
	first.press("n")
	first.sees("new run", "no model")
	first.press("Escape")
	first.sees("starts the demo")
	if out := p.run("runs", "--json"); strings.Contains(out, `"id"`) {
		t.Errorf("a run was begun unasked:\n%s", out)
	}
	first.press("Enter")
	first.sees("preparing")
	first.press("q")
	first.sees("x stop")
	first.press("x")
	first.dies()
	if r, s := p.stored(); !s.Demo || r.State != string(engine.Stopped) {
		t.Errorf("the run is %s, demo %v", r.State, s.Demo)
	}
}
