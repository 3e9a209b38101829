package planner

import (
	"context"
	"slices"

	"galen/agents"
	"galen/engine/compress/structure"
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
func (p *Planner) roundBase() structure.Policy {
	if p.progress.RoundBase == nil {
		return original(p.layers)
	}
	return p.progress.RoundBase
}
