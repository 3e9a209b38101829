package agents

import (
	"math"
	"slices"
)

// Rollouts is how often to decide on all steps before one of these thoughts is tried as an episode. It
// is 1 as long as actions are uniform.
func (a *DDPG) Rollouts() int {
	if a.episodes < a.settings.WarmUp {
		return 1
	}
	return max(a.settings.Rollouts, 1)
}

// fewest is the least share of the steps that explore in a thought.
const fewest = 0.05

// Think begins another thought, whose steps explore more often or less: few changes to what is known to be good
// mostly leave it good, and many find what few do not.
func (a *DDPG) Think() {
	if most := a.settings.Exploring; most > fewest {
		a.exploring = fewest * math.Pow(most/fewest, a.rng.Float64())
	}
}

// Lead tells what to hold the actor near while it learns from the next episode: what was done in an
// episode that is known to be good. Without it that is the episode with the highest reward.
func (a *DDPG) Lead(actions [][]float64) {
	a.lead = nil
	for _, action := range slices.Backward(actions) {
		a.lead = append(a.lead, slices.Clone(action))
	}
}
