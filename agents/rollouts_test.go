package agents

import (
	"math"
	"testing"
)

// TestThoughtsExploreMoreOrLess counts the steps of thoughts that explore.
func TestThoughtsExploreMoreOrLess(t *testing.T) {
	const thoughts, steps = 400, 40
	s := Defaults(2, 1)
	s.WarmUp = 1
	a, err := NewDDPG(s, OneSided(0.5, -2), 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := a.Rollouts(); n != 1 {
		t.Errorf("%d rollouts while actions are uniform", n)
	}
	state := []float64{1, 2}
	known := Episode{States: [][]float64{state}, Actions: [][]float64{{0.5}}, Outcome: Outcome{Accuracy: 0.5, ReferenceAccuracy: 1, Latency: 0.5, ReferenceLatency: 1}}
	if err := a.Finish(known); err != nil {
		t.Fatal(err)
	}
	if n := a.Rollouts(); n != s.Rollouts {
		t.Errorf("%d rollouts, want %d", n, s.Rollouts)
	}
	greedy := a.Greedy(state)[0]
	few, many := 0, 0
	for range thoughts {
		a.Think()
		exploring := 0.0
		for range steps {
			if a.Act(state)[0] != greedy {
				exploring++
			}
		}
		switch share := exploring / steps; {
		case share < 0.15:
			few++
		case share > 0.3:
			many++
		}
	}
	if few < thoughts/4 || many < thoughts/10 {
		t.Errorf("of %d thoughts %d explore hardly any steps and %d many", thoughts, few, many)
	}
}

// TestTheActorFollowsTheLead teaches an agent two episodes and tells it to follow the one with the lower reward.
func TestTheActorFollowsTheLead(t *testing.T) {
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
		a.Lead(low.Actions)
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

// TestExplorationIsForTheFirstNumberAsOftenAsForTheOthers counts what is drawn.
func TestExplorationIsForTheFirstNumberAsOftenAsForTheOthers(t *testing.T) {
	a, err := NewDDPG(Defaults(2, 3), OneSided(0.5, -2), 1)
	if err != nil {
		t.Fatal(err)
	}
	const draws = 10000
	var drawn [3]int
	for range draws {
		drawn[a.drawNumber(3)]++
		if a.drawNumber(1) != 0 {
			t.Fatal("of one number, another is drawn")
		}
	}
	for i, want := range []float64{0.5, 0.25, 0.25} {
		if share := float64(drawn[i]) / draws; math.Abs(share-want) > 0.02 {
			t.Errorf("number %d is explored in %.3f of the steps that explore, want %.2f", i, share, want)
		}
	}
}
