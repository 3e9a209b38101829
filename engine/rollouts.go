package engine

import (
	"context"
	"math"
	"slices"

	"galen/engine/compress"
	"galen/store"
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

// thinker is an agent that may decide on all layers several times before an episode is tried.
type thinker interface {
	// Rollouts is how often; 1: its first decisions are to be tried.
	Rollouts() int
	// Value is what its critic expects of an episode.
	Value(states, actions [][]float64) float64
	// Think begins decisions that are near the best known ones.
	Think()
	// Lead tells the actions of the episode that is probably the best so far.
	Lead(actions [][]float64)
}

// refine makes the most of what an agent decided for an episode: the policy is moved onto the target, and
// gives way to a better one if the agent thinks of any.
func (s *Search) refine(ctx context.Context, d *decisions) (*decisions, error) {
	cost := newCostModel(s.episodes)
	land := func(d *decisions) (*decisions, error) {
		if cost == nil || !s.lands() {
			return d, nil
		}
		return s.land(ctx, cost, d)
	}
	best, err := land(d)
	agent, ok := s.agent.(thinker)
	if err != nil || !ok || agent.Rollouts() == 1 {
		return best, err
	}
	worth, think, err := s.judge(ctx, agent, cost)
	if err != nil {
		return nil, err
	}
	most := worth(best)
	for range agent.Rollouts() - 1 {
		think()
		other, err := s.decide(ctx, plan{rehearsal: true})
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

// judge is whose turn it is: what it says of decisions, and what to do before others are thought of.
func (s *Search) judge(ctx context.Context, agent thinker, cost *costModel) (worth func(*decisions) float64, think func(), err error) {
	value, think := func(d *decisions) float64 { return agent.Value(d.states, d.actions) }, func() {}
	if cost != nil && len(s.episodes)%2 == 1 {
		accuracy := s.newAccuracyModel()
		value, think = func(d *decisions) float64 { return s.promise(accuracy, cost, d.policy) }, agent.Think
		err = s.lead(ctx, agent, s.leader(accuracy))
	}
	return func(d *decisions) float64 {
		if s.wasTried(d.policy) {
			return math.Inf(-1)
		}
		return value(d)
	}, think, err
}

// promise is the reward that the models foretell a policy.
func (s *Search) promise(accuracy *accuracyModel, cost *costModel, p compress.Policy) float64 {
	sizes := s.compressor.Sizes(p)
	return s.settings.reward()(s.outcome(accuracy.predict(p, sizes), cost.predict(p, sizes)))
}

// lead shows an agent what an episode did, as actions of its own.
func (s *Search) lead(ctx context.Context, agent thinker, e *store.Episode) error {
	p := s.planned(policyOf(e))
	p.rehearsal = true
	d, err := s.decide(ctx, p)
	if err != nil {
		return err
	}
	agent.Lead(d.actions)
	return nil
}

// wasTried tells whether a finished episode left as much of every layer as a policy does.
func (s *Search) wasTried(p compress.Policy) bool {
	sizes := s.compressor.Sizes(p)
	return slices.ContainsFunc(s.episodes, func(e *store.Episode) bool {
		for l, r := range e.Layers {
			if r.Kept != sizes[l].Channels || r.WeightBits != p[l].WeightBits || r.ActivationBits != p[l].ActivationBits {
				return false
			}
		}
		return true
	})
}
