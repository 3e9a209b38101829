package ui

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
)

// lineWith is the line of the frame that holds a text.
func (s *stage) lineWith(text string) int {
	s.t.Helper()
	for y, line := range strings.Split(s.text(), "\n") {
		if strings.Contains(line, text) {
			return y
		}
	}
	s.t.Fatalf("no line holds %q:\n%s", text, s.text())
	return 0
}

func (s *stage) click(x, y int) {
	s.send(tea.MouseMsg{X: x, Y: y, Button: tea.MouseButtonLeft, Action: tea.MouseActionPress})
	s.send(tea.MouseMsg{X: x, Y: y, Button: tea.MouseButtonLeft, Action: tea.MouseActionRelease})
}

func (s *stage) wheel(b tea.MouseButton) {
	s.send(tea.MouseMsg{X: 10, Y: 10, Button: b, Action: tea.MouseActionPress})
}

// TestAClickMovesTheCursorToItsRow clicks rows of every list at every size.
func TestAClickMovesTheCursorToItsRow(t *testing.T) {
	for _, size := range sizes {
		for _, c := range []struct {
			keys []string // from the dashboard
			row  string
			x    int
			on   func(s *stage) bool
		}{
			{[]string{"esc"}, "board-night", 5, func(s *stage) bool { return s.model.runs.list.id == "r2" }},
			{nil, "layer1.1.conv2", 5, func(s *stage) bool { return s.model.top().(*dashboard).list.at == 3 }},
			{[]string{"e"}, "   132", size[0] - 30, func(s *stage) bool { return s.model.top().(*gallery).current().Number == 132 }},
			{[]string{"J"}, "noise 0.4  ", 20, func(s *stage) bool { e, _ := s.model.top().(*journal).current(); return e.Command == "noise 0.4" }},
		} {
			s := newStage(t, &fakeWorkbench{runs: sampleRuns()}, testLook(0, true, false), size[0], size[1])
			s.openLive(sampleSteered())
			s.press(c.keys...)
			s.click(c.x, 0) // no row
			s.click(c.x, s.lineWith(c.row))
			if !c.on(s) {
				t.Errorf("%v at %v: a click on %q left the cursor elsewhere:\n%s", c.keys, size, c.row, s.text())
			}
		}
	}
}

func TestTheWheelScrollsAndASecondClickOpens(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	d := s.model.top().(*dashboard)
	s.wheel(tea.MouseButtonWheelDown)
	s.wheel(tea.MouseButtonWheelDown)
	s.wheel(tea.MouseButtonWheelUp)
	if d.list.at != wheelStep {
		t.Errorf("the wheel led to layer %d", d.list.at)
	}
	y := s.lineWith(d.snap.Layers[4].Name)
	s.click(8, y)
	s.click(8, y)
	if _, ok := s.model.top().(*inspector); !ok || d.list.at != 4 {
		t.Errorf("a second click shows %T of layer %d", s.model.top(), d.list.at)
	}
	s.press("esc", "x") // a box
	s.click(8, y+2)
	s.wheel(tea.MouseButtonWheelDown)
	if d.list.at != 4 || len(s.bench.asked) > 0 {
		t.Error("the mouse reached what lies under a box")
	}
	s.press("n", "?")
	s.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	s.wheel(tea.MouseButtonWheelDown)
	s.sees("lines 4–24")
}

// TestHelpShowsEveryKeyAtTheLeastSize scrolls through the help of every scene.
func TestHelpShowsEveryKeyAtTheLeastSize(t *testing.T) {
	for _, scene := range []string{"runs", "running", "layer", "episodes", "journal", "device", "compare"} {
		s := newStage(t, &fakeWorkbench{runs: sampleRuns()}, testLook(0, true, false), minWidth, minHeight)
		scenes[scene](s)
		groups, legend := append(s.model.top().Keys(), s.model.session.keys.editing()), s.model.top().Legend()
		s.press("?")
		seen := s.text()
		for range 60 {
			s.press("down")
			seen += s.text()
			checkFrame(t, s)
		}
		var want []string
		for _, g := range groups {
			want = append(want, g.title)
			for _, k := range g.keys {
				want = append(want, fit(k.Help().Key, helpKeyWidth, false)+k.Help().Desc)
			}
		}
		for _, e := range legend {
			want = append(want, e[0])
			want = append(want, strings.Fields(e[1])...)
		}
		for _, w := range append(want, "save the screen as text", "close") {
			if !strings.Contains(seen, w) {
				t.Errorf("%s: the help never shows %q", scene, w)
			}
		}
		s.press("q")
		if s.model.help || s.quit {
			t.Errorf("%s: q does not close the help alone", scene)
		}
	}
}

func TestRunsAreSorted(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	for _, want := range []string{"r1 r2 r3 r4 r5", "r2 r5 r1 r3 r4", "r2 r3 r1 r4 r5", "r1 r3 r2 r4 r5", "r1 r2 r3 r4 r5"} {
		if got := strings.Join(s.model.runs.list.ids, " "); got != want {
			t.Errorf("sorted by %s: %s, want %s", runOrderNames[s.model.runs.sorted], got, want)
		}
		s.press("s")
	}
	s.press("g", "j")
	before := s.model.runs.list.id
	s.press("s", "s")
	if id := s.model.runs.list.id; id != before {
		t.Errorf("sorting moved the cursor to %s", id)
	}
}

func TestTheJournalFollowsTheSearch(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	snap := sampleSteered()
	s.openLive(snap)
	s.press("J", "down")
	s.sees("5 commands", "undone: 0.11 → 0.4")
	more := *snap
	more.Journal = append(more.Journal[:5:5], more.Journal[0])
	more.Version++
	s.live(&more)
	s.sees("6 commands")
	if e, _ := s.model.top().(*journal).current(); e.Command != "undo" {
		t.Errorf("the cursor is on %q", e.Command)
	}
	s.press("u")
	s.press(":")
	s.press(append(typed("beta -3"), "enter")...)
	if got := strings.Join(s.bench.asked, ", "); got != "undo by tester, beta -3 by tester" {
		t.Errorf("asked for %q", got)
	}
	s.press("esc")
	s.live(sampleSnapshot(20, 136))
	if _, ok := s.model.top().(*dashboard); !ok {
		t.Errorf("esc shows %T", s.model.top())
	}
}

func TestDeviceTurnsEpisodes(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 136))
	s.press("D", "[", "[")
	s.sees("episode #134 of 136", "120 samples", "steady", "noisy 3")
	s.press("x", "space", ":")
	if len(s.bench.asked) > 0 || s.model.box != nil {
		t.Error("keys that the screen does not offer act")
	}
	s = plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleAs(engine.Running, 0))
	s.press("D")
	s.sees("no episode has been measured yet")
}
