package agents

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestImitate(t *testing.T) {
	settings := Defaults(6, 3)
	a, err := NewDDPG(settings, Absolute(0.5, -1), 1)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var states, actions [][]float64
	for range 20 {
		state := make([]float64, 6)
		for i := range state {
			state[i] = rng.NormFloat64()
		}
		states = append(states, state)
		actions = append(actions, []float64{rng.Float64(), 0.35, rng.Float64()})
	}
	if err := a.Finish(Episode{States: states, Actions: actions, Outcome: Outcome{Latency: 1, ReferenceLatency: 1}}); err != nil {
		t.Fatal(err)
	}
	a.Imitate(states, actions)
	for k, state := range states {
		for i, x := range a.Greedy(state) {
			if math.Abs(x-actions[k][i]) > 0.05 {
				t.Fatalf("state %d: action %d is %.3f, to be imitated was %.3f", k, i, x, actions[k][i])
			}
		}
	}
	if a.Noise() != settings.Noise {
		t.Errorf("exploration starts at σ %v, want %v", a.Noise(), settings.Noise)
	}
}

func TestBestEpisodeOfTheReplay(t *testing.T) {
	r := newReplay(10, 1, 1)
	reward := func(o Outcome) float64 { return o.Accuracy }
	add := func(id, accuracy float64, steps int) {
		e := Episode{Outcome: Outcome{Accuracy: accuracy}}
		for range steps {
			e.States, e.Actions = append(e.States, []float64{id}), append(e.Actions, []float64{id})
		}
		r.add(e)
		r.score(reward, true)
	}
	check := func(when string, id float64, steps int) {
		t.Helper()
		best := r.best()
		if len(best) != steps || r.stateAt(best[0])[0] != id || r.actionAt(best[steps-1])[0] != id {
			t.Errorf("%s: the best episode has %d steps of episode %v, want %d of %v", when, len(best), r.stateAt(best[0]), steps, id)
		}
	}
	add(1, 0.5, 4)
	check("alone", 1, 4)
	add(2, 0.9, 3)
	check("after a better one", 2, 3)
	add(3, 0.7, 4) // wraps: one step of episode 1 is gone
	check("after a worse one", 2, 3)
	add(4, 0.95, 3)
	check("after the best", 4, 3)
	add(5, 0.99, 4)
	add(6, 1, 5) // wraps
	check("around the end", 6, 5)
}
