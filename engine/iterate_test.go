package engine

import (
	"context"
	"math"
	"slices"
	"testing"

	"galen/engine/compress"
)

// shortRounds lets several rounds fit into a few episodes.
func shortRounds(t *testing.T) {
	long := roundLength
	roundLength = 4
	t.Cleanup(func() { roundLength = long })
}

// TestIterativeAgentsStayNearTheirReference follows the references of a search and checks
// that every episode stays around the one of its round.
func TestIterativeAgentsStayNearTheirReference(t *testing.T) {
	shortRounds(t)
	for _, agent := range []string{"prune-iterative", "quantize-iterative"} {
		t.Run(agent, func(t *testing.T) {
			settings := testSettings(agent, 30)
			settings.RoundTo = 1
			if agent == "prune-iterative" {
				settings.Target = 0.7
			}
			db, id := createRun(t, settings)
			s := openSearch(t, db, id, smallWorkload(t))
			if err := s.prepare(context.Background()); err != nil {
				t.Fatal(err)
			}
			rounds, moved := 0, false
			for range settings.Episodes {
				before := s.progress.Round
				if err := s.nextEpisode(context.Background()); err != nil {
					t.Fatal(err)
				}
				e := s.episodes[len(s.episodes)-1]
				if s.progress.Round != before {
					rounds++
					if s.progress.Round != e.Number || s.layers[0].Sensitivity.Around == "" {
						t.Errorf("a round begins with episode %d, sensitivities are around %q", s.progress.Round, s.layers[0].Sensitivity.Around)
					}
					// The reference is an episode that was run, the second time the best of all.
					b := s.settings.Base
					if !slices.EqualFunc(b.Policy, policyOf(s.episodes[b.Episode-1]), sameLayerPolicy) {
						t.Errorf("the reference is not the policy of episode %d", b.Episode)
					}
					for _, other := range s.episodes[:e.Number-1] {
						if rounds > 1 && other.Reward > s.episodes[b.Episode-1].Reward {
							t.Errorf("the reference is episode %d, episode %d had a higher reward", b.Episode, other.Number)
						}
					}
				}
				if s.progress.Round == 0 {
					continue
				}
				for i, l := range e.Layers {
					reference, layer := s.base[i], s.layers[i]
					step := 1 / float64(layer.Out)
					if d := math.Abs(l.Asked - reference.Sparsity); d > reach+step || agent == "quantize-iterative" && d > 0 {
						t.Errorf("episode %d: %s loses %v of its channels, in the reference %v", e.Number, l.Name, l.Asked, reference.Sparsity)
					}
					rung := func(bits int) int { // 32, 8, 6, 5, …
						return slices.Index([]int{32, 8, 6, 5, 4, 3, 2, 1}, bits)
					}
					for _, pair := range [][2]int{{l.WeightBits, reference.WeightBits}, {l.ActivationBits, reference.ActivationBits}} {
						if d := rung(pair[0]) - rung(pair[1]); d < -1 || d > 1 || agent == "prune-iterative" && d != 0 {
							t.Errorf("episode %d: %s has %d bits, in the reference %d", e.Number, l.Name, pair[0], pair[1])
						}
						moved = moved || pair[0] != pair[1]
					}
					moved = moved || l.Asked != reference.Sparsity
				}
				for step, action := range e.Actions {
					for _, a := range action {
						if s.layers[step].Root && s.layers[step].Prunable && !(a >= 0 && a <= 1) {
							t.Errorf("episode %d, step %d: action %v", e.Number, step, action)
						}
					}
				}
			}
			if rounds < 2 || !moved {
				t.Errorf("%d rounds began in %d episodes; anything moved: %v", rounds, settings.Episodes, moved)
			}
		})
	}
}

func TestIterativeSensitivitiesAreLocal(t *testing.T) {
	load := smallWorkload(t)
	b := pruned(t, load)
	settings := testSettings("prune-iterative", 1)
	settings.Base, settings.RoundTo, settings.Target = b, 1, 0.6
	db, id := createRun(t, settings)
	s := search(t, context.Background(), db, id, load)
	if s.progress.Round != 1 || len(s.progress.Start.Trials) > 0 {
		t.Errorf("with a base the first round begins with episode %d, after %d trials", s.progress.Round, len(s.progress.Start.Trials))
	}
	for i, l := range s.layers {
		p := s.levels(i)
		far := max(reach, 0.75/float64(l.Out))
		low, high, centre := p.Sparsity[0], p.Sparsity[compress.Levels-1], s.around.Centre[i][0]
		if math.Abs(low-max(centre-far, 0)) > 1e-12 || math.Abs(high-min(centre+far, 0.99)) > 1e-12 || len(p.Sparsity) != compress.Levels {
			t.Errorf("%s: levels %v around %v", l.Name, p.Sparsity, centre)
		}
		if !l.Prunable || !l.Root {
			continue
		}
		// The same policies, compressed one by one.
		for level, sparsity := range p.Sparsity {
			policy := slices.Clone(b.Policy)
			policy[i].Sparsity = sparsity
			probes := slices.Repeat([]compress.Probe{{Sparsity: []float64{b.Policy[i].Sparsity}}}, len(policy))
			for m, other := range s.layers {
				if other.Group == l.Group && policy[m].Sparsity > 0 {
					policy[m].Sparsity = sparsity
				}
			}
			back, err := s.compressor.SensitivityAround(context.Background(), policy, probes, load.sensitivity.pixels, load.sensitivity.len(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := l.Sensitivity.Sparsity[level], -back[i].Sparsity[0]; math.Abs(got-want) > 1e-9 {
				t.Errorf("%s, sparsity %v: %v, want %v", l.Name, sparsity, got, want)
			}
		}
	}
}

func TestMiddleKeepsAsManyChannels(t *testing.T) {
	for _, roundTo := range []int{1, 3, 4, 5, 32} {
		const channels = 20
		for s := 0.0; s < 1; s += 0.01 {
			m := middle(s, channels, roundTo)
			if got, want := compress.Kept(m, channels, roundTo), compress.Kept(s, channels, roundTo); got != want {
				t.Errorf("in steps of %d, sparsity %v keeps %d, the middle %v keeps %d", roundTo, s, want, m, got)
			}
		}
	}
}

func TestForkedIterativeSearchGoesOn(t *testing.T) {
	load := smallWorkload(t)
	db, id := createRun(t, testSettings("quantize-iterative", 10))
	search(t, context.Background(), db, id, load)
	w := &Workbench{db: db}
	for _, episode := range []int{2, 9} {
		fork, err := w.Fork(id, episode, "")
		if err != nil {
			t.Fatal(err)
		}
		if s := search(t, context.Background(), db, fork.ID, load); s.state != Finished || len(s.episodes) != 10 {
			t.Errorf("the fork from episode %d ends %s after %d: %s", episode, s.state, len(s.episodes), s.problem)
		}
	}
}
