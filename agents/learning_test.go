package agents

import (
	"math"
	"math/rand/v2"
	"testing"
)

// chain is a small search of the real one's shape: every step removes a share of its
// weight, at a cost in accuracy that differs between steps; the reward, known at the end
// alone, wants a given share of the weight to be left.
type chain struct {
	weight, fragility []float64
	reward            Reward
}

func newChain(seed uint64, steps int) *chain {
	rng := rand.New(rand.NewPCG(seed, 3))
	c := &chain{reward: Absolute(0.3, -3)}
	for range steps {
		c.weight = append(c.weight, 0.2+rng.Float64())
		c.fragility = append(c.fragility, 0.3*math.Pow(rng.Float64(), 3))
	}
	return c
}

func (c *chain) play(act func(state []float64) []float64) Episode {
	var e Episode
	total, rest := 0.0, 0.0
	for _, w := range c.weight {
		total += w
	}
	rest = total
	left, accuracy, previous := 0.0, 1.0, 0.0
	for t, w := range c.weight {
		rest -= w
		state := []float64{float64(t), w, c.fragility[t], left, rest, previous}
		action := act(state)
		left += w * (1 - action[0])
		accuracy -= c.fragility[t] * action[0] * action[0]
		previous = action[0]
		e.States = append(e.States, state)
		e.Actions = append(e.Actions, action)
	}
	e.Outcome = Outcome{Accuracy: accuracy, ReferenceAccuracy: 1, Latency: left, ReferenceLatency: total}
	return e
}

// TestLearns compares the policy that the agent believes in after 120 episodes with the
// best of as many random episodes and with an untrained policy.
func TestLearns(t *testing.T) {
	const episodes, steps, seeds = 120, 16, 2
	var trained, random, untrained float64 // means over the seeds
	for seed := range uint64(seeds) {
		c := newChain(seed, steps)
		s := Defaults(6, 1)
		s.Hidden, s.Updates = [2]int{32, 32}, 20 // to be quick
		a, err := NewDDPG(s, c.reward, seed)
		if err != nil {
			t.Fatal(err)
		}
		untrained += c.reward(c.play(a.Greedy).Outcome) / seeds
		for range episodes {
			if err := a.Finish(c.play(a.Act)); err != nil {
				t.Fatal(err)
			}
		}
		trained += c.reward(c.play(a.Greedy).Outcome) / seeds

		rng := rand.New(rand.NewPCG(seed, 4))
		best := math.Inf(-1)
		for range episodes {
			e := c.play(func([]float64) []float64 { return []float64{rng.Float64()} })
			best = max(best, c.reward(e.Outcome))
		}
		random += best / seeds
	}
	t.Logf("trained %.3f, best of random %.3f, untrained %.3f", trained, random, untrained)
	if trained < random+0.08 || trained < untrained+0.5 {
		t.Errorf("trained %.3f, best of random %.3f, untrained %.3f", trained, random, untrained)
	}
}
