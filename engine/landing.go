package engine

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
func (s *Search) lands() bool {
	_, learns := s.agent.(imitator)
	return learns && s.settings.Preset != paper && s.settings.Reward != "r4"
}

// land decides on the layers again, with actions moved as far as puts the policy onto the target,
// as far as the model knows.
func (s *Search) land(ctx context.Context, m *costModel, d *decisions) (*decisions, error) {
	const most = 1 // from the least to the strongest of all actions
	meets := func(by float64) bool {
		return s.onTarget(m, s.shifted(d.actions, by))
	}
	if !meets(most) {
		return d, nil // all policies at the border would be the same
	}
	return s.decide(ctx, plan{actions: s.shifted(d.actions, lightest(-most, most, meets)), rehearsal: true})
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
func (s *Search) shifted(actions [][]float64, by float64) [][]float64 {
	moved := make([][]float64, len(actions))
	for l, action := range actions {
		moved[l] = slices.Clone(action)
		count := 1
		if !s.space.Kind.Prunes() {
			count = len(action)
		}
		for i := range moved[l][:count] {
			moved[l][i] = min(max(moved[l][i]+by, 0), 1)
		}
		moved[l] = s.meant(l, moved[l])
	}
	return moved
}

// onTarget tells whether the policy that actions lead to is fast enough, as far as the model knows.
func (s *Search) onTarget(m *costModel, actions [][]float64) bool {
	return s.predicted(m, actions) <= s.settings.Target*(1-landingMargin)
}

// predicted is what the policy that actions lead to takes, as far as the model knows.
func (s *Search) predicted(m *costModel, actions [][]float64) float64 {
	policy := slices.Clone(s.base)
	for l, action := range actions {
		c := s.allowed(l, s.onBase(l, s.space.Choice(action)), policy)
		policy[l].Sparsity, policy[l].WeightBits, policy[l].ActivationBits = c.Sparsity, c.WeightBits, c.ActivationBits
	}
	return m.predict(policy, s.compressor.Sizes(policy))
}
