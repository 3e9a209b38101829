package ui

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"galen/engine"
	"galen/engine/planner"
)

var update = flag.Bool("update", false, "write the golden frames anew")

// testLook is a look that depends on nothing but its arguments.
func testLook(colours termenv.Profile, dark, ascii bool) *look {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(colours)
	r.SetHasDarkBackground(dark)
	return newLook(r, ascii)
}

// stage is an interface without a terminal: messages go in, frames come out.
type stage struct {
	t     testing.TB
	model *model
	bench *fakeWorkbench
	now   time.Time
	quit  bool
}

func newStage(t testing.TB, w *fakeWorkbench, l *look, width, height int) *stage {
	s := &stage{t: t, bench: w, now: epoch}
	s.model = newModel(context.Background(), w, Options{Who: "tester"}, l, func() time.Time { return s.now })
	s.model.timer = func(time.Duration, func(time.Time) tea.Msg) tea.Cmd { return nil } // tests tick by hand
	s.run(s.model.Init())
	s.send(tea.WindowSizeMsg{Width: width, Height: height})
	return s
}

func (s *stage) send(msg tea.Msg) {
	_, cmd := s.model.Update(msg)
	s.run(cmd)
}

// run carries out commands as the program would, one after the other.
func (s *stage) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case tea.BatchMsg:
		for _, c := range msg {
			s.run(c)
		}
	case tea.QuitMsg:
		s.quit = true
	case nil:
	default:
		s.send(msg)
	}
}

func (s *stage) live(snap *engine.Snapshot) { s.send(snapshotMsg{snap}) }

func (s *stage) press(keys ...string) {
	for _, k := range keys {
		s.send(keyPress(k))
	}
}

func keyPress(k string) tea.KeyMsg {
	for t, name := range map[tea.KeyType]string{
		tea.KeyEnter: "enter", tea.KeyEsc: "esc", tea.KeyUp: "up", tea.KeyDown: "down", tea.KeyLeft: "left", tea.KeyRight: "right",
		tea.KeyPgUp: "pgup", tea.KeyPgDown: "pgdown", tea.KeyCtrlC: "ctrl+c", tea.KeyBackspace: "backspace", tea.KeyTab: "tab", tea.KeyShiftTab: "shift+tab", tea.KeyHome: "home", tea.KeyEnd: "end", tea.KeyCtrlLeft: "ctrl+left", tea.KeyCtrlRight: "ctrl+right",
		tea.KeyCtrlU: "ctrl+u", tea.KeyCtrlK: "ctrl+k", tea.KeyCtrlV: "ctrl+v", tea.KeyCtrlW: "ctrl+w", tea.KeyDelete: "delete", tea.KeyCtrlY: "ctrl+y", tea.KeyCtrlS: "ctrl+s",
	} {
		if name == k {
			return tea.KeyMsg{Type: t}
		}
	}
	if k == "space" {
		return tea.KeyMsg{Type: tea.KeySpace, Runes: []rune(" ")}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)}
}

// text is the frame without colours.
func (s *stage) text() string { return ansi.Strip(s.model.View()) }

// sees fails unless the frame holds every text.
func (s *stage) sees(texts ...string) {
	s.t.Helper()
	frame := s.text()
	for _, t := range texts {
		if !strings.Contains(frame, t) {
			s.t.Errorf("the frame does not show %q:\n%s", t, frame)
		}
	}
}

func (s *stage) misses(texts ...string) {
	s.t.Helper()
	frame := s.text()
	for _, t := range texts {
		if strings.Contains(frame, t) {
			s.t.Errorf("the frame shows %q:\n%s", t, frame)
		}
	}
}

// scenes are what the golden frames show.
var scenes = map[string]func(s *stage){
	"runs-empty": func(s *stage) { s.send(runsMsg{}) },
	"runs":       func(s *stage) { s.openLive(sampleSnapshot(20, 136)); s.press("esc", "down") },
	"preparing":  func(s *stage) { s.openLive(samplePreparing()) },
	"running":    func(s *stage) { s.openLive(sampleSnapshot(20, 136)); s.press("down", "down") },
	"paused":     func(s *stage) { s.openLive(sampleAs(engine.Paused, 136)); s.press("b") },
	"finished": func(s *stage) {
		snap := sampleAs(engine.Finished, 410)
		confirm(snap, snap.Best.Number)
		s.openLive(snap)
		s.press("r", "G")
	},
	"first": func(s *stage) { s.openLive(sampleSnapshot(20, 0)) },
	"help":  func(s *stage) { s.openLive(sampleSnapshot(20, 136)); s.press("?") },
	"pinned": func(s *stage) {
		snap := sampleSnapshot(20, 136)
		half, four := &planner.Span[float64]{Least: 0.5, Most: 0.5}, &planner.Span[int]{Least: 4, Most: 8}
		snap.Settings.Limits = map[string]planner.Limits{snap.Layers[2].Name: {Sparsity: half}, snap.Layers[4].Name: {Weights: four}}
		snap.Settings.Frozen = []string{"prune"}
		s.openLive(snap)
		s.press("down", "down")
	},
	"episodes": func(s *stage) { s.openLive(sampleSnapshot(20, 136)); s.press("e", "s", "down", "space", "down") },
	"form":     func(s *stage) { s.send(runsMsg{}); s.press("n"); s.press(typed("nowhere.onnx")...) },
	"form-from": func(s *stage) {
		fillForm(s.t, s)
		withPrunedRuns(s.t, s)
		s.press("tab", "tab", "right", "tab")
		s.press(typed("pruned:12")...)
		s.press("enter")
	},
	"form-tried": func(s *stage) {
		fillForm(s.t, s)
		s.press("enter")
	},
	"layer":   func(s *stage) { s.openLive(sampleSnapshot(20, 136)); s.press("down", "down", "enter") },
	"command": func(s *stage) { s.openLive(sampleSnapshot(20, 136)); s.press(":", "t", "a", "tab", "0", ".", "3") },
	"journal": func(s *stage) { s.openLive(sampleSteered()); s.press("J", "down") },
	"log": func(s *stage) {
		s.bench.log = sampleLog()
		s.openLive(sampleSteered())
		s.send(failureMsg{errors.New("the process that searched is gone")})
		s.press("!", "up", "up")
	},
	"device": func(s *stage) { s.openLive(sampleSteered()); s.press("[", "D") },
	"two": func(s *stage) {
		s.openLive(sampleSnapshot(20, 136))
		s.press("e", "space", "down", "down", "space", "x")
	},
	"costs": func(s *stage) {
		snap := sampleSnapshot(20, 136)
		snap.Costs = sampleCosts(snap)
		s.openLive(snap)
		s.press("down", "down", "enter")
	},
	"compare":     (*stage).compareTwo,
	"compare-end": func(s *stage) { s.compareTwo(); s.press("G") },
	"stop":        func(s *stage) { s.openLive(sampleSnapshot(20, 136)); s.press("x") },
}

// openLive shows a run that the process searches.
func (s *stage) openLive(snap *engine.Snapshot) {
	s.model.session.active = snap.Run.ID
	s.send(runsMsg{runs: s.bench.runs})
	s.model.carryOut(openIntent{snap.Run.ID})
	s.live(snap)
}

// compareTwo shows the live run beside a stored one.
func (s *stage) compareTwo() {
	other := sampleSnapshot(20, 80)
	run := *other.Run
	run.ID, run.Name = "r2", "board-night"
	other.Run, other.State = &run, engine.Paused
	other.Settings.Target, other.Settings.Reward = 0.25, "r7"
	other.Best = other.Episodes[20]
	s.bench.views = map[string]*engine.Snapshot{"r2": other}
	s.openLive(sampleSnapshot(20, 136))
	s.press("esc", "g", "space", "down", "c")
}

// overlays are scenes of which one size and look are enough.
var overlays = map[string]bool{"first": true, "form-from": true, "compare-end": true, "stop": true, "command": true}

var sizes = [][2]int{{80, 24}, {120, 40}, {200, 60}}

// TestFrames compares whole screens with stored ones; -update writes them anew.
func TestFrames(t *testing.T) {
	looks := map[string]*look{
		"dark":  testLook(termenv.ANSI256, true, false),
		"plain": testLook(termenv.Ascii, true, false),
		"ascii": testLook(termenv.Ascii, true, true),
		"light": testLook(termenv.ANSI256, false, false),
	}
	for scene, act := range scenes {
		for _, size := range sizes {
			for name, l := range looks {
				if overlays[scene] && (size != sizes[0] || name != "plain") {
					continue
				}
				file := fmt.Sprintf("%s-%dx%d-%s.txt", scene, size[0], size[1], name)
				t.Run(file, func(t *testing.T) {
					s := newStage(t, &fakeWorkbench{runs: sampleRuns()}, l, size[0], size[1])
					golden, err := filepath.Abs("testdata")
					if err != nil {
						t.Fatal(err)
					}
					act(s)
					got := s.model.View() + "\n"
					path := filepath.Join(golden, file)
					if name == "light" && size != sizes[0] { // its inks alone differ from the dark one's
						dark := newStage(t, &fakeWorkbench{runs: sampleRuns()}, looks["dark"], size[0], size[1])
						act(dark)
						if s.text() != dark.text() || s.model.View() == dark.model.View() {
							t.Errorf("the frame does not differ from the dark one in its inks alone:\n%s", got)
						}
						return
					}
					if *update {
						if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
							t.Fatal(err)
						}
					}
					want, err := os.ReadFile(path)
					if err != nil {
						t.Fatalf("%v; write it with go test ./ui -run TestFrames -update", err)
					}
					if got != string(want) {
						t.Errorf("the frame differs from testdata/%s; got:\n%s", file, got)
					}
					checkFrame(t, s)
				})
			}
		}
	}
}

// checkFrame asserts what holds for every frame: it fills the terminal exactly and
// no line is wider than it; an ASCII one is ASCII.
func checkFrame(t testing.TB, s *stage) {
	t.Helper()
	view := s.model.View()
	lines := strings.Split(view, "\n")
	if !s.model.tooSmall() && len(lines) != s.model.height || len(lines) > s.model.height {
		t.Errorf("the frame has %d lines on a terminal of %d:\n%s", len(lines), s.model.height, view)
	}
	for i, line := range lines {
		if n := ansi.StringWidth(line); n > s.model.width {
			t.Errorf("line %d is %d cells wide on a terminal of %d: %q", i, n, s.model.width, line)
		}
	}
	if s.model.session.look.ascii {
		for _, r := range view {
			if r > 0x7e {
				t.Errorf("%q is not ASCII", r)
				break
			}
		}
		l := s.model.session.look
		for _, mark := range []string{l.cursorMark, l.stepMark, l.bestMark, l.frontMark, l.rivalMark, l.chosenMark, l.upright, l.corner, l.axis, l.guide} {
			if asciiOnly(mark) != mark {
				t.Errorf("%q has no form in ASCII", mark)
			}
		}
	}
}
