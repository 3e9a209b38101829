package agents

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestCreditTellsStepsApart gives episodes rewards that are sums of what their steps add, and expects each
// transition to be credited with what its own step added.
func TestCreditTellsStepsApart(t *testing.T) {
	const steps, actions, episodes = 10, 2, 400
	rng := rand.New(rand.NewPCG(5, 6))
	r := newReplay(episodes*steps, 1, actions)
	adds := func(step int, action []float64) float64 {
		d := action[0] - 0.3
		return float64(step)*0.1*d*d - 0.5*action[1]
	}
	var own []float64 // by transition
	for range episodes {
		e := Episode{}
		for step := range steps {
			action := []float64{rng.Float64(), rng.Float64()}
			e.States = append(e.States, []float64{0})
			e.Actions = append(e.Actions, action)
			own = append(own, adds(step, action))
			e.Outcome.Accuracy += adds(step, action)
		}
		r.add(e)
	}
	r.score(func(o Outcome) float64 { return o.Accuracy }, false)
	shared := correlation(r.reward[:r.count], own)
	r.assignCredit()
	if credited := correlation(r.reward[:r.count], own); credited < 0.95 || shared > 0.5 {
		t.Errorf("rewards correlate with what steps add by %.2f, credits by %.3f", shared, credited)
	}
}

// TestCreditOfPartsOfEpisodes checks that a ring that has wrapped, and too few episodes, leave rewards
// that have no credit as they are.
func TestCreditOfPartsOfEpisodes(t *testing.T) {
	const steps = 4
	r := newReplay(5*steps-1, 1, 1)
	rng := rand.New(rand.NewPCG(7, 8))
	for k := range 8 {
		e := Episode{Outcome: Outcome{Accuracy: float64(k)}}
		for range steps {
			e.States, e.Actions = append(e.States, []float64{0}), append(e.Actions, []float64{rng.Float64()})
		}
		r.add(e)
	}
	whole := r.whole()
	if len(whole) != 4 {
		t.Fatalf("%d whole episodes in a ring for 4¾", len(whole))
	}
	kept := make(map[int]bool)
	for _, episode := range whole {
		if len(episode) != steps {
			t.Errorf("an episode of %d steps, want %d", len(episode), steps)
		}
		for _, i := range episode {
			kept[i] = true
		}
	}
	r.score(func(o Outcome) float64 { return o.Accuracy }, false)
	before := append([]float64(nil), r.reward...)
	r.assignCredit()
	for i := range r.count {
		if !kept[i] && r.reward[i] != before[i] {
			t.Errorf("transition %d of a part of an episode was credited", i)
		}
		if math.IsNaN(r.reward[i]) {
			t.Errorf("transition %d is credited with NaN", i)
		}
	}
}

func correlation(x, y []float64) float64 {
	var mx, my, xx, yy, xy float64
	for i := range x {
		mx, my = mx+x[i]/float64(len(x)), my+y[i]/float64(len(y))
	}
	for i := range x {
		xx += (x[i] - mx) * (x[i] - mx)
		yy += (y[i] - my) * (y[i] - my)
		xy += (x[i] - mx) * (y[i] - my)
	}
	return xy / math.Sqrt(xx*yy)
}
