package engine

import (
	"context"
	"math"
	"slices"

	"galen/engine/compress"
	"galen/store"
)

// Trying a policy takes a second; thinking of one takes a thousandth. So a learning agent decides on
// the layers several times before an episode is tried. Every policy is moved onto the target, and the
// one of which most is expected, by what the episodes so far cost and left, is tried. A policy that was
// tried before is not: it would cost an episode and teach nothing.

// thinker is an agent that may decide on all layers several times before an episode is tried.
type thinker interface {
	// Rollouts is how often; 1: its first thought is to be tried.
	Rollouts() int
	// Think begins another thought.
	Think()
	// Lead tells the actions of the episode that is probably the best so far.
	Lead(actions [][]float64)
}

// refine makes the most of what an agent decided for an episode: the policy is moved onto the target, and
// gives way to a better one if the agent thinks of any.
func (s *Search) refine(ctx context.Context, d *decisions) (*decisions, error) {
	cost := newCostModel(s.episodes)
	if cost == nil {
		return d, nil
	}
	land := func(d *decisions) (*decisions, error) {
		if !s.lands() {
			return d, nil
		}
		return s.land(ctx, cost, d)
	}
	best, err := land(d)
	agent, ok := s.agent.(thinker)
	if err != nil || !ok || agent.Rollouts() == 1 {
		return best, err
	}
	accuracy := s.newAccuracyModel()
	if err := s.lead(ctx, agent, s.leader(accuracy)); err != nil {
		return nil, err
	}
	reward := s.settings.reward()
	worth := func(d *decisions) float64 {
		if s.wasTried(d.policy) {
			return math.Inf(-1)
		}
		sizes := s.compressor.Sizes(d.policy)
		return reward(s.outcome(accuracy.predict(d.policy, sizes), cost.predict(d.policy, sizes)))
	}
	most := worth(best)
	for range agent.Rollouts() - 1 {
		agent.Think()
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
