package agents

import (
	"math/rand/v2"
	"testing"
)

// TestValueTellsEpisodesApart lets a trained critic judge pairs of episodes it has not seen.
func TestValueTellsEpisodesApart(t *testing.T) {
	const episodes, steps, pairs = 120, 16, 200
	c := newChain(1, steps)
	s := Defaults(6, 1)
	s.Hidden, s.Updates = [2]int{32, 32}, 20 // to be quick
	a, err := NewDDPG(s, c.reward, 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := a.Rollouts(); n != 1 {
		t.Errorf("%d rollouts during the warm-up, whose critic knows nothing", n)
	}
	for range episodes {
		if err := a.Finish(c.play(a.Act)); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.Rollouts(); n != s.Rollouts {
		t.Errorf("%d rollouts after the warm-up, want %d", n, s.Rollouts)
	}
	right := 0
	rng := rand.New(rand.NewPCG(5, 6))
	near := func() Episode {
		return c.play(func(state []float64) []float64 {
			return []float64{truncatedNormal(a.Greedy(state)[0], 0.2, rng.Float64())}
		})
	}
	for range pairs {
		x, y := near(), near()
		better := c.reward(x.Outcome) > c.reward(y.Outcome)
		if better == (a.Value(x.States, x.Actions) > a.Value(y.States, y.Actions)) {
			right++
		}
	}
	if right < pairs*7/10 {
		t.Errorf("%d of %d pairs judged right", right, pairs)
	}
}

func TestThePaperTriesItsFirstThought(t *testing.T) {
	s := Paper(6, 1)
	s.WarmUp = 0
	a, err := NewDDPG(s, Absolute(0.3, -3), 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := a.Rollouts(); n != 1 {
		t.Errorf("%d rollouts", n)
	}
}
