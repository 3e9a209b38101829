package planner

import (
	"math"
	"math/rand/v2"
	"testing"

	"galen/engine/compress"
	"galen/engine/compress/structure"
)

// noisy is a planner of two layers whose accuracy follows from what is left of them, with so much noise.
func noisy(noise float64, episodes int) (p *Planner, worth func(e *Episode) float64) {
	gentle, steep := make([]float64, 10), make([]float64, 10)
	for i := range 10 {
		gentle[i], steep[i] = 0.01*float64(i), 0.3*float64(i)
	}
	p = &Planner{
		settings: &Settings{Target: 0.2, Reward: "r7", Beta: -2, MaxBits: 6},
		original: Original{Accuracy: 1},
		layers: []Layer{
			{Name: "a", Out: 16, Root: true, Prunable: true, Sensitivity: compress.Curve{Sparsity: gentle, WeightBits: gentle, ActivationBits: gentle}},
			{Name: "b", Out: 16, Root: true, Prunable: true, Sensitivity: compress.Curve{Sparsity: steep, WeightBits: steep, ActivationBits: steep}},
		},
	}
	worth = func(e *Episode) float64 {
		a, b := e.Policy[0], e.Policy[1]
		return 0.9 - 0.1*a.Sparsity - 0.8*b.Sparsity*b.Sparsity - 0.3*coarseness(a.WeightBits) - 0.1*coarseness(b.ActivationBits)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for n := range episodes {
		e := Episode{Number: n + 1, Latency: 0.2}
		for _, l := range p.layers {
			kept := 4 * (1 + rng.IntN(4))
			e.Sizes = append(e.Sizes, structure.Size{Channels: kept})
			e.Policy = append(e.Policy, structure.LayerPolicy{
				Layer: l.Name, Sparsity: 1 - float64(kept)/16,
				WeightBits: []int{4, 6, 8}[rng.IntN(3)], ActivationBits: []int{4, 6, 8}[rng.IntN(3)],
			})
		}
		e.Accuracy = worth(&e) + noise*rng.NormFloat64()
		p.episodes = append(p.episodes, e)
	}
	return p, worth
}

func TestAccuracyIsPredicted(t *testing.T) {
	all, _ := noisy(0, 120)
	p, worth := noisy(0, 60)
	m := p.newAccuracyModel()
	var wrong, spread float64
	for _, e := range all.episodes[60:] {
		wrong += math.Pow(m.predict(e.Policy, e.Sizes)-worth(&e), 2)
		spread += math.Pow(worth(&e)-0.55, 2)
	}
	if share := math.Sqrt(wrong / spread); share > 0.2 {
		t.Errorf("the error is %.2f of the spread", share)
	}
}

// TestTheIncumbentIsNotTheLuckiest compares what episodes are really worth, with noise as large as what tells good
// ones apart.
func TestTheIncumbentIsNotTheLuckiest(t *testing.T) {
	p, worth := noisy(0.08, 150)
	luckiest := p.mostRewarded(p.episodes)
	incumbent := p.incumbent(p.newAccuracyModel())
	best := 0.0
	for _, e := range p.episodes {
		best = max(best, worth(&e))
	}
	if worth(incumbent) < worth(luckiest) || worth(incumbent) < best-0.02 {
		t.Errorf("the incumbent is worth %.3f, the luckiest %.3f, the best %.3f", worth(incumbent), worth(luckiest), best)
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
