package engine

import (
	"context"
	"math"
	"testing"
)

// TestDynamicProgramMeetsTheTarget checks that what the program chooses from its corrected
// tables takes as long as it says, though latencies of layers do not add up.
func TestDynamicProgramMeetsTheTarget(t *testing.T) {
	settings := testSettings("dynamic", 13)
	settings.RoundTo = 1
	load := smallWorkload(t)
	for _, target := range []float64{0.5, 0.3} {
		settings.Target = target
		db, id := createRun(t, settings)
		s := search(t, context.Background(), db, id, load)
		const probes = 5 + 3 // sparsities, and precisions without pruning
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
