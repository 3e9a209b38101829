package planner

import (
	"galen/agents"
	"galen/engine/compress/structure"
)

// An agent acts, a space says which choice an action means, and the choices for all layers are a policy. What an
// iterative agent does is relative to the window around the base, and means an action of the space.

// meaning is the choice that an action of the space leads to where the layers before were decided.
func (p *Planner) meaning(layer int, action []float64, decided structure.Policy) agents.Choice {
	return p.allowed(layer, p.onBase(layer, p.space.Choice(action)), decided)
}

// onBase is a choice with what the agent does not decide as it is in the base.
func (p *Planner) onBase(layer int, c agents.Choice) agents.Choice {
	base := choiceOf(p.base[layer])
	if !p.space.Kind.Prunes() {
		c.Sparsity = base.Sparsity
	}
	if !p.space.Kind.Quantizes() {
		c.Method, c.WeightBits, c.ActivationBits = base.Method, base.WeightBits, base.ActivationBits
	}
	return c
}

// inSpace is the action of the space that the agent's action for a layer means.
func (p *Planner) inSpace(layer int, action []float64) []float64 {
	if p.window == nil {
		return action
	}
	return p.window.Widen(layer, action)
}

// asAgent is the action by which the agent would have asked for what was done, an action of the space. Where that is
// what it asked for, it is the action that it proposed.
func (p *Planner) asAgent(layer int, done, asked, proposed []float64) []float64 {
	if p.window == nil {
		return done
	}
	action := p.window.Narrow(layer, done)
	for i := range proposed {
		if done[i] == asked[i] {
			action[i] = proposed[i]
		}
	}
	return action
}

// permitted bends a choice to what is frozen, then to the layer's limits, then to what the layer admits by
// itself: not all can lose channels, and some must not go below eight bits.
func (p *Planner) permitted(layer Layer, c agents.Choice) agents.Choice {
	c = thawed(c, p.settings.Frozen, p.settings.MaxBits, layer.Mixable)
	c = p.settings.Limits[layer.Name].apply(c)
	if !layer.Prunable {
		c.Sparsity = 0
	}
	if c.Method == agents.Mixed && !layer.Mixable {
		c.Method, c.WeightBits, c.ActivationBits = agents.Int8, 8, 8
	}
	return c
}

// allowed is what is permitted of a choice where earlier layers were decided: coupled layers follow
// their group's root, which was.
func (p *Planner) allowed(step int, c agents.Choice, decided structure.Policy) agents.Choice {
	layer := p.layers[step]
	c = p.permitted(layer, c)
	if layer.Prunable && !layer.Root {
		for i := range step {
			if other := p.layers[i]; other.Root && other.Group == layer.Group {
				c.Sparsity = decided[i].Sparsity
			}
		}
	}
	return c
}
