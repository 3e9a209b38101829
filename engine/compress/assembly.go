package compress

import (
	"context"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/hw/graph"
)

// assembly builds a compressed network of layers that were each repaired by
// themselves, from the Database as far as it has them. No image runs through it.
type assembly struct {
	*original
	policy  structure.Policy
	removed []bool // per class
	kept    [][]int
	placed  *structure.Placement
	graph   *graph.Graph // placed.Graph; operators and Quants are replaced in it
}

func (a *assembly) run(ctx context.Context) error {
	layers := a.graph.Layers()
	ops := make([]graph.Op, len(layers))
	failed := make([]error, len(layers))
	a.quantizeValues()
	a.workers.Each(len(layers), func(l int) {
		if failed[l] = ctx.Err(); failed[l] == nil {
			ops[l], failed[l] = a.layer(layers[l], l)
		}
	})
	for l, node := range layers {
		if failed[l] != nil {
			return failed[l]
		}
		a.graph.Nodes[node].Op = ops[l]
	}
	return nil
}

// quantizeValues decides how values are stored, by what they held in the original network.
func (a *assembly) quantizeValues() {
	for i := range a.graph.Nodes {
		n := &a.graph.Nodes[i]
		bits := a.placed.Bits[n.Output]
		if bits == 0 {
			continue
		}
		value := &a.graph.Values[n.Output]
		if a.placed.Same[n.Output] {
			value.Quant = a.graph.Values[n.Inputs[0]].Quant
			continue
		}
		seen := n.Output
		if int(seen) >= len(a.ranges) { // a Quantize node's, which holds what it reads
			seen = n.Inputs[0]
		}
		q := a.ranges[seen].Quant(bits, a.options.Calibration)
		value.Quant = &q
	}
}

// layer is a layer with repaired weights.
func (a *assembly) layer(node, l int) (graph.Op, error) {
	n := &a.graph.Nodes[node]
	info := a.structure.Layers[l]
	original := &a.structure.Graph.Nodes[info.Node]
	inputs := a.structure.FilterInputs(l, a.removed)
	whole := len(inputs) == original.Weight().Shape[1]
	bits := graph.FloatBits
	var inputScale float32
	if q := a.graph.Values[n.Inputs[0]].Quant; q != nil && !a.policy[l].Float() {
		bits, inputScale = a.policy[l].WeightBits, q.Scale
	}
	if whole && bits == graph.FloatBits {
		return n.Op, nil
	}
	solved, err := a.solver.solution(l, inputs, bits)
	if err != nil {
		return nil, err
	}
	w, bias := solved.Select(a.kept[l])
	for o, floor := range refit.ScaleFloor(bias, inputScale) {
		if bits != graph.FloatBits && w.Scale[o] < floor {
			// A bias far above the weights asks for coarser steps, which depend on the input's.
			float, err := a.solver.solution(l, inputs, graph.FloatBits)
			if err != nil {
				return nil, err
			}
			w, bias = float.Select(a.kept[l])
			floor := refit.ScaleFloor(bias, inputScale)
			return n.WithWeight(refit.RoundNearest(a.workers.Alone(), &w, bits, a.options.WeightRange, floor), bias), nil
		}
	}
	return n.WithWeight(w, bias), nil
}
