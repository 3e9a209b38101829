package ui

import (
	"slices"
	"strings"
	"testing"

	"galen/store"
)

func TestInspectorFollowsTheCursor(t *testing.T) {
	snap := sampleSnapshot(20, 30)
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(snap)
	s.press("down", "enter")
	s.sees(" "+snap.Layers[1].Name+"   Conv", "layer 2 of 20", "what it was given", "sensitivity", "over the episodes")
	s.press("right")
	s.sees(" "+snap.Layers[2].Name+"   Conv", "layer 3 of 20", "pruned by itself")
	s.press("right", "right", "right", "right", "right", "right", "right", "right")
	s.sees("layer 11 of 20", "pruned together with "+snap.Layers[14].Name+" (decides)")
	s.press("G")
	s.sees(" fc   Gemm", "keeps its channels")
	s.press("left", "p")
	if len(s.bench.asked) != 1 || !strings.HasPrefix(s.bench.asked[0], "pin "+snap.Layers[18].Name) {
		t.Errorf("asked for %q", s.bench.asked)
	}
	s.press("esc")
	s.sees("last episode")
	if d := s.model.top().(*dashboard); d.list.at != 18 {
		t.Errorf("the dashboard's cursor is on layer %d", d.list.at)
	}
}

func TestALayersChoicesAreTimed(t *testing.T) {
	snap := sampleSnapshot(20, 30)
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(snap)
	s.press("down", "down", "enter")
	s.misses("timed alone")
	s.press("m")
	if want := []string{"cost " + snap.Layers[2].Name + " by tester"}; !slices.Equal(s.bench.asked, want) {
		t.Errorf("asked for %q, want %q", s.bench.asked, want)
	}
	timed := *snap
	timed.Costs = sampleCosts(snap)
	timed.Version++
	s.live(&timed)
	s.sees("what each choice would cost", "fp32", "int8", "w1a1", "64 ch", "16 ch", "0.640", "of fp32", "0.67", "kernel")
	s.press("right")
	s.misses("timed alone")

	elsewhere := *snap
	elsewhere.Version += 2
	elsewhere.Settings.Device = "roofline:"
	s.live(&elsewhere)
	s.press("m")
	s.sees("! roofline: does not tell how long a layer by itself takes")
	if len(s.bench.asked) != 1 {
		t.Errorf("asked for %q", s.bench.asked)
	}
}

func TestInspectorWithNothingToShow(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	snap := sampleSnapshot(20, 0)
	for i := range snap.Layers {
		snap.Layers[i].Sensitivity = store.Sensitivity{}
	}
	s.openLive(snap)
	s.press("enter")
	s.sees("no episode has finished yet", "not measured yet")
}

func TestChoicesGatherWhatEpisodesDid(t *testing.T) {
	episode := func(accuracy float64, kept, bits int, ms float64) *store.Episode {
		return &store.Episode{Accuracy: accuracy, Layers: []store.LayerResult{{Kept: kept, WeightBits: bits, ActivationBits: bits, MS: ms, Kernel: "int8"}}}
	}
	got := choices([]*store.Episode{episode(0.5, 8, 8, 3), episode(0.7, 8, 8, 1), episode(0.6, 8, 8, 2), episode(0.4, 16, 4, 5), episode(0.3, 8, 4, 1)}, 0)
	var order []int
	for _, c := range got {
		order = append(order, c.kept, c.weights, len(c.ms))
	}
	if want := []int{16, 4, 1, 8, 8, 3, 8, 4, 1}; !slices.Equal(order, want) {
		t.Errorf("channels, bits and times are %v, want %v", order, want)
	}
	if c := got[1]; c.best != 0.7 || c.ms[len(c.ms)/2] != 2 {
		t.Errorf("8 channels at 8 bits: best %v, median %v ms", c.best, c.ms[len(c.ms)/2])
	}
}
