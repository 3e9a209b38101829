package engine

import (
	"math"
	"math/rand/v2"
	"testing"

	"galen/store"
)

// foretold is a search of two layers whose accuracy follows from what is left of them, with so much noise.
func foretold(noise float64, episodes int) (s *Search, worth func(e *store.Episode) float64) {
	s = &Search{}
	s.settings = DefaultSettings()
	s.reference = &store.Reference{Accuracy: 1}
	gentle, steep := make([]float64, 10), make([]float64, 10)
	for i := range 10 {
		gentle[i], steep[i] = 0.01*float64(i), 0.3*float64(i)
	}
	s.layers = []Layer{
		{Name: "a", Out: 16, Root: true, Prunable: true, Sensitivity: store.Sensitivity{Sparsity: gentle, WeightBits: gentle, ActivationBits: gentle}},
		{Name: "b", Out: 16, Root: true, Prunable: true, Sensitivity: store.Sensitivity{Sparsity: steep, WeightBits: steep, ActivationBits: steep}},
	}
	worth = func(e *store.Episode) float64 {
		a, b := e.Layers[0], e.Layers[1]
		return 0.9 - 0.1*a.Sparsity - 0.8*b.Sparsity*b.Sparsity - 0.3*coarseness(a.WeightBits) - 0.1*coarseness(b.ActivationBits)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for n := range episodes {
		e := &store.Episode{Number: n + 1, LatencyRatio: 0.2}
		for _, l := range s.layers {
			kept := 4 * (1 + rng.IntN(4))
			e.Layers = append(e.Layers, store.LayerResult{
				Name: l.Name, Kept: kept, Channels: 16, Sparsity: 1 - float64(kept)/16, Asked: 1 - float64(kept)/16,
				WeightBits: []int{4, 6, 8}[rng.IntN(3)], ActivationBits: []int{4, 6, 8}[rng.IntN(3)],
			})
		}
		e.Accuracy = worth(e) + noise*rng.NormFloat64()
		s.episodes = append(s.episodes, e)
	}
	return s, worth
}

func TestAccuracyIsForetold(t *testing.T) {
	all, _ := foretold(0, 120)
	s, worth := foretold(0, 60)
	m := s.newAccuracyModel()
	var wrong, spread float64
	for _, e := range all.episodes[60:] {
		wrong += math.Pow(m.predict(policyOf(e), sizesOf(e))-worth(e), 2)
		spread += math.Pow(worth(e)-0.55, 2)
	}
	if share := math.Sqrt(wrong / spread); share > 0.2 {
		t.Errorf("the error is %.2f of the spread", share)
	}
}

// TestTheLeaderIsNotTheLuckiest compares what episodes are really worth, with noise as large as what tells good
// ones apart.
func TestTheLeaderIsNotTheLuckiest(t *testing.T) {
	s, worth := foretold(0.08, 150)
	luckiest := s.mostRewarded(s.episodes)
	leader := s.leader(s.newAccuracyModel())
	best := 0.0
	for _, e := range s.episodes {
		best = max(best, worth(e))
	}
	if worth(leader) < worth(luckiest) || worth(leader) < best-0.02 {
		t.Errorf("the leader is worth %.3f, the luckiest %.3f, the best %.3f", worth(leader), worth(luckiest), best)
	}
}

func TestHarmFollowsTheCurve(t *testing.T) {
	curve := []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1000, 1000}
	for ratio, divergence := range map[float64]float64{0: 0, 0.1: 0.1, 0.25: 0.25, 0.8: 20, 0.99: 20} {
		if got, want := harm(curve, ratio), math.Log1p(10*divergence)/2; math.Abs(got-want) > 1e-9 {
			t.Errorf("at %g it is %g, want %g", ratio, got, want)
		}
	}
	if harm(nil, 0.5) != 0 {
		t.Error("a layer that was not measured does harm")
	}
}

func TestLogit(t *testing.T) {
	for _, accuracy := range []float64{0, 0.1, 0.5, 0.97, 1} {
		if got := fromLogit(logit(accuracy)); math.Abs(got-accuracy) > 1e-12 {
			t.Errorf("%g comes back as %g", accuracy, got)
		}
	}
}
