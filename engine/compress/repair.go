package compress

import (
	"slices"

	"galen/engine/compress/refit"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// fit states the problem whose solution brings a layer's outputs closest to what
// they were; nil if there is nothing to be gained.
func (f *fitting) fit(node, l int) *refit.Fit {
	n := &f.graph.Nodes[node]
	was := f.before[f.structure.Graph.Nodes[f.structure.Layers[l].Node].Output]
	if was == nil || !f.refits || !refit.Fittable(n.Weight()) {
		return nil
	}
	others := f.others(n.Output)
	if !f.degraded[n.Inputs[0]] && !slices.ContainsFunc(others, func(o operand) bool { return o.degraded }) {
		return nil
	}
	target := func(y []float32, first, at, image, pixel int) {
		from, kept := was.Row(at), f.kept[l][first:][:len(y)]
		for c, ch := range kept {
			y[c] = from[ch]
		}
		for _, o := range others {
			o.addLoss(y, kept, first, at, image, pixel)
		}
	}
	return refit.NewFit(f.workers, n, f.trace.Values[n.Inputs[0]], f.graph.Values[n.Output].Shape, target)
}

// operand is what an addition adds to a layer's output.
type operand struct {
	was      *refit.Sample  // in the original network
	is       *runtime.Batch // now
	degraded bool
}

// addLoss adds what an operand lost, for the kept channels from the first-th on.
func (o operand) addLoss(y []float32, kept []int, first, at, image, pixel int) {
	was, is := o.was.Row(at), o.is.Pixel(image, pixel)[first:]
	for c, ch := range kept {
		y[c] += was[ch] - is[c]
	}
}

// others are the other operands of the addition that alone reads a value; nil if there is
// no such addition or they are not all known yet.
func (f *fitting) others(id graph.ValueID) (others []operand) {
	readers := f.readers[id]
	if len(readers) != 1 || id == f.graph.Output {
		return nil
	}
	add := &f.graph.Nodes[readers[0]]
	if _, ok := add.Op.(graph.Add); !ok {
		return nil
	}
	original := &f.structure.Graph.Nodes[f.structure.Graph.Producer(add.Output)]
	for j, other := range add.Inputs {
		if other == id {
			continue
		}
		o := operand{f.before[original.Inputs[j]], f.trace.Values[other], f.degraded[other]}
		if o.was == nil || o.is == nil {
			return nil
		}
		others = append(others, o)
	}
	return others
}

// fitTargets tells of every value of a graph whether layers are fitted to what it was: it is a
// layer's output or an addition's operand.
func fitTargets(g *graph.Graph) []bool {
	wanted := make([]bool, len(g.Values))
	for _, n := range g.Nodes {
		if n.Weight() != nil {
			wanted[n.Output] = true
		}
		if _, ok := n.Op.(graph.Add); ok {
			for _, id := range n.Inputs {
				wanted[id] = true
			}
		}
	}
	return wanted
}
