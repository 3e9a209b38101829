package agents

import (
	"math"
	"os"
	"reflect"
	"testing"
)

// priced is a small agent that has learned from episodes whose steps have costs; its replay
// has wrapped around.
func priced(t *testing.T, r Reward) (*DDPG, []Episode) {
	t.Helper()
	s := smallSettings(6, 3)
	s.Gamma, s.Credit = 0.9, false
	a, err := NewDDPG(s, r, 4)
	if err != nil {
		t.Fatal(err)
	}
	var episodes []Episode
	for n := range 12 {
		e := testEpisode(a, n)
		for step := range e.States {
			e.Costs = append(e.Costs, float64(1+(step*n)%5))
		}
		finish(t, a, e)
		episodes = append(episodes, e)
	}
	return a, episodes
}

// TestComposedStepsSumUpToOneSided checks every return in a replay by the definition: the
// sum of what a step and those after it earn.
func TestComposedStepsSumUpToOneSided(t *testing.T) {
	const target, beta = 0.4, -2
	a, episodes := priced(t, Composed(target, beta))
	for _, rewards := range []struct{ target, beta float64 }{{target, beta}, {0.2, -3}} { // the second is steered to
		a.Rescore(Composed(rewards.target, rewards.beta))
		a.replay.score(a.reward, false)
		latest := episodes[len(episodes)-1]
		total := 0.0
		for _, cost := range latest.Costs {
			total += cost
		}
		excess := max(0, latest.Outcome.Latency/(rewards.target*latest.Outcome.ReferenceLatency)-1)
		if excess == 0 {
			t.Fatal("the episode meets the target: the test is wrong")
		}
		want := latest.Outcome.Accuracy
		steps := len(latest.Costs)
		for step := steps - 1; step >= 0; step-- {
			want += rewards.beta * excess * latest.Costs[step] / total
			i := (a.replay.next + a.replay.capacity - steps + step) % a.replay.capacity
			if got := a.replay.reward[i]; math.Abs(got-want) > 1e-12 {
				t.Errorf("step %d: the return is %v, want %v", step, got, want)
			}
		}
		if whole := OneSided(rewards.target, rewards.beta)(latest.Outcome); math.Abs(want-whole) > 1e-12 {
			t.Errorf("the steps sum up to %v, the reward r7 is %v", want, whole)
		}
	}
}

// TestComposedTargets compares the critic's targets with those computed one by one from the
// steps' own rewards.
func TestComposedTargets(t *testing.T) {
	a, _ := priced(t, Composed(0.4, -2))
	for range 50 {
		a.update()
	}
	a.targets()
	own := 0
	for k, i := range a.scratch.batch {
		want := a.replay.reward[i] - a.average
		if !a.replay.last[i] {
			successor := a.replay.successor(i)
			next := make([]float64, a.settings.States)
			a.scaler.scale(next, a.replay.stateAt(successor))
			step := a.replay.reward[i] - a.replay.reward[successor]
			if step != 0 {
				own++
			}
			future := slowForward(a.targetCritic, append(next, slowForward(a.targetActor, next)...))[0]
			want = (1-a.settings.Gamma)*want + a.settings.Gamma*(step+future)
		}
		if got := a.scratch.target[k]; math.Abs(got-want) > 1e-9 {
			t.Errorf("target %d is %g, want %g", k, got, want)
		}
	}
	if own == 0 {
		t.Error("no step earns anything of its own: the test is wrong")
	}
}

// TestComposedRanks compares the places of returns with those among the same step's.
func TestComposedRanks(t *testing.T) {
	a, _ := priced(t, Composed(0.4, -2))
	steps := func(i int) int {
		n := 0
		for ; !a.replay.last[i]; i = a.replay.successor(i) {
			n++
		}
		return n
	}
	a.replay.score(a.reward, false)
	raw := append([]float64(nil), a.replay.reward[:a.replay.count]...)
	a.replay.score(a.reward, true)
	for i, got := range a.replay.reward[:a.replay.count] {
		worse, better, all := 0, 0, 0
		for j, x := range raw {
			switch {
			case steps(j) != steps(i):
				continue
			case x < raw[i]:
				worse++
			case x > raw[i]:
				better++
			}
			all++
		}
		if want := float64(worse-better) / float64(all); math.Abs(got-want) > 1e-12 {
			t.Fatalf("transition %d has place %g, want %g", i, got, want)
		}
	}
	if best := a.replay.best(); len(best) != 7 {
		t.Errorf("the best episode has %d of 7 steps", len(best))
	}
}

// TestComposedLearns is TestLearns with steps that answer for their own costs.
func TestComposedLearns(t *testing.T) {
	const episodes, steps = 120, 16
	c := newChain(0, steps)
	c.reward = Composed(0.3, -3)
	s := Defaults(6, 1)
	s.Hidden, s.Updates = [2]int{32, 32}, 20
	a, err := NewDDPG(s, c.reward, 0)
	if err != nil {
		t.Fatal(err)
	}
	untrained := c.reward(c.play(a.Greedy).Outcome)
	for range episodes {
		e := c.play(a.Act)
		for step, w := range c.weight {
			e.Costs = append(e.Costs, w*(1-e.Actions[step][0]))
		}
		finish(t, a, e)
	}
	trained := c.reward(c.play(a.Greedy).Outcome)
	t.Logf("trained %.3f, untrained %.3f", trained, untrained)
	if trained < untrained+0.5 {
		t.Errorf("trained %.3f, untrained %.3f", trained, untrained)
	}
}

func TestWrongCostsAreRefused(t *testing.T) {
	a, episodes := priced(t, Composed(0.4, -2))
	for _, costs := range [][]float64{{1}, {1, 1, 1, 1, 1, 1, -1}, {1, 1, 1, 1, 1, 1, math.NaN()}, {1, 1, 1, 1, 1, 1, math.Inf(1)}} {
		e := episodes[0]
		e.Costs = costs
		if a.Finish(e) == nil {
			t.Errorf("costs %v are accepted", costs)
		}
	}
}

// TestFirstVersionIsRestored goes on with a checkpoint from before steps had costs: the
// agent of smallSettings(4, 2) with hidden layers of 6 and 5, γ 0.9 and seed 3 after nine
// episodes of testEpisode.
func TestFirstVersionIsRestored(t *testing.T) {
	data, err := os.ReadFile("testdata/ddpg-1.bin")
	if err != nil {
		t.Fatal(err)
	}
	a, err := restore(data, testReward)
	if err != nil {
		t.Fatal(err)
	}
	// What that galen's agent answered then.
	input := []float64{.1, .2, .3, .4}
	near := func(got, want []float64) bool {
		return math.Abs(got[0]-want[0]) < 1e-12 && math.Abs(got[1]-want[1]) < 1e-12
	}
	if got, want := a.Greedy(input), []float64{0.5003085366479313, 0.5000216996975045}; !near(got, want) {
		t.Errorf("the restored agent answers %v, want %v", got, want)
	}
	again, err := restore(state(t, a), testReward)
	if err != nil {
		t.Fatal(err)
	}
	for n := 9; n < 12; n++ {
		finish(t, a, testEpisode(a, n))
		finish(t, again, testEpisode(again, n))
	}
	if !reflect.DeepEqual(state(t, a), state(t, again)) {
		t.Error("in the present version the agent goes on differently")
	}
}
