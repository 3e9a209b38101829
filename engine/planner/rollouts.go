package planner

import (
	"context"
	"math"
	"slices"

	"galen/engine/compress/structure"
)

// Trying a policy takes a second; thinking of one takes a thousandth. So an agent that has a critic
// decides on the layers many times before an episode is tried, every policy is moved onto the target, and
// the one of which most is expected is tried. A policy that was tried before is not: it
// would cost an episode and teach nothing.
//
// Two judges take turns from episode to episode. The critic adds up what single actions are worth, and goes on in the
// direction in which things got better, far beyond what was tried. The accuracy model knows what became of
// policies that were much alike, and makes the most of that. The one alone does not settle, the other hardly leaves what it
// knows.

// refine makes the most of what an agent decided for an episode: the policy is moved onto the target, and
// gives way to a better one if the agent thinks of any.
func (p *Planner) refine(ctx context.Context, plan *Plan) (*Plan, error) {
	cost := newCostModel(p.episodes)
	land := func(plan *Plan) (*Plan, error) {
		if cost == nil || !p.lands() {
			return plan, nil
		}
		return p.land(ctx, cost, plan)
	}
	best, err := land(plan)
	agent, ok := p.agent.(thinker)
	if err != nil || !ok || agent.Rollouts() == 1 {
		return best, err
	}
	worth, think, err := p.judge(ctx, agent, cost)
	if err != nil {
		return nil, err
	}
	most := worth(best)
	for range agent.Rollouts() - 1 {
		think()
		other, err := p.dryRun(ctx, prescription{})
		if err != nil {
			return nil, err
		}
		if other, err = land(other); err != nil {
			return nil, err
		}
		if value := worth(other); value > most {
			best, most = other, value
		}
	}
	return best, nil
}

// judge is whose turn it is: what it says of a plan, and what to do before others are thought of.
func (p *Planner) judge(ctx context.Context, agent thinker, cost *costModel) (worth func(*Plan) float64, think func(), err error) {
	value, think := func(plan *Plan) float64 { return agent.Value(plan.states, plan.Actions) }, func() {}
	if cost != nil && len(p.episodes)%2 == 1 {
		accuracy := p.newAccuracyModel()
		value, think = func(plan *Plan) float64 { return p.predictedReward(accuracy, cost, plan.Policy) }, agent.Think
		err = p.showIncumbent(ctx, agent, p.incumbent(accuracy))
	}
	return func(plan *Plan) float64 {
		if p.wasTried(plan.Policy) {
			return math.Inf(-1)
		}
		return value(plan)
	}, think, err
}

// predictedReward is what the models expect of a policy.
func (p *Planner) predictedReward(accuracy *accuracyModel, cost *costModel, policy structure.Policy) float64 {
	sizes := p.sizes(policy)
	return p.Reward(accuracy.predict(policy, sizes), cost.predict(policy, sizes))
}

// showIncumbent shows an agent what an episode did, as actions of its own.
func (p *Planner) showIncumbent(ctx context.Context, agent thinker, e *Episode) error {
	plan, err := p.dryRun(ctx, p.prescribe(e.Policy))
	if err != nil {
		return err
	}
	agent.SetIncumbent(plan.Actions)
	return nil
}

// wasTried tells whether a finished episode left as much of every layer as a policy does.
func (p *Planner) wasTried(policy structure.Policy) bool {
	sizes := p.sizes(policy)
	return slices.ContainsFunc(p.episodes, func(e Episode) bool {
		for l, tried := range e.Policy {
			if e.Sizes[l].Channels != sizes[l].Channels || tried.WeightBits != policy[l].WeightBits || tried.ActivationBits != policy[l].ActivationBits {
				return false
			}
		}
		return true
	})
}
