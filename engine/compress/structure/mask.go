package structure

import (
	"slices"

	"galen/hw/graph"
)

// Masked is a layer's float weight that reads the channels of removed classes as zeros: what the layer of
// the pruned graph computes, in the original's shape.
func (s *Structure) Masked(layer int, removed []bool) graph.Weight {
	w, inputs := *s.Graph.Nodes[s.Layers[layer].Node].Weight(), s.Reads(layer)
	if !slices.ContainsFunc(inputs, func(class int) bool { return removed[class] }) {
		return w
	}
	groups := len(inputs) / w.Shape[1]
	outputs, taps := w.Shape[0]/groups, graph.Shape(w.Shape[2:]).Elements()
	w.Float = slices.Clone(w.Float)
	for i, class := range inputs {
		if !removed[class] {
			continue
		}
		group, column := i/w.Shape[1], i%w.Shape[1]
		for o := group * outputs; o < (group+1)*outputs; o++ {
			at := o*w.Channel() + column*taps
			clear(w.Float[at : at+taps])
		}
	}
	return w
}
