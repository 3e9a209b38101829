package planner

import (
	"galen/agents"
	"galen/engine/compress/structure"
	"galen/hw/graph"
)

// choiceOf is a layer's policy as a choice.
func choiceOf(p structure.LayerPolicy) agents.Choice {
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
func choose(p *structure.LayerPolicy, c agents.Choice) {
	p.Sparsity, p.WeightBits, p.ActivationBits = c.Sparsity, c.WeightBits, c.ActivationBits
}

// original leaves every layer as it is.
func original(layers []Layer) structure.Policy {
	policy := make(structure.Policy, len(layers))
	for l, layer := range layers {
		policy[l] = structure.LayerPolicy{Layer: layer.Name, WeightBits: graph.FloatBits, ActivationBits: graph.FloatBits}
	}
	return policy
}
