package agents

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
