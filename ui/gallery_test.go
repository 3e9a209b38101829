package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
	"galen/store"
)

// fewEpisodes is a run with episodes whose order by everything is plain to see.
func fewEpisodes() *engine.Snapshot {
	s := sampleSnapshot(20, 5)
	for i, e := range s.Episodes {
		e := *e
		e.Accuracy = []float64{0.90, 0.80, 0.85, 0.60, 0.95}[i]
		e.LatencyRatio = []float64{0.50, 0.20, 0.40, 0.60, 0.90}[i]
		e.Reward = []float64{3, 5, 4, 1, 2}[i]
		e.Flags = nil
		if i == 3 {
			e.Flags = []string{"noisy"}
		}
		s.Episodes[i] = &e
	}
	s.Best = s.Episodes[1]
	s.Settings.Target = 0.4
	return s
}

func numbers(episodes []*store.Episode) []int {
	var out []int
	for _, e := range episodes {
		out = append(out, e.Number)
	}
	return out
}

func openGallery(t *testing.T) (*stage, *gallery) {
	t.Helper()
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(fewEpisodes())
	s.press("e")
	g, ok := s.model.top().(*gallery)
	if !ok {
		t.Fatal("e does not show the episodes")
	}
	return s, g
}

func TestEpisodesAreSortedAndFiltered(t *testing.T) {
	s, g := openGallery(t)
	for _, want := range [][]int{{5, 4, 3, 2, 1}, {5, 1, 3, 2, 4}, {2, 3, 1, 4, 5}, {2, 3, 1, 5, 4}, {5, 4, 3, 2, 1}} {
		if got := numbers(g.shown); !slices.Equal(got, want) {
			t.Errorf("sorted by %s: %v, want %v", orderNames[g.sorted], got, want)
		}
		s.press("s")
	}
	s.press("esc", "e") // anew
	g = s.model.top().(*gallery)
	for filter, want := range map[string][]int{
		"front": {5, 3, 2, 1}, "met": {3, 2}, "noisy": {4}, "acc>84": {5, 3, 1}, "lat<0.5": {3, 2}, "reward>3 front": {3, 2}, "#4": {4}, "acc>": {5, 4, 3, 2, 1}, "nothing": nil,
	} {
		s.press(append([]string{"/"}, typed(filter)...)...)
		if got := numbers(g.shown); !slices.Equal(got, want) {
			t.Errorf("filter %q shows %v, want %v", filter, got, want)
		}
		s.press("esc")
	}
}

func TestTheCursorStaysOnItsEpisode(t *testing.T) {
	s, g := openGallery(t)
	s.press("down") // 4
	more := fewEpisodes()
	another := *more.Episodes[0]
	another.Number = 6
	more.Episodes = append(more.Episodes, &another)
	more.Version++
	s.live(more)
	if e := g.current(); e.Number != 4 || len(g.shown) != 6 {
		t.Errorf("the cursor is on episode %d of %d", e.Number, len(g.shown))
	}
}

// TestConfirmedFiguresAreShown confirms an episode while its run is on screen.
func TestConfirmedFiguresAreShown(t *testing.T) {
	s, _ := openGallery(t)
	s.misses("confirmed")
	confirmed := fewEpisodes()
	confirmed.Version++
	confirmed.Settings.Episodes, confirmed.Run.Budget, confirmed.Episode = 5, 5, 6
	confirm(confirmed, 3)
	s.live(confirmed)
	s.press("down", "down")
	s.sees("episode 3 confirmed 84.6 % 0.403× ± 0.001")
	if row := strings.Split(s.text(), "\n")[s.lineWith("    3   85.0 %")]; !strings.Contains(row, "★") || !strings.Contains(row, "confirmed") {
		t.Errorf("the best is not marked: %q", row)
	}
	s.press(append([]string{"/"}, append(typed("confirmed"), "enter")...)...)
	s.sees("1 of 5")
	s.press("esc", "esc", "b")
	s.sees("5/5", "best episode #3  85.0 %  0.400×  confirmed 84.6 % 0.403× ± 0.001", "  confirmed 84.6 % 0.403× ± 0.001 ")
	s.misses("6/5")
	s.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	s.sees("best episode #3  confirmed 84.6 % 0.403× ± 0.001  ", "layers 1–15 of 20 ")
	s.send(tea.WindowSizeMsg{Width: 120, Height: 40})
	s.press("esc")
	s.sees("84.6 %", "0.403×")
	s.misses("85.0 %")
}

// TestTheTargetIsMetAsTheSearchMeansIt has episodes a little above the target, and above it once confirmed.
func TestTheTargetIsMetAsTheSearchMeansIt(t *testing.T) {
	s, g := openGallery(t)
	snap := fewEpisodes()
	snap.Version++
	confirm(snap, 2)
	snap.Settings.Target = 0.2 // confirmed at 0.203
	s.live(snap)
	s.press(append([]string{"/"}, append(typed("met"), "enter")...)...)
	if got := numbers(g.shown); got != nil {
		t.Errorf("%v meet the target", got)
	}
	s.press("esc", "esc", "b")
	s.sees("no episode meets the target yet;  ", "this is the fastest  ")
	steered := *fewEpisodes()
	steered.Settings.Target = 0.19
	s.now = s.now.Add(time.Minute)
	s.live(&steered)
	s.sees("no episode meets the target yet; this is the fastest")
	steered = *snap
	s.now = s.now.Add(time.Minute)
	steered.Settings.Target = 0.3999
	steered.Version++
	s.live(&steered)
	s.misses("no episode meets")
	s.press("e")
	s.press(append([]string{"/"}, typed("met")...)...)
	if got := numbers(s.model.top().(*gallery).shown); !slices.Equal(got, []int{3, 2}) {
		t.Errorf("%v meet the target", got)
	}
}

func TestMovingAlongTheFront(t *testing.T) {
	s, g := openGallery(t)
	for _, step := range []struct {
		key  string
		want int
	}{{"left", 1}, {"left", 3}, {"left", 2}, {"left", 2}, {"right", 3}, {"right", 1}, {"right", 5}, {"right", 5}} {
		s.press(step.key)
		if g.current().Number != step.want {
			t.Errorf("%s leads to episode %d, want %d", step.key, g.current().Number, step.want)
		}
	}
}

func TestTwoEpisodesAreCompared(t *testing.T) {
	s, _ := openGallery(t)
	s.press("down", "space", "down", "space", "x") // 4 and 2
	s.sees("episode #4 ", "Δ #2")
	s.press("L")
	s.misses("Δ #2")
	s, _ = openGallery(t)
	s.press("x")
	s.sees("episode #5 ", "Δ #2")
}

func TestEpisodesAreShownTriedAndExported(t *testing.T) {
	s, _ := openGallery(t)
	s.press("down", "T", "E")
	s.sees("export episode 4 to demo-4.onnx")
	s.press("backspace", "backspace", "backspace", "backspace", "backspace", "b", "enter")
	s.sees("wrote demo-4b")
	if want := []string{"try 4 by tester", "export r1 4 to demo-4b"}; !slices.Equal(s.bench.asked, want) {
		t.Errorf("asked for %q, want %q", s.bench.asked, want)
	}
	s.press("enter")
	s.sees("episode #4 of 5")

	s, g := openGallery(t)
	g.snap.Run.Name = "nets/demo"
	s.press("E")
	s.sees("export episode 5 to nets-demo-5.onnx")

	s, _ = openGallery(t)
	s.bench.refusal = errors.New("no space left")
	s.press("E", "enter")
	s.sees("! no space left")
}

func TestNoEpisodesAreNoTrouble(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 0))
	s.press("e", "enter", "space", "x", "T", "E", "left", "right", "s", "down")
	s.sees("no episode has finished yet")
	if len(s.bench.asked) != 0 {
		t.Errorf("asked for %q", s.bench.asked)
	}
}
