package agents

import (
	"math"
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

// TestThinkingExploresMoreOrLess counts the steps that explore.
func TestThinkingExploresMoreOrLess(t *testing.T) {
	const thoughts, steps = 400, 40
	s := Defaults(2, 1)
	s.WarmUp = 0
	a, err := NewDDPG(s, OneSided(0.5, -2), 1)
	if err != nil {
		t.Fatal(err)
	}
	state := []float64{1, 2}
	greedy := a.Greedy(state)[0]
	exploring := func() (share float64) {
		for range steps {
			if a.Act(state)[0] != greedy {
				share += 1.0 / steps
			}
		}
		return share
	}
	few, many := 0, 0
	for range thoughts {
		a.Think()
		switch share := exploring(); {
		case share < 0.15:
			few++
		case share > 0.3:
			many++
		}
	}
	if few < thoughts/4 || many < thoughts/10 {
		t.Errorf("of %d thoughts %d explore hardly any steps and %d many", thoughts, few, many)
	}
	episode := Episode{States: [][]float64{state}, Actions: [][]float64{{0.5}}, Outcome: Outcome{Accuracy: 0.5, ReferenceAccuracy: 1, Latency: 0.5, ReferenceLatency: 1}}
	if err := a.Finish(episode); err != nil {
		t.Fatal(err)
	}
	greedy = a.Greedy(state)[0]
	sum := 0.0
	for range 50 {
		sum += exploring() / 50
	}
	if math.Abs(sum-s.Exploring) > 0.05 {
		t.Errorf("in the next episode %.2f of the steps explore, want %.2f", sum, s.Exploring)
	}
}

// TestTheActorFollowsTheIncumbent teaches an agent two episodes and tells it to follow the one with the lower reward.
func TestTheActorFollowsTheIncumbent(t *testing.T) {
	const steps = 8
	s := Defaults(1, 1)
	s.WarmUp, s.Batch, s.Updates = 0, steps, 200
	a, err := NewDDPG(s, OneSided(0.5, -2), 1)
	if err != nil {
		t.Fatal(err)
	}
	episode := func(action, accuracy float64) Episode {
		e := Episode{Outcome: Outcome{Accuracy: accuracy, ReferenceAccuracy: 1, Latency: 0.5, ReferenceLatency: 1}}
		for step := range steps {
			e.States, e.Actions = append(e.States, []float64{float64(step)}), append(e.Actions, []float64{action})
		}
		return e
	}
	distance := func(action float64) (sum float64) {
		for step := range steps {
			sum += math.Abs(a.Greedy([]float64{float64(step)})[0]-action) / steps
		}
		return sum
	}
	low, high := episode(0.2, 0.5), episode(0.8, 0.6)
	for _, e := range []Episode{low, high, high} {
		if err := a.Finish(e); err != nil {
			t.Fatal(err)
		}
	}
	if d := distance(0.8); d > 0.1 {
		t.Errorf("untold, the actor is %.2f away from the best episode", d)
	}
	for range 3 {
		a.SetIncumbent(low.Actions)
		if err := a.Finish(high); err != nil {
			t.Fatal(err)
		}
	}
	if d := distance(0.2); d > 0.1 {
		t.Errorf("led, the actor is %.2f away from its lead", d)
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
