package engine

import (
	"context"
	"math"

	"galen/agents"
)

// A search starts on the line of equally sensitive policies: at a level of the line every
// layer is compressed as far as its own measured sensitivity stays below one common
// threshold, the same for all. Bisecting the line for the target costs a handful of
// episodes, and the agent starts from what it finds: a policy near the target whose
// accuracy still tells good neighbours from bad ones. Random actions, the usual
// start, hardly ever leave a network that classifies better than chance, from which
// nothing about accuracy can be learned.

// bisections is how many episodes the search on the line takes at most.
const bisections = 7

// The exploration σ from there on: at first it moves layers by a step or two and leaves
// eight bits eight; by the end of the episodes it has decayed to a share of that.
const (
	startNoise = 0.1
	endNoise   = 0.2 // of startNoise
)

// The thresholds of the line's ends, KL divergence in nats: an unnoticeable change, and
// one that leaves little of the network's judgement.
const (
	lightestThreshold  = 1e-4
	strongestThreshold = 10
)

// equallySensitive are the actions for every layer at a level of the line, from 0 to 1.
func equallySensitive(space agents.Space, layers []Layer, level float64) [][]float64 {
	threshold := lightestThreshold * math.Pow(strongestThreshold/lightestThreshold, level)
	actions := make([][]float64, len(layers))
	for i, l := range layers {
		c := agents.Choice{Method: agents.Int8, WeightBits: 8, ActivationBits: 8}
		c.Sparsity = strongestBelow(l.Sensitivity.Sparsity, threshold)
		actions[i] = space.Action(c)
		if space.Kind == agents.Quantize {
			weight := strongestBelow(l.Sensitivity.WeightBits, threshold)
			activation := strongestBelow(l.Sensitivity.ActivationBits, threshold)
			if weight > 0 || activation > 0 {
				actions[i] = []float64{space.Mixed + (1-space.Mixed)*weight, space.Mixed + (1-space.Mixed)*activation}
			}
		}
	}
	return actions
}

// strongestBelow is the largest of the ratios 0, 0.1, … of a sensitivity curve up to which
// the curve stays at or below the threshold. Nothing in between is taken for as harmless:
// channels and bits come in steps.
func strongestBelow(curve []float64, threshold float64) float64 {
	const spacing = 0.1
	strongest := 0
	for i, divergence := range curve {
		if divergence > threshold {
			break
		}
		strongest = i
	}
	return spacing * float64(strongest)
}

// bisect gives the level to try next, from the latency ratios of the levels tried so far,
// or, once found, the lightest level known to meet the target (the strongest tried if
// none does). The lightest of all is tried first: where int8 alone is fast enough
// nothing needs to be bisected.
func bisect(ratios []float64, target float64) (level float64, found bool) {
	low, high, met := 0.0, 1.0, false
	for i, ratio := range ratios {
		if ratio > target {
			low = level
		} else {
			high, met = level, true
			if i == 0 {
				return level, true
			}
		}
		level = (low + high) / 2
	}
	if len(ratios) < bisections {
		return level, false
	}
	if !met {
		return low, true
	}
	return high, true
}

// imitator is an agent that can begin with given answers.
type imitator interface {
	Imitate(states, actions [][]float64)
}

// warmStart returns the actions of a policy of the line to try in this episode, nil if
// the agent shall act. The first time that it shall, it is made to imitate the policy
// that was found.
func (s *Search) warmStart(ctx context.Context) ([][]float64, error) {
	agent, ok := s.agent.(imitator)
	if !ok {
		return nil, nil
	}
	ratios := s.startRatios()
	level, found := bisect(ratios, s.settings.Target)
	actions := equallySensitive(s.space, s.layers, level)
	if !found {
		return actions, nil
	}
	if len(ratios) == len(s.episodes) {
		start, err := s.decide(ctx, actions)
		if err != nil {
			return nil, err
		}
		agent.Imitate(start.states, start.actions)
	}
	return nil, nil
}

// startRatios are the latency ratios of the episodes that belong to the warm start.
func (s *Search) startRatios() []float64 {
	var ratios []float64
	for _, e := range s.episodes {
		if _, found := bisect(ratios, s.settings.Target); found {
			break
		}
		ratios = append(ratios, e.LatencyRatio)
	}
	return ratios
}
