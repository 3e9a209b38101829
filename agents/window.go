package agents

// Window narrows a space down to the neighbourhood of a base: per step, the actions 0 and
// 1 mean as far below and above the base as the window reaches, and ½ the base.
type Window struct {
	Centre [][]float64 // by step, the base's action in the space
	Reach  [][]float64 // by step, how far actions reach to either side of it; positive
}

// Widen is the action in the space that a step's action in the window means. It stays in
// the space where the window is cut off by its border.
func (w *Window) Widen(step int, action []float64) []float64 {
	wide := make([]float64, len(action))
	for i, a := range action {
		wide[i] = min(max(w.Centre[step][i]+w.Reach[step][i]*(2*a-1), 0), mostSparsity)
	}
	return wide
}

// Narrow is the action in the window that means a step's action in the space; outside of [0,1]
// where the window does not contain it.
func (w *Window) Narrow(step int, action []float64) []float64 {
	narrow := make([]float64, len(action))
	for i, x := range action {
		narrow[i] = 0.5 + (x-w.Centre[step][i])/(2*w.Reach[step][i])
	}
	return narrow
}

// Refer makes the actions that the agent remembers, which were in one window, mean the same
// in another. What it believes of them is left to what it learns next.
func (a *DDPG) Refer(from, to *Window) {
	for following, transitions := range a.replay.bySteps() {
		step := len(from.Centre) - 1 - following
		for _, i := range transitions {
			action := a.replay.actionAt(i)
			for k := range action {
				action[k] = 0.5 + (from.Centre[step][k]+from.Reach[step][k]*(2*action[k]-1)-to.Centre[step][k])/(2*to.Reach[step][k])
			}
		}
	}
}
