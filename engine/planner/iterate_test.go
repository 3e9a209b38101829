package planner

import (
	"math"
	"slices"
	"testing"

	"galen/engine/compress"
	"galen/engine/compress/structure"
)

// TestIterativeAgentsStayNearTheBase follows the bases of a run and checks
// that every episode stays around the one of its round.
func TestIterativeAgentsStayNearTheBase(t *testing.T) {
	for _, agent := range []string{"prune-iterative", "quantize-iterative"} {
		t.Run(agent, func(t *testing.T) {
			settings := settingsOf(agent)
			settings.Target = 0.4
			if agent == "prune-iterative" {
				settings.Target = 0.7
			}
			r := newRun(t, settings, Progress{})
			rounds, moved := 0, false
			for range 30 {
				before := r.progress.Round
				e := r.episode(t)
				if r.progress.Round != before {
					rounds++
					if r.progress.Round != e.Number {
						t.Errorf("a round begins with episode %d at episode %d", r.progress.Round, e.Number)
					}
					// The base is an episode that was tried, the second time the best of all.
					b := r.settings.Base
					if !slices.EqualFunc(b.Policy, r.episodes[b.Episode-1].Policy, sameLayerPolicy) {
						t.Errorf("the base is not the policy of episode %d", b.Episode)
					}
					worth := func(e Episode) float64 { return r.Reward(e.Accuracy, e.Latency) }
					for _, other := range r.episodes[:e.Number-1] {
						if rounds > 1 && worth(other) > worth(r.episodes[b.Episode-1]) {
							t.Errorf("the base is episode %d, episode %d had a higher reward", b.Episode, other.Number)
						}
					}
				}
				if r.progress.Round == 0 {
					continue
				}
				for l, p := range e.Policy {
					base, layer := r.base[l], r.layers[l]
					step := 4 / float64(layer.Out)
					if d := math.Abs(p.Sparsity - base.Sparsity); d > reach+step || agent == "quantize-iterative" && d > 0 {
						t.Errorf("episode %d: %s loses %v of its channels, in the base %v", e.Number, layer.Name, p.Sparsity, base.Sparsity)
					}
					rung := func(bits int) int { return slices.Index([]int{32, 8, 6, 5, 4, 3, 2, 1}, bits) }
					for _, pair := range [][2]int{{p.WeightBits, base.WeightBits}, {p.ActivationBits, base.ActivationBits}} {
						if d := rung(pair[0]) - rung(pair[1]); d < -1 || d > 1 || agent == "prune-iterative" && d != 0 {
							t.Errorf("episode %d: %s has %d bits, in the base %d", e.Number, layer.Name, pair[0], pair[1])
						}
						moved = moved || pair[0] != pair[1]
					}
					moved = moved || p.Sparsity != base.Sparsity
				}
				for l, action := range e.Actions {
					for _, a := range action {
						if r.layers[l].Root && !(a >= 0 && a <= 1) {
							t.Errorf("episode %d, layer %d: action %v", e.Number, l, action)
						}
					}
				}
			}
			if rounds < 2 || !moved {
				t.Errorf("%d rounds began in 30 episodes; anything moved: %v", rounds, moved)
			}
		})
	}
}

func TestIterativeSensitivitiesAreLocal(t *testing.T) {
	settings := settingsOf("prune-iterative")
	base := original(newNetwork().all)
	base[1].Sparsity, base[0].Sparsity, base[2].Sparsity = 0.5, 0.25, 0.25
	settings.Base = &Base{Policy: base}
	r := newRun(t, settings, Progress{})
	r.episode(t)
	if r.progress.Round != 1 || len(r.progress.Start.Trials) > 0 {
		t.Errorf("with a base the first round begins with episode %d, after %d trials", r.progress.Round, len(r.progress.Start.Trials))
	}
	for l, layer := range r.layers {
		p := r.levels(l)
		far := max(reach, reachStep*4/float64(layer.Out))
		low, high, centre := p.Sparsity[0], p.Sparsity[compress.Levels-1], r.window.Centre[l][0]
		if math.Abs(low-max(centre-far, 0)) > 1e-12 || math.Abs(high-min(centre+far, 0.99)) > 1e-12 || len(p.Sparsity) != compress.Levels {
			t.Errorf("%s: levels %v around %v", layer.Name, p.Sparsity, centre)
		}
	}
}

func TestMiddleKeepsAsManyChannels(t *testing.T) {
	for _, roundTo := range []int{1, 3, 4, 5, 32} {
		const channels = 20
		for s := 0.0; s < 1; s += 0.01 {
			m := middle(s, channels, roundTo)
			if got, want := structure.Kept(m, channels, roundTo), structure.Kept(s, channels, roundTo); got != want {
				t.Errorf("in steps of %d, sparsity %v keeps %d, the middle %v keeps %d", roundTo, s, want, m, got)
			}
		}
	}
}
