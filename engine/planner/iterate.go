package planner

import (
	"context"
	"slices"

	"galen/agents"
	"galen/engine/compress"
)

// An iterative agent does not choose from the whole range of a layer's parameters but moves
// them a little around the base, where sensitivities are measured at ten levels
// as well: they tell more of the next step than those of the original network. After every
// round of episodes the best policy so far becomes the base. The first one is the base that a person names or,
// without one, the best policy that the search began with.

// usualRound is how many episodes a base serves.
const usualRound = 40

// The exploration σ in a round, of an action that moves within its reach: at its beginning, and the share
// that is left at its end.
const (
	roundNoise = 0.5
	roundEnd   = 0.2
)

// reach is how far an iterative agent moves a parameter in either direction, as a share of its range;
// farther where steps, of channels or bits, are coarse: three quarters of one, from the
// middle of one well into the next.
const (
	reach     = 0.1
	reachStep = 0.75
)

// beginning tells whether an iterative agent's first base is still being searched.
func (p *Planner) beginning() bool {
	return p.settings.Base == nil && p.settings.Preset != Paper && p.progress.Round == 0
}

// windowAround is the neighbourhood of a base that an iterative agent chooses from.
func (p *Planner) windowAround(base compress.Policy) *agents.Window {
	w := &agents.Window{}
	for l, layer := range base {
		c := choiceOf(layer)
		c.Sparsity = middle(layer.Sparsity, p.layers[l].Out, p.settings.RoundTo)
		centre := p.space.Action(c)
		reaches := slices.Repeat([]float64{max(reach, reachStep*p.space.Step())}, len(centre))
		if p.space.Kind.Prunes() {
			step := min(float64(p.settings.RoundTo)/float64(p.layers[l].Out), 1)
			reaches[0] = max(reach, reachStep*step)
		}
		w.Centre, w.Reach = append(w.Centre, centre), append(w.Reach, reaches)
	}
	return w
}

// middle is that of the sparsities which keep as many of the channels as a given one.
func middle(sparsity float64, channels, roundTo int) float64 {
	steps := (compress.Kept(sparsity, channels, roundTo) + roundTo - 1) / roundTo
	step := float64(roundTo) / float64(channels)
	return (max(1-float64(steps)*step, 0) + 1 - float64(steps-1)*step) / 2
}

// iterate lets an iterative agent's base take effect: one that was steered to, the first, or
// when a round is over the best so far.
func (p *Planner) iterate(ctx context.Context) error {
	for {
		before, steered := p.settings.Base, p.steered
		begins := p.chooseBase()
		chosen := p.settings.Base
		if err := p.applyBase(ctx); err != nil {
			return err
		}
		switch {
		case p.steered == steered && begins:
			return p.beginRound(ctx)
		case p.steered == steered:
			return nil
		case p.settings.Base == chosen:
			// What was commanded while sensitivities were measured takes effect before the choice, as
			// it will if the run is resumed here.
			p.settings.Base = before
		}
	}
}

// chooseBase chooses the base of the next episode and tells whether a round begins with it.
func (p *Planner) chooseBase() (begins bool) {
	switch {
	case p.beginning():
		if _, over := p.nextTrial(); !over {
			return false
		}
		p.adopt(p.demonstration())
	case p.progress.Round == 0, !slices.EqualFunc(p.wantedBase(), p.roundBase(), sameLayerPolicy):
	case len(p.episodes)+1-p.progress.Round >= p.roundLength:
		p.adopt(p.mostRewarded(p.episodes))
	default:
		return false
	}
	return true
}

// beginRound makes the agent go on from the base.
func (p *Planner) beginRound(ctx context.Context) error {
	if agent, ok := p.agent.(*agents.DDPG); ok {
		agent.Refer(p.windowAround(p.roundBase()), p.window)
		if p.settings.Preset != Paper {
			if err := p.imitate(ctx, agent, prescription{actions: p.window.Centre}); err != nil {
				return err
			}
		}
	}
	p.progress.RoundBase, p.progress.Round = p.base, len(p.episodes)+1
	return nil
}

// adopt makes an episode's policy the base.
func (p *Planner) adopt(e *Episode) {
	p.settings.Base = &Base{Policy: e.Policy, Episode: e.Number}
}

// roundBase is the base that what the agent remembers is relative to.
func (p *Planner) roundBase() compress.Policy {
	if p.progress.RoundBase == nil {
		return original(p.layers)
	}
	return p.progress.RoundBase
}

// levels are the values within a layer's window at which its sensitivities are measured: ten
// levels evenly from end to end.
func (p *Planner) levels(layer int) compress.Probe {
	var probe compress.Probe
	for level := range compress.Levels {
		action := slices.Repeat([]float64{float64(level) / (compress.Levels - 1)}, p.space.Actions())
		wide := p.window.Widen(layer, action)
		if p.space.Kind.Prunes() {
			probe.Sparsity = append(probe.Sparsity, wide[0])
			continue
		}
		probe.WeightBits = append(probe.WeightBits, p.space.Alone(wide[0]))
		probe.ActivationBits = append(probe.ActivationBits, p.space.Alone(wide[1]))
	}
	return probe
}
