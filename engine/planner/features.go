package planner

import (
	"galen/agents"
	"galen/engine/compress/structure"
	"galen/hw/graph"
)

// features describes each layer to the agent, one vector per step: what the layer is,
// how much of the network's work lies before and after it under the policy so far,
// how sensitive it is, and what the agent did last (Krieger et al. 2022). The joint
// agent sees 47 numbers, the pruning agent 19, the quantization agent 32, or 33 with three actions.
type features struct {
	kind     agents.Kind
	layers   []Layer
	original Original
}

// count is the length of a state.
func (f *features) count() int {
	switch f.kind {
	case agents.Prune:
		return 19
	case agents.Quantize:
		return 32
	case agents.Quantize3:
		return 33
	}
	return 47
}

// work is what one layer costs under a policy.
type work struct{ macs, bops float64 }

// state describes the layer of a step, given what every layer costs under the policy
// decided so far and the previous step's action (nil on the first).
func (f *features) state(step int, costs []work, previous []float64) []float64 {
	l := &f.layers[step]
	var before, after work
	for i, c := range costs {
		switch {
		case i < step:
			before.macs += c.macs
			before.bops += c.bops
		case i > step:
			after.macs += c.macs
			after.bops += c.bops
		}
	}
	s := l.Sensitivity
	state := make([]float64, 0, f.count())
	state = append(state, float64(step), float64(l.Out), float64(l.In), float64(l.Kernel), float64(l.Stride))
	if f.kind.Prunes() {
		state = append(state, costs[step].macs, before.macs/f.original.MACs, after.macs/f.original.MACs)
		state = append(state, s.Sparsity...)
	}
	if f.kind.Quantizes() {
		state = append(state, costs[step].bops, before.bops/f.original.BOPs, after.bops/f.original.BOPs)
		state = append(state, s.ActivationBits...)
		state = append(state, s.WeightBits...)
		state = append(state, s.Int8, s.Float)
	}
	if f.kind == agents.Joint {
		state = append(state, float64(l.Weights))
	}
	if previous == nil {
		previous = make([]float64, f.count()-len(state))
	}
	return append(state, previous...)
}

// work is what every layer would cost under a policy.
func (p *Planner) work(policy structure.Policy) []work {
	sizes := p.sizes(policy)
	costs := make([]work, len(sizes))
	for l, size := range sizes {
		costs[l] = work{
			macs: float64(size.MACs),
			bops: float64(graph.BOPs(size.MACs, policy[l].WeightBits, policy[l].ActivationBits)),
		}
	}
	return costs
}
