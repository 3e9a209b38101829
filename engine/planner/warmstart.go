package planner

import (
	"context"
	"math"
	"slices"

	"galen/agents"
	"galen/engine/compress"
)

// A search begins with a few policies that need no learning: all layers compressed alike; each as far as
// its own measured sensitivity stays below one common threshold; and what lies between. The first
// ones tell what layers cost, so that the others can be put onto the target. The agent starts
// from the best of them: a policy near the target whose accuracy still tells good neighbours
// from bad ones. Random actions, the usual start, hardly ever leave a network that
// classifies better than chance, from which nothing about accuracy can be learned.

// The levels of the blends that are tried for what layers cost: nothing but int8, and two that
// treat all layers alike. Where even the last one misses the target, it is tried without quantization: on a device on which
// converting numbers costs more than small layers save, that is faster, and layers stay float.
var probeLevels = []float64{0, 0.55, 0.8}

// blends are the kinds of policies to put onto the target, by how far they treat layers alike:
// 1 by nothing else, 0 by nothing but sensitivity.
var blends = []float64{1, 0.75, 0.5, 0.25, 0}

// landings is how often a blend is put onto the target: the second time with what the first
// one cost.
const landings = 2

// closeEnough is how near the target a blend is not worth another try.
const closeEnough = 0.02

// The exploration σ from there on: at first it moves layers by a step or two; by the end of the
// episodes it has decayed to a share of that.
const (
	startNoise = 0.3
	endNoise   = 0.4 // of startNoise
)

// The thresholds of sensitivity at levels 0 and 1, KL divergence in nats: an unnoticeable change, and
// one that leaves little of the network's judgement.
const (
	lightestThreshold  = 1e-4
	strongestThreshold = 10
)

// blended are the actions for every layer at a level from 0 to 1; float leaves out what quantizes.
func blended(space agents.Space, layers []Layer, blend, level float64, float bool) [][]float64 {
	threshold := lightestThreshold * math.Pow(strongestThreshold/lightestThreshold, level)
	strength := func(curve []float64) float64 {
		if len(curve) > 1 && curve[1] >= compress.NotAllowed {
			return 0
		}
		return blend*level + (1-blend)*strongestBelow(curve, threshold)
	}
	actions := make([][]float64, len(layers))
	for i, l := range layers {
		c := agents.Choice{Method: agents.Int8, WeightBits: 8, ActivationBits: 8}
		if float {
			c = agents.Choice{Method: agents.Float}
		}
		c.Sparsity = strength(l.Sensitivity.Sparsity)
		actions[i] = space.Action(c)
		if !space.Kind.Prunes() {
			weight, activation := strength(l.Sensitivity.WeightBits), strength(l.Sensitivity.ActivationBits)
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

// nextTrial says what to try after the trials so far, the level NaN where it is to be put
// onto the target; over tells that there is nothing left. With floats, layers that are pruned may stay float.
func nextTrial(trials []trial, target float64, floats bool) (next trial, over bool) {
	if len(trials) > 0 && trials[0].Ratio <= target {
		return trial{}, true // int8 alone is fast enough
	}
	n := len(probeLevels)
	if len(trials) < n {
		return trial{Blend: blends[0], Level: probeLevels[len(trials)]}, false
	}
	strongest := trials[n-1]
	landed, float := trials[n:], false
	if floats && strongest.Ratio > target {
		probe := slices.IndexFunc(trials, func(t trial) bool { return t.Float })
		if probe < 0 {
			return trial{Blend: strongest.Blend, Level: strongest.Level, Float: true}, false
		}
		if float = trials[probe].Ratio < strongest.Ratio; float {
			landed = trials[probe+1:]
		}
	}
	for _, blend := range blends {
		tries := 0
		for _, t := range landed {
			if t.Blend == blend && t.Float == float {
				tries++
				if math.Abs(t.Ratio/target-1) <= closeEnough {
					tries = landings
				}
			}
		}
		if tries < landings {
			return trial{Blend: blend, Level: math.NaN(), Float: float}, false
		}
	}
	return trial{}, true
}

// nextTrial is what this search has to try next.
func (p *Planner) nextTrial() (next trial, over bool) {
	return nextTrial(p.progress.Start.Trials, p.settings.Target, p.space.Kind == agents.Joint)
}

// warmStart returns the trial to make in this episode, nil if the agent shall act. The first time
// that it shall, it is made to imitate the best of the trials.
func (p *Planner) warmStart(ctx context.Context) (*trial, [][]float64, error) {
	agent, ok := p.agent.(imitator)
	if !ok || p.progress.Start.Imitated > 0 || p.settings.Preset == Paper {
		return nil, nil, nil
	}
	next, over := p.nextTrial()
	if !over {
		actions := func(level float64) [][]float64 { return blended(p.space, p.layers, next.Blend, level, next.Float) }
		if math.IsNaN(next.Level) {
			m := newCostModel(p.episodes)
			next.Level = lightest(0, 1, func(level float64) bool { return p.onTarget(m, actions(level)) })
		}
		next.Episode = len(p.episodes) + 1
		return &next, actions(next.Level), nil
	}
	best := p.demonstration()
	p.progress.Start.Imitated, p.progress.Start.Demonstration = len(p.episodes)+1, best.Number
	return nil, nil, p.imitate(ctx, agent, p.prescribe(best.Policy))
}

// demonstration is the trial to begin with: the one with the best reward, once chosen the same for good.
func (p *Planner) demonstration() *Episode {
	if chosen := p.progress.Start.Demonstration; chosen > 0 {
		return &p.episodes[chosen-1]
	}
	var tried []Episode
	for _, t := range p.progress.Start.Trials {
		tried = append(tried, p.episodes[t.Episode-1])
	}
	return p.mostRewarded(tried)
}

// imitate makes the agent answer as prescribed.
func (p *Planner) imitate(ctx context.Context, agent imitator, as prescription) error {
	plan, err := p.dryRun(ctx, as)
	if err != nil {
		return err
	}
	agent.Imitate(plan.states, plan.Actions)
	return nil
}
