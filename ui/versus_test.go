package ui

import (
	"testing"

	"github.com/muesli/termenv"

	"galen/engine"
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
	if at := v.list.at; at != 19 {
		t.Errorf("the cursor is on layer %d", at)
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
