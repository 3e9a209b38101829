package ui

import (
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"galen/engine"
)

// demoSnapshot is a search of the demo as it stood in a real run, after 159 episodes.
func demoSnapshot(t *testing.T) *engine.Snapshot {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "demo.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := new(engine.Snapshot)
	if err := json.NewDecoder(z).Decode(s); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Episodes {
		if e.Number == s.Best.Number {
			s.Best = e
		}
	}
	return s
}

// TestPicture draws the dashboard of the README; -update writes it anew.
func TestPicture(t *testing.T) {
	const width, height = 120, 36
	s := newStage(t, &fakeWorkbench{}, testLook(termenv.ANSI256, true, false), width, height)
	snap := demoSnapshot(t)
	for i := range snap.Journal {
		snap.Journal[i].Who = "you"
	}
	s.openLive(snap)
	s.press("b", "down")
	got := svg(s.model.View(), width, height)
	path := filepath.Join("..", "docs", "dashboard.svg")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with go test ./ui -run TestPicture -update", err)
	}
	if got != string(want) {
		t.Error("docs/dashboard.svg is not what the dashboard looks like; write it anew with go test ./ui -run TestPicture -update")
	}
	if len(got) > 100<<10 {
		t.Errorf("the picture takes %d bytes", len(got))
	}
	var any struct{}
	if err := xml.Unmarshal([]byte(got), &any); err != nil {
		t.Error(err)
	}
}

// Cells of the picture, in pixels.
const (
	cellWidth  = 8.0
	cellHeight = 17.0
	border     = 10.0
)

// svg draws a frame: runs of one ink are texts of fixed lengths, so that columns meet in
// any font; rules, blocks and braille dots, which meet in few fonts, are shapes.
func svg(frame string, width, height int) string {
	var b strings.Builder
	w, h := float64(width)*cellWidth+2*border, float64(height)*cellHeight+2*border
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="13" fill="#d0d0d0" xml:space="preserve">`+"\n", w, h)
	fmt.Fprintf(&b, `<rect width="%g" height="%g" rx="8" fill="#16181d"/>`+"\n", w, h)
	for row, text := range strings.Split(frame, "\n") {
		x, y := 0, border+float64(row)*cellHeight
		for _, r := range inkRuns(text) {
			n := ansi.StringWidth(r.text)
			if r.background != "" {
				fmt.Fprintf(&b, `<rect x="%g" y="%g" width="%g" height="%g" fill="%s"/>`+"\n", border+float64(x)*cellWidth, y, float64(n)*cellWidth, cellHeight, r.background)
			}
			drawRun(&b, r, x, y)
			x += n
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// drawRun draws a run of text from a column on.
func drawRun(b *strings.Builder, r inkRun, x int, y float64) {
	var shapes strings.Builder
	runes := []rune(r.text)
	for from := 0; from < len(runes); {
		to := from + 1
		left := border + float64(x+from)*cellWidth
		switch c := runes[from]; {
		case c == ' ':
		case c >= 0x2581 && c <= 0x2588: // from below
			part := float64(c-0x2580) / 8 * cellHeight
			fmt.Fprintf(&shapes, "M%.4g %.4gh%gv%.4gh-%gz", left, y+cellHeight-part, cellWidth, part, cellWidth)
		case c >= 0x2589 && c <= 0x258f: // from the left
			part := float64(0x2590-c) / 8 * cellWidth
			fmt.Fprintf(&shapes, "M%.4g %.4gh%.4gv%gh-%.4gz", left, y, part, cellHeight, part)
		case c == '─', c == '━', c == '╸':
			high, wide := 1.0, cellWidth
			if c != '─' {
				high = 2
			}
			if c == '╸' {
				wide /= 2
			}
			fmt.Fprintf(&shapes, "M%.4g %.4gh%.4gv%gh-%.4gz", left, y+cellHeight/2-high/2, wide, high, wide)
		case c == '┤':
			fmt.Fprintf(&shapes, "M%.4g %.4gh1v%gh-1zm-4 %gh4v1h-4z", left+4, y, cellHeight, cellHeight/2)
		case c >= 0x2800 && c <= 0x28ff:
			for column := range 2 {
				for dot := range 4 {
					if byte(c-0x2800)&brailleDots[column][dot] != 0 {
						fmt.Fprintf(&shapes, "M%.4g %.4gh2v2h-2z", left+1+4*float64(column), y+cellHeight-3.5-float64(dot)*cellHeight/4)
					}
				}
			}
		default:
			for to < len(runes) && !(runes[to] == ' ' && (to+1 == len(runes) || runes[to+1] == ' ')) && !drawn(runes[to]) {
				to++
			}
			var text strings.Builder
			_ = xml.EscapeText(&text, []byte(string(runes[from:to]))) // a Builder takes everything
			weight := ""
			if r.bold {
				weight = ` font-weight="bold"`
			}
			fmt.Fprintf(b, `<text x="%g" y="%g" textLength="%g"%s%s>%s</text>`+"\n", left, y+13, float64(to-from)*cellWidth, attribute("fill", r.colour), weight, text.String())
		}
		from = to
	}
	if shapes.Len() > 0 {
		fmt.Fprintf(b, `<path%s d="%s"/>`+"\n", attribute("fill", r.colour), shapes.String())
	}
}

// drawn tells which characters are shapes instead of text.
func drawn(r rune) bool {
	return strings.ContainsRune("─━╸┤", r) || r >= 0x2581 && r <= 0x258f || r >= 0x2800 && r <= 0x28ff
}

func attribute(name, value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf(` %s="%s"`, name, value)
}

// inkRun is text in one ink.
type inkRun struct {
	text               string
	colour, background string // as SVG; empty: the default
	bold               bool
}

// inkRuns reads the control sequences that inks are made of.
func inkRuns(text string) []inkRun {
	var out []inkRun
	var now inkRun
	for text != "" {
		plain, rest, found := strings.Cut(text, "\x1b[")
		if plain != "" {
			now.text = plain
			out = append(out, now)
		}
		if !found {
			break
		}
		sequence, after, _ := strings.Cut(rest, "m")
		codes := strings.Split(sequence, ";")
		for i := 0; i < len(codes); i++ {
			switch codes[i] {
			case "0", "":
				now = inkRun{}
			case "1":
				now.bold = true
			case "38", "48":
				colour := palette(codes[i+2])
				if codes[i] == "38" {
					now.colour = colour
				} else {
					now.background = colour
				}
				i += 2
			}
		}
		text = after
	}
	return out
}

// palette is a colour of the 256 by xterm's rule: a cube of six levels, then greys.
func palette(code string) string {
	n, err := strconv.Atoi(code)
	if err != nil || n < 16 {
		return ""
	}
	if n >= 232 {
		grey := 8 + 10*(n-232)
		return fmt.Sprintf("#%02x%02x%02x", grey, grey, grey)
	}
	part := func(i int) int {
		if i == 0 {
			return 0
		}
		return 55 + 40*i
	}
	n -= 16
	return fmt.Sprintf("#%02x%02x%02x", part(n/36), part(n/6%6), part(n%6))
}
