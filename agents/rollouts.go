package agents

import (
	"math"
	"slices"
)

// Rollouts is how many whole episodes to propose, of which the one with the highest
// [DDPG.Value] is worth being tried. What the critic says of an action is said before the later steps and
// the limits of the device have had their say; what it says of a whole episode is said after. It
// is 1 as long as actions are uniform.
func (a *DDPG) Rollouts() int {
	if a.episodes < a.settings.WarmUp {
		return 1
	}
	return max(a.settings.Rollouts, 1)
}

// Value is what the critic expects of an episode, the mean over its steps: with credit for each
// step, the higher the more all of them add.
func (a *DDPG) Value(states, actions [][]float64) float64 {
	sum := 0.0
	for t, state := range states {
		a.scaler.scale(a.scratch.single.input().Data, state)
		sum += a.value(actions[t])
	}
	return sum / float64(len(states))
}

// value is what the critic says of an action in the state in a.scratch.single.
func (a *DDPG) value(action []float64) float64 {
	in := a.scratch.judged.input().Data
	copy(in[copy(in, a.scratch.single.input().Data):], action)
	a.critic.forward(a.scratch.judged)
	return a.scratch.judged.output().Data[0]
}

// fewest is the least share of the steps that explore after [DDPG.Think].
const fewest = 0.05

// Think lets the steps decided from now on explore more rarely, by a share that is drawn: few changes to
// what is known to be good mostly leave it good, and many find what few do not. It holds until the next call or the end of the
// episode.
func (a *DDPG) Think() {
	if most := a.settings.Exploring; most > fewest {
		a.exploring = fewest * math.Pow(most/fewest, a.rng.Float64())
	}
}

// SetIncumbent tells what to hold the actor near while it learns from the next episode: what was done in an
// episode that is known to be good. Without it that is the episode with the highest reward.
func (a *DDPG) SetIncumbent(actions [][]float64) {
	a.incumbent = nil
	for _, action := range slices.Backward(actions) {
		a.incumbent = append(a.incumbent, slices.Clone(action))
	}
}
