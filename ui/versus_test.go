package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muesli/termenv"

	"galen/engine"
	"galen/engine/compress/structure"
	"galen/engine/planner"
	"galen/store"
)

func TestTwoRunsAreCompared(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.compareTwo()
	v, ok := s.model.top().(*versus)
	if !ok {
		t.Fatalf("c does not compare:\n%s", s.text())
	}
	s.sees("demo and board-night", "136 of 410", "80 of 410", "target", "0.25", "reward", "r7", "layer1.0.conv1", "#21")
	s.misses("beta") // is the same
	a, b := v.of[0].Best, v.of[1].Best
	s.sees(signed(100*(b.Accuracy-a.Accuracy)) + " points")
	for i := range v.layers {
		if v.layers[i].results != [2]*store.LayerResult{&a.Layers[i], &b.Layers[i]} {
			t.Errorf("layer %d: %v", i, v.layers[i])
		}
	}
	s.press("G")
	if want := "layer 19 fc"; v.list.id != want {
		t.Errorf("the cursor is on %q, want %q", v.list.id, want)
	}
	s.press("esc")
	s.sees("galen   runs", "*")
}

func TestComparisonOfRunsOnANarrowTerminal(t *testing.T) {
	s := newStage(t, &fakeWorkbench{runs: sampleRuns()}, testLook(termenv.Ascii, true, false), 80, 24)
	s.compareTwo()
	s.sees("layer1.0.conv1", "tab fronts or policies")
	s.misses("top-1")
	s.press("tab")
	s.sees("top-1", "◆", "○")
	s.misses("layer1.0.conv1")
}

// TestEveryLineOfAComparisonCanBeReached goes through one of twenty layers on 24 lines, by line, by
// page and from end to end; the cursor rests on facts and layers only.
func TestEveryLineOfAComparisonCanBeReached(t *testing.T) {
	for _, way := range []string{"down", "pgdown"} {
		s := newStage(t, &fakeWorkbench{runs: sampleRuns()}, testLook(termenv.Ascii, true, false), 80, 24)
		s.compareTwo()
		v := s.model.top().(*versus)
		first, seen := v.list.id, ""
		for range 60 {
			seen += s.text()
			from, to := v.list.visible()
			s.sees(fmt.Sprintf("lines %d–%d of %d", from+1, to, len(v.list.ids)))
			if at := v.list.at; at == v.gap() || at == v.heading() || at < from || at >= to {
				t.Errorf("the cursor is on line %d of %d–%d, the gap is line %d", at, from, to, v.gap())
			}
			checkFrame(t, s)
			s.press(way)
		}
		if v.list.at != len(v.list.ids)-1 {
			t.Errorf("%s ends on line %d of %d", way, v.list.at, len(v.list.ids))
		}
		s.sees("◆ kept")
		for _, f := range v.facts {
			if !strings.Contains(seen, f.name+"  ") || !strings.Contains(seen, f.values[1]) {
				t.Errorf("%s: %s is never seen", way, f.name)
			}
		}
		for _, p := range v.layers {
			r := p.results[1]
			if !strings.Contains(seen, fmt.Sprintf("%d/%d w%d a%d %8.3f", r.Kept, r.Channels, r.WeightBits, r.ActivationBits, r.MS)) {
				t.Errorf("%s: what the second run does to %s is never seen", way, p.name)
			}
		}
		for range 60 {
			s.press("up")
		}
		if v.list.id != first {
			t.Errorf("back at the top the cursor is on %q, was on %q", v.list.id, first)
		}
		s.press("tab")
		s.misses("lines ")
	}
}

func TestAComparisonTellsWhatWasConfirmed(t *testing.T) {
	one, other := &engine.Snapshot{}, &engine.Snapshot{Best: &store.Episode{Confirmed: &store.Confirmation{Accuracy: 0.945, LatencyRatio: 0.156}}}
	if got := confirmedFacts([2]*engine.Snapshot{one, other}); len(got) != 1 || got[0].values != [2]string{unknown, "94.5 % 0.156×"} {
		t.Errorf("confirmed of one run: %v", got)
	}
	if got := confirmedFacts([2]*engine.Snapshot{one, one}); got != nil {
		t.Errorf("confirmed of none: %v", got)
	}
}

// TestAComparisonFollowsTheSearch lets the search go on while it is compared with a stored run.
func TestAComparisonFollowsTheSearch(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.compareTwo()
	v := s.model.top().(*versus)
	s.press("G", "k")
	under := v.list.id
	s.sees("136 of 410", "▶ running")

	next := sampleSnapshot(20, 138)
	next.Best = next.Episodes[137]
	next.Version++
	s.now = s.now.Add(time.Minute)
	s.live(next)
	s.sees("138 of 410", "#138", percent(next.Best.Accuracy), "80 of 410")
	s.misses("confirmed")
	if v.list.id != under {
		t.Errorf("the cursor went from %q to %q", under, v.list.id)
	}
	if got := v.layers[3].results[0]; got != &next.Best.Layers[3] {
		t.Error("the policy is still the old one")
	}
	if got, want := v.front[0], engine.Front(next.Episodes); !slices.Equal(got, want) {
		t.Errorf("the front has %d episodes, want %d", len(got), len(want))
	}

	// Nothing has changed, nothing is drawn anew.
	before := s.model.View()
	for range 3 {
		s.now = s.now.Add(time.Second)
		s.live(next)
		s.send(tickMsg{s.model.ticks})
		if s.model.View() != before {
			t.Error("the frame changed with nothing to show")
		}
	}

	// Episodes that come too fast are held back, a change of state is not.
	s.live(sampleSnapshot(20, 139))
	s.live(sampleSnapshot(20, 140))
	s.sees("139 of 410")
	s.live(sampleAs(engine.Paused, 140))
	s.sees("140 of 410", "‖ paused")
	s.misses("running")

	// A search of a run that is not compared is none of its business.
	before = s.model.View()
	other := sampleSnapshot(20, 3)
	other.Run.ID = "r3"
	s.live(other)
	if s.model.View() != before {
		t.Error("the frame shows another run")
	}

	// The other run is resumed, from another window.
	second := *s.bench.views["r2"]
	second.State, second.Episodes = engine.Running, sampleSnapshot(20, 81).Episodes
	s.model.session.active = "r2"
	s.live(&second)
	s.sees("81 of 410", "▶ running")
}

// TestLayersAreComparedByNameAndOrder joins policies of networks that do not have all layers in common.
func TestLayersAreComparedByNameAndOrder(t *testing.T) {
	best := func(names ...string) *engine.Snapshot {
		e := &store.Episode{}
		for _, n := range names {
			e.Layers = append(e.Layers, store.LayerResult{Name: n})
		}
		return &engine.Snapshot{Best: e}
	}
	a, b := best("a", "x", "x"), best("x", "b", "x", "x")
	at := func(s *engine.Snapshot, i int) *store.LayerResult { return &s.Best.Layers[i] }
	want := []pair{
		{"a", [2]*store.LayerResult{at(a, 0), nil}}, {"x", [2]*store.LayerResult{at(a, 1), at(b, 0)}}, {"x", [2]*store.LayerResult{at(a, 2), at(b, 2)}},
		{"b", [2]*store.LayerResult{nil, at(b, 1)}}, {"x", [2]*store.LayerResult{nil, at(b, 3)}},
	}
	if got := pairs([2]*engine.Snapshot{a, b}); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := pairs([2]*engine.Snapshot{{}, b}); len(got) != 4 {
		t.Errorf("one without a best episode: %v", got)
	}
}

// TestSettingsThatAreNoNumbersAreReadable compares runs by base and limits.
func TestSettingsThatAreNoNumbersAreReadable(t *testing.T) {
	of := [2]*engine.Snapshot{{}, {}}
	of[1].Settings.Base = &planner.Base{Run: "pruned", Episode: 12, Policy: make(structure.Policy, 20)}
	of[1].Settings.Episodes = 300 // is said with how many are done
	of[1].Settings.Limits = map[string]planner.Limits{"conv1": {}, "conv2": {}}
	want := []fact{{name: "from", values: [2]string{"none", "pruned:12"}}, {name: "limited", values: [2]string{"0 layers", "2 layers"}}}
	if got := differingSettings(of); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWhatCannotBeCompared(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.press("c")
	s.sees("! mark another run with space")
	s.press("space", "c")
	s.sees("! mark another run with space")
	s.press("down", "c")
	s.sees("! run r1 is not in the store")
	if len(s.model.jobs) != 0 {
		t.Error("the request still waits")
	}
	empty := func(id string) *engine.Snapshot {
		snap := sampleSnapshot(20, 0)
		run := *snap.Run
		run.ID, snap.Run = id, &run
		snap.Reference, snap.Layers = nil, nil
		return snap
	}
	s.bench.views = map[string]*engine.Snapshot{"r1": empty("r1"), "r2": empty("r2")}
	s.press("c")
	s.sees("neither run has finished an episode")
	s.press("esc")
	s.press("g", "space") // unmarks
	s.misses("*")
}
