package agents

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestBaselinesGoOnExactly restores each baseline at every episode and compares it with one
// that was never interrupted.
func TestBaselinesGoOnExactly(t *testing.T) {
	c := newChain(1, 8)
	for name, fresh := range map[string]func() Agent{
		"random":    func() Agent { return NewRandom(1, 5) },
		"evolution": func() Agent { return NewEvolution(1, c.reward, 5) },
	} {
		whole, pieces := fresh(), fresh()
		for episode := range 30 {
			a, b := c.play(whole.Act), c.play(pieces.Act)
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("%s: episode %d differs after restoring", name, episode)
			}
			if err := whole.Finish(a); err != nil {
				t.Fatal(err)
			}
			if err := pieces.Finish(b); err != nil {
				t.Fatal(err)
			}
			state, err := pieces.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			pieces = fresh()
			if err := pieces.UnmarshalBinary(state); err != nil {
				t.Fatal(err)
			}
			if pieces.UnmarshalBinary(state[:len(state)-1]) == nil {
				t.Errorf("%s: a damaged checkpoint is accepted", name)
			}
		}
	}
}

func TestEvolutionBeatsRandom(t *testing.T) {
	const episodes, seeds = 120, 4
	var evolved, random float64
	for seed := range uint64(seeds) {
		c := newChain(seed, 16)
		for agent, sum := range map[Agent]*float64{
			NewEvolution(1, c.reward, seed): &evolved,
			NewRandom(1, seed):              &random,
		} {
			best := math.Inf(-1)
			for range episodes {
				e := c.play(agent.Act)
				best = max(best, c.reward(e.Outcome))
				if err := agent.Finish(e); err != nil {
					t.Fatal(err)
				}
			}
			*sum += best / seeds
		}
	}
	t.Logf("evolution %.3f, random %.3f", evolved, random)
	if evolved < random+0.05 {
		t.Errorf("evolution's best is %.3f, random's %.3f", evolved, random)
	}
}

func TestEvolutionFollowsItsReward(t *testing.T) {
	c := newChain(2, 8)
	e := NewEvolution(1, c.reward, 1)
	rng := rand.New(rand.NewPCG(1, 1))
	guide := make([][]float64, 8)
	for t := range guide {
		guide[t] = []float64{rng.Float64()}
	}
	e.Imitate(nil, guide)
	same := 0
	for t, action := range c.play(e.Act).Actions {
		if action[0] == guide[t][0] {
			same++
		}
	}
	if same < 4 || same == 8 {
		t.Errorf("a child of the imitated policy keeps %d of its 8 layers, want most of them but not all", same)
	}
	for range 40 {
		if err := e.Finish(c.play(e.Act)); err != nil {
			t.Fatal(err)
		}
	}
	fast := func(o Outcome) float64 { return -o.Latency }
	e.Rescore(fast)
	for _, m := range e.state.Members {
		if fast(m.Outcome) > fast(e.state.Members[0].Outcome) {
			t.Fatal("after another reward the first member is not the best")
		}
	}
	if err := e.Finish(Episode{Actions: [][]float64{{math.NaN()}}, Outcome: Outcome{ReferenceLatency: 1}}); err == nil {
		t.Error("an action that is no number is accepted")
	}
}
