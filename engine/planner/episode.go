package planner

import (
	"slices"

	"galen/agents"
	"galen/engine/compress/structure"
	"galen/hw/graph"
)

// Episode is what became of a policy that was tried.
type Episode struct {
	Number   int // from 1
	Policy   structure.Policy
	Sizes    []structure.Size // what was left of each layer
	Actions  [][]float64      // by layer: the plan's
	Accuracy float64          // in [0,1]
	Latency  float64          // ÷ the original's
	Shares   []float64        // by layer: what it takes of Latency
	Costs    []float64        // by layer: milliseconds, or bit operations where the device times none
}

// Times is how long a policy took on the device, in milliseconds.
type Times struct {
	Whole  float64
	Layers []float64 // 0 where the device does not time them
}

// Spend sets what each layer cost by how long it took or, where the device does not time layers, by its bit
// operations. What was left of the layers has to be known.
func (e *Episode) Spend(t Times) {
	operations := make([]float64, len(e.Sizes))
	var timed, computed float64
	for l, size := range e.Sizes {
		operations[l] = float64(graph.BOPs(size.MACs, e.Policy[l].WeightBits, e.Policy[l].ActivationBits))
		timed += t.Layers[l]
		computed += operations[l]
	}
	e.Shares = make([]float64, len(e.Sizes))
	for l := range e.Shares {
		switch {
		case timed > 0 && t.Whole > 0:
			e.Shares[l] = t.Layers[l] / t.Whole * e.Latency
		case computed > 0:
			e.Shares[l] = operations[l] / computed * e.Latency
		}
	}
	e.Costs = make([]float64, len(e.Sizes))
	for l, ms := range t.Layers {
		e.Costs[l] = max(ms, 0)
	}
	if slices.Max(e.Costs) <= 0 {
		e.Costs = operations
	}
}

// made tells whether an episode made these choices.
func (e *Episode) made(choices []agents.Choice) bool {
	for l, c := range choices {
		p := e.Policy[l]
		if p.Sparsity != c.Sparsity || p.WeightBits != c.WeightBits || p.ActivationBits != c.ActivationBits {
			return false
		}
	}
	return true
}
