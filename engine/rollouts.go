package engine

import (
	"context"
	"math"
	"slices"

	"galen/engine/compress"
	"galen/store"
)

// Trying a policy takes a second; thinking of one takes none. So an agent that has a critic
// decides on the layers many times before an episode is tried, every policy is moved onto the target, and
// the one that the critic thinks most of is tried. A policy that was tried before is not: it
// would cost an episode and teach nothing.

// critic is an agent that knows what a policy is probably worth.
type critic interface {
	Rollouts() int
	Value(states, actions [][]float64) float64
}

// refine makes the most of what an agent decided for an episode: the policy is moved onto the target, and
// gives way to a better one if the agent's critic knows any.
func (s *Search) refine(ctx context.Context, d *decisions) (*decisions, error) {
	land := func(d *decisions) (*decisions, error) { return d, nil }
	if m := newCostModel(s.episodes); m != nil && s.lands() {
		land = func(d *decisions) (*decisions, error) { return s.land(ctx, m, d) }
	}
	best, err := land(d)
	judge, ok := s.agent.(critic)
	if err != nil || !ok || judge.Rollouts() == 1 {
		return best, err
	}
	worth := func(d *decisions) float64 {
		if s.wasTried(d.policy) {
			return math.Inf(-1)
		}
		return judge.Value(d.states, d.actions)
	}
	most := worth(best)
	for range judge.Rollouts() - 1 {
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
