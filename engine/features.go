package engine

import (
	"galen/agents"
	"galen/hw/graph"
)

// features describes each layer to the agent, one vector per step: what the layer is,
// how much of the network's work lies before and after it under the policy so far,
// how sensitive it is, and what the agent did last (Krieger et al. 2022). The joint
// agent sees 47 numbers, the pruning agent 19, the quantization agent 32, or 33 with three actions.
type features struct {
	kind       agents.Kind
	graph      *graph.Graph
	layers     []int // nodes
	described  []Layer
	macs, bops float64 // of the uncompressed network
}

func newFeatures(kind agents.Kind, g *graph.Graph, described []Layer) *features {
	macs, bops, _ := g.Totals()
	return &features{kind, g, g.Layers(), described, float64(macs), float64(bops)}
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
	node := &f.graph.Nodes[f.layers[step]]
	w := node.Weight()
	kernel, stride := 1.0, 1.0
	if c, ok := node.Op.(*graph.Conv); ok {
		kernel, stride = float64(c.Kernel[0]), float64(c.Stride[0])
	}
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
	s := f.described[step].Sensitivity
	state := make([]float64, 0, f.count())
	state = append(state, float64(step), float64(w.Shape[0]), float64(w.Shape[1]), kernel, stride)
	if f.kind.Prunes() {
		state = append(state, costs[step].macs, before.macs/f.macs, after.macs/f.macs)
		state = append(state, s.Sparsity...)
	}
	if f.kind.Quantizes() {
		state = append(state, costs[step].bops, before.bops/f.bops, after.bops/f.bops)
		state = append(state, s.ActivationBits...)
		state = append(state, s.WeightBits...)
		state = append(state, s.Int8, s.Float)
	}
	if f.kind == agents.Joint {
		state = append(state, float64(w.Elements()))
	}
	if previous == nil {
		previous = make([]float64, f.count()-len(state))
	}
	return append(state, previous...)
}
