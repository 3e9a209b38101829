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

// TestProbablyBestIsNotTheLuckiest gives episodes rewards with noise as large as what tells the good ones apart, and
// compares what the episode is really worth that is taken for the best with the one that has the highest reward, over
// many trials.
func TestProbablyBestIsNotTheLuckiest(t *testing.T) {
	const steps, episodes, trials = 8, 100, 40
	rng := rand.New(rand.NewPCG(9, 10))
	var believed, luckiest float64
	for range trials {
		r := newReplay(episodes*steps, 1, 1)
		var worth []float64
		for range episodes {
			e := Episode{}
			sum := 0.0
			for range steps {
				x := rng.Float64()
				e.States, e.Actions = append(e.States, []float64{0}), append(e.Actions, []float64{x})
				sum -= (x - 0.4) * (x - 0.4)
			}
			e.Outcome.Accuracy = sum + 0.25*rng.NormFloat64()
			worth = append(worth, sum)
			r.add(e)
		}
		r.score(func(o Outcome) float64 { return o.Accuracy }, true)
		luckiest += worth[r.best()[0]/steps] / trials
		believed += worth[r.assignCredit()[0]/steps] / trials
	}
	if believed < luckiest+0.05 {
		t.Errorf("what is taken for the best is worth %.3f on average, the highest reward %.3f", believed, luckiest)
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
