package engine

import (
	"math/rand/v2"
	"testing"

	"galen/store"
)

func TestFrontHoldsWhatNothingDominates(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var episodes []*store.Episode
	for n := range 300 {
		// Few different values, so that there are equals.
		episodes = append(episodes, &store.Episode{Number: n + 1, Accuracy: float64(rng.IntN(20)) / 20, LatencyRatio: float64(1+rng.IntN(20)) / 20})
	}
	dominates := func(a, b *store.Episode) bool {
		return a.Accuracy >= b.Accuracy && a.LatencyRatio <= b.LatencyRatio &&
			(a.Accuracy > b.Accuracy || a.LatencyRatio < b.LatencyRatio || a.Number < b.Number)
	}
	front := map[*store.Episode]bool{}
	latest := 0.0
	for _, e := range Front(episodes) {
		if front[e] = true; e.LatencyRatio <= latest {
			t.Errorf("episode %d is out of order", e.Number)
		}
		latest = e.LatencyRatio
	}
	for _, b := range episodes {
		dominated := false
		for _, a := range episodes {
			dominated = dominated || dominates(a, b)
		}
		if dominated == front[b] {
			t.Errorf("episode %d: dominated is %v, on the front is %v", b.Number, dominated, front[b])
		}
	}
	if len(Front(nil)) != 0 {
		t.Error("no episodes have a front")
	}
}
