package engine

import (
	"context"
	"math"
	"testing"
)

// TestDynamicProgramMeetsTheTarget checks that what the program chooses from its corrected
// tables takes as long as it says, though latencies of layers do not add up.
func TestDynamicProgramMeetsTheTarget(t *testing.T) {
	settings := testSettings(dynamic, 13)
	settings.RoundTo = 1
	load := smallWorkload(t)
	for _, target := range []float64{0.5, 0.3} {
		settings.Target = target
		db, id := createRun(t, settings)
		s := search(t, context.Background(), db, id, load)
		probes := len(probeSparsities) + len(probeBits)
		closest := math.Inf(1)
		for _, e := range s.episodes[probes:] {
			closest = min(closest, math.Abs(e.LatencyRatio/target-1))
			t.Logf("target %.2f: episode %d takes %.3f", target, e.Number, e.LatencyRatio)
		}
		if closest > 0.03 {
			t.Errorf("target %.2f: no solution comes closer than %.1f %%", target, 100*closest)
		}
	}
}

func TestInterpolate(t *testing.T) {
	xs, ys := []float64{0, 1, 3}, []float64{4, 2, 1}
	for _, c := range []struct{ x, want float64 }{{0, 4}, {0.5, 3}, {1, 2}, {2, 1.5}, {3, 1}, {5, 0}, {-1, 6}} {
		if got := interpolate(xs, ys, c.x); got != c.want {
			t.Errorf("at %v: %v, want %v", c.x, got, c.want)
		}
	}
}
