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
		if !space.Kind.Prunes() {
			weight := strongestBelow(l.Sensitivity.WeightBits, threshold)
			activation := strongestBelow(l.Sensitivity.ActivationBits, threshold)
			if weight > 0 || activation > 0 {
				actions[i] = space.Rounded(weight, activation)
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

// start is how far the search on the line is.
type start struct {
	Trials   []trial `json:"trials,omitempty"`
	Imitated int     `json:"imitated,omitempty"` // episode from which on the agent acts; 0: not yet
}

// trial is an episode on the line.
type trial struct {
	Episode int     `json:"episode"`
	Level   float64 `json:"level"`
	Ratio   float64 `json:"ratio"` // latency ÷ the original's
}

// bisect gives the level to try next or, once found, the lightest level known to meet the
// target (the strongest tried if none does). The lightest of all is tried first: where
// int8 alone is fast enough nothing needs to be bisected.
func bisect(trials []trial, target float64) (level float64, found bool) {
	if len(trials) == 0 {
		return 0, false
	}
	low, high, met := 0.0, 1.0, false
	for _, t := range trials {
		if t.Ratio > target {
			low = max(low, t.Level)
		} else {
			high, met = min(high, t.Level), true
		}
	}
	switch {
	case met && (high == 0 || len(trials) >= bisections):
		return high, true
	case len(trials) >= bisections:
		return low, true
	}
	return (low + high) / 2, false
}

// imitator is an agent that can begin with given answers.
type imitator interface {
	Imitate(states, actions [][]float64)
}

// warmStart returns the actions of the level of the line to try in this episode, nil if
// the agent shall act. The first time that it shall, it is made to imitate the level
// that was found.
func (s *Search) warmStart(ctx context.Context) (level float64, actions [][]float64, err error) {
	agent, ok := s.agent.(imitator)
	if !ok || s.progress.Start.Imitated > 0 || s.settings.Preset == paper {
		return 0, nil, nil
	}
	level, found := bisect(s.progress.Start.Trials, s.settings.Target)
	actions = equallySensitive(s.space, s.layers, level)
	if !found {
		return level, actions, nil
	}
	s.progress.Start.Imitated = len(s.episodes) + 1
	return 0, nil, s.imitate(ctx, agent, actions)
}

// imitate makes the agent answer as the actions do.
func (s *Search) imitate(ctx context.Context, agent imitator, actions [][]float64) error {
	d, err := s.decide(ctx, plan{actions: actions, rehearsal: true})
	if err != nil {
		return err
	}
	agent.Imitate(d.states, d.actions)
	return nil
}
