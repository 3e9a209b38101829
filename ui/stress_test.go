package ui

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"galen/engine"
	"galen/store"
)

// TestNoLineIsWiderThanTheTerminal draws every scene at many sizes, one after the
// other as a window that is being dragged would.
func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for scene, act := range scenes {
		for _, ascii := range []bool{false, true} {
			s := newStage(t, &fakeWorkbench{runs: sampleRuns()}, testLook(termenv.ANSI256, true, ascii), 120, 40)
			act(s)
			for range 60 {
				s.send(tea.WindowSizeMsg{Width: 1 + rng.IntN(240), Height: 1 + rng.IntN(70)})
				checkFrame(t, s)
			}
			if t.Failed() {
				t.Fatalf("in scene %s", scene)
			}
		}
	}
}

// TestHostileText shows names as a broken or malicious model could bring them.
func TestHostileText(t *testing.T) {
	names := []string{
		strings.Repeat("a/very/deeply/nested/module/", 12) + "conv1",
		"\x1b[31mred\x1b[0m\x1b]0;title\x07", "line\nbreak\ttab\rreturn", "漢字漢字漢字漢字漢字漢字漢字漢字漢字", "\u202egnp.exe", "e\u0301a\u0308\u200b👩‍👩‍👧", "\xff\xfe", "",
		"\u009b31m",
	}
	for _, size := range sizes {
		snap := sampleSnapshot(20, 12)
		for i := range snap.Layers {
			snap.Layers[i].Name = fmt.Sprint(names[i%len(names)], i)
			snap.Layers[i].Why = names[(i+3)%len(names)]
		}
		run := *snap.Run
		run.Name, run.Model.Name, run.Device = names[0], names[1], names[3]
		snap.Run = &run
		snap.Activity, snap.Problem = names[2], names[0]+names[1]
		snap.Device.CPU = names[4]
		snap.Journal = []store.JournalEntry{{Who: names[5], Command: names[2]}}
		s := newStage(t, &fakeWorkbench{runs: []*store.Run{&run}}, testLook(termenv.Ascii, true, false), size[0], size[1])
		s.openLive(snap)
		checkFrame(t, s)
		s.press("x") // close the box of the problem
		checkFrame(t, s)
		s.press("esc")
		checkFrame(t, s)
		view := s.model.View()
		if i := strings.IndexAny(strings.ReplaceAll(view, "\n", ""), "\x00\x07\x08\x09\x0d\x1b\x7f\u0085\u009b\u202e"); i >= 0 {
			t.Errorf("a control character reached the terminal:\n%q", view)
		}
	}
}

// TestUnfinishedNumbers shows what is missing, infinite or contradictory.
func TestUnfinishedNumbers(t *testing.T) {
	bad := []func(s *engine.Snapshot){
		func(s *engine.Snapshot) { s.Layers, s.Reference, s.Episodes, s.Best = nil, nil, nil, nil },
		func(s *engine.Snapshot) { s.Reference = nil },
		func(s *engine.Snapshot) { s.Reference = &store.Reference{} },
		func(s *engine.Snapshot) { s.Best = nil },
		func(s *engine.Snapshot) { s.Step = 99 },
		func(s *engine.Snapshot) { s.State = "unheard of" },
		func(s *engine.Snapshot) { s.Settings.Target, s.Settings.Episodes, s.Run.Budget = 0, 0, 0 },
		func(s *engine.Snapshot) {
			e := *s.Episodes[3]
			e.Accuracy, e.LatencyRatio, e.Reward, e.LatencyMS = math.NaN(), math.Inf(1), math.Inf(-1), math.NaN()
			e.Layers = e.Layers[:2]
			s.Episodes[3] = &e
		},
		func(s *engine.Snapshot) {
			e := *s.Last()
			e.Layers, e.Noise, e.Reward = nil, math.NaN(), math.NaN()
			s.Episodes[len(s.Episodes)-1], s.Best = &e, &e
		},
		func(s *engine.Snapshot) {
			for i := range s.Layers {
				s.Layers[i].Sensitivity = store.Sensitivity{Sparsity: []float64{1000, math.NaN(), -1, 0, math.Inf(1)}}
			}
		},
	}
	for i, spoil := range bad {
		for _, size := range sizes {
			s := newStage(t, &fakeWorkbench{runs: sampleRuns()}, testLook(termenv.Ascii, true, false), size[0], size[1])
			snap := sampleSnapshot(20, 12)
			spoil(snap)
			s.openLive(snap)
			for _, k := range []string{"", "b", "r", "H", "l", "l", "l", "l", "L", "G", "f", "f", "esc"} {
				if k != "" {
					s.press(k)
				}
				checkFrame(t, s)
			}
			if t.Failed() {
				t.Fatalf("case %d at %v", i, size)
			}
		}
	}
}

func TestFitEndKeepsTheTellingEnd(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"layer1.0.conv1", 20, "layer1.0.conv1      "},
		{"/layer1/layer1.0/conv1/Conv", 16, "…r1.0/conv1/Conv"},
		{"漢字漢字漢字", 6, "…漢字 "},
		{"abc", 1, "…"},
		{"abc", 0, ""},
	} {
		got := fitEnd(c.text, c.width)
		if ansi.StringWidth(got) != c.width {
			t.Errorf("fitEnd(%q, %d) is %d cells wide: %q", c.text, c.width, ansi.StringWidth(got), got)
		}
		if c.text != "漢字漢字漢字" && got != c.want {
			t.Errorf("fitEnd(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

func TestLocaleDecidesTheSymbols(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{"LANG": "en_US.UTF-8"}, true},
		{map[string]string{"LANG": "de_DE.utf8"}, true},
		{map[string]string{"LANG": "en_US.UTF-8", "LC_ALL": "C"}, false},
		{map[string]string{"LC_CTYPE": "C.UTF-8", "LANG": "C"}, true},
		{map[string]string{"LANG": "en_US.ISO-8859-1"}, false},
		{map[string]string{}, false},
		{map[string]string{"LANG": "en_US.UTF-8", "TERM": "linux"}, false},
	} {
		if got := unicodeTerminal(func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("%v: unicode is %v", c.env, got)
		}
	}
}

func TestPlotKeepsToItsRange(t *testing.T) {
	l := testLook(termenv.Ascii, true, false)
	s := series{3, func(i int) float64 { return []float64{0, 0.5, 1}[i] }}
	rows := plot{width: 3, height: 1, low: 0, high: 1, mark: math.NaN()}.rows(l, s)
	if want := "⣀⠖⠉"; rows[0] != want {
		t.Errorf("the plot is %q, want %q", rows[0], want)
	}
	if got := l.sparkline([]float64{-5, 0, 0.5, 1, 99, math.NaN()}, 0, 1, 6); got != "▁▁▅██ " {
		t.Errorf("the sparkline is %q", got)
	}
	if got := l.meter(0.5, 3); got != "█▌ " {
		t.Errorf("the meter is %q", got)
	}
	long := series{10_000, func(i int) float64 { return float64(i / 5000) }}
	if got := l.trend(long, 4); got != "▁▁██" {
		t.Errorf("the trend of a long series is %q", got)
	}
}

// manyEpisodes is a search of a large network after ten thousand episodes.
func manyEpisodes() *engine.Snapshot {
	snap := sampleSnapshot(200, 500)
	for n := 501; n <= 10_000; n++ {
		e := *snap.Episodes[n%500]
		e.Number = n
		snap.Episodes = append(snap.Episodes, &e)
	}
	return snap
}

// BenchmarkView draws a large network after ten thousand episodes, with a new
// snapshot for every frame.
func BenchmarkView(b *testing.B) {
	for _, size := range sizes {
		for _, fresh := range []bool{true, false} {
			b.Run(fmt.Sprintf("%dx%d/fresh=%v", size[0], size[1], fresh), func(b *testing.B) {
				s := newStage(b, &fakeWorkbench{}, testLook(termenv.ANSI256, true, false), size[0], size[1])
				snap := manyEpisodes()
				s.openLive(snap)
				b.ResetTimer()
				for range b.N {
					if fresh {
						e := *snap.Last()
						next := *snap
						next.Episodes = append(snap.Episodes[:9999:9999], &e)
						s.model.Update(snapshotMsg{&next})
					}
					s.model.View()
				}
			})
		}
	}
}

// TestSpanAgreesWithTheTerminal compares the fast measure with the full one.
func TestSpanAgreesWithTheTerminal(t *testing.T) {
	for r := rune(0x20); r < 0x3000; r++ {
		if text := "a" + string(r) + "b"; span(text) != ansi.StringWidth(text) {
			t.Errorf("%q (%U) is %d cells wide, not %d", r, r, ansi.StringWidth(text), span(text))
		}
	}
}
