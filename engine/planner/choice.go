package planner

import (
	"galen/agents"
	"galen/engine/compress"
	"galen/hw/graph"
)

// An agent acts, a space says which choice an action means, and the choices for all layers are a policy. What an
// iterative agent does is relative to the window around the base, and means an action of the space.

// choiceOf is a layer's policy as a choice.
func choiceOf(p compress.LayerPolicy) agents.Choice {
	return withMethod(agents.Choice{Sparsity: p.Sparsity, WeightBits: p.WeightBits, ActivationBits: p.ActivationBits})
}

// withMethod gives a choice the method its bits amount to.
func withMethod(c agents.Choice) agents.Choice {
	switch {
	case c.WeightBits == graph.FloatBits && c.ActivationBits == graph.FloatBits:
		c.Method = agents.Float
	case c.WeightBits == 8 && c.ActivationBits == 8:
		c.Method = agents.Int8
	default:
		c.Method = agents.Mixed
	}
	return c
}

// choose puts a choice into a layer's policy.
func choose(p *compress.LayerPolicy, c agents.Choice) {
	p.Sparsity, p.WeightBits, p.ActivationBits = c.Sparsity, c.WeightBits, c.ActivationBits
}

// original leaves every layer as it is.
func original(layers []Layer) compress.Policy {
	policy := make(compress.Policy, len(layers))
	for l, layer := range layers {
		policy[l] = compress.LayerPolicy{Layer: layer.Name, WeightBits: graph.FloatBits, ActivationBits: graph.FloatBits}
	}
	return policy
}

// meaning is the choice that an action of the space leads to where the layers before were decided.
func (p *Planner) meaning(layer int, action []float64, decided compress.Policy) agents.Choice {
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
