package planner

import (
	"context"
	"slices"
)

// Two policies can only be told apart by accuracy if they are equally fast, and an episode far from
// the target tells little about those at it. So the policies of agents that learn are moved onto the
// target before they are tried, as AMC (He et al. 2018) and HAQ (Wang et al. 2019) keep
// theirs within a budget: all layers' actions together towards more compression or less,
// as far as the costs measured so far say it takes. Where that reaches no policy that would meet the
// target they are left as they are. What was really done is what is learned from.

// landingMargin is how far below the target to aim, relative to it.
const landingMargin = 0.004

// lands tells whether the agent's policies are moved onto the target. The paper's were not, and
// r4 knows no target.
func (p *Planner) lands() bool {
	_, learns := p.agent.(imitator)
	return learns && p.settings.Preset != Paper && p.settings.Reward != "r4"
}

// land decides on the layers again, with actions moved as far as puts the policy onto the target,
// as far as the model knows.
func (p *Planner) land(ctx context.Context, m *costModel, plan *Plan) (*Plan, error) {
	const most = 1 // from the least to the strongest of all actions
	meets := func(by float64) bool {
		return p.onTarget(m, p.shifted(plan.Actions, by))
	}
	if !meets(most) {
		return plan, nil // all policies at the border would be the same
	}
	return p.dryRun(ctx, prescription{actions: p.shifted(plan.Actions, lightest(-most, most, meets))})
}

// lightest is the least x, to a fine enough resolution, at which a condition holds that holds from
// some x on; high if it never does.
func lightest(low, high float64, holds func(float64) bool) float64 {
	for range 12 {
		if middle := (low + high) / 2; holds(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

// shifted are the actions of the space that the agent's mean once they compress more, or less if by is
// negative. What decides about channels is moved where there is that, and bits elsewhere: those cross thresholds at which everything changes.
func (p *Planner) shifted(actions [][]float64, by float64) [][]float64 {
	moved := make([][]float64, len(actions))
	for l, action := range actions {
		moved[l] = slices.Clone(action)
		count := 1
		if !p.space.Kind.Prunes() {
			count = len(action)
		}
		for i := range moved[l][:count] {
			moved[l][i] = min(max(moved[l][i]+by, 0), 1)
		}
		moved[l] = p.inSpace(l, moved[l])
	}
	return moved
}

// onTarget tells whether the policy that actions lead to is fast enough, as far as the model knows.
func (p *Planner) onTarget(m *costModel, actions [][]float64) bool {
	return p.predictedLatency(m, actions) <= p.settings.Target*(1-landingMargin)
}

// predictedLatency is what the policy that actions lead to takes, as far as the model knows.
func (p *Planner) predictedLatency(m *costModel, actions [][]float64) float64 {
	policy := slices.Clone(p.base)
	for l, action := range actions {
		choose(&policy[l], p.meaning(l, action, policy))
	}
	return m.predict(policy, p.sizes(policy))
}
