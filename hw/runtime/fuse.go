package runtime

import (
	"math"

	"galen/hw/graph"
)

// unit is a node together with what follows it and is computed in the same pass: an
// addition, a clamp, a change of precision.
type unit struct {
	node     int
	residual graph.ValueID // added to a layer's result before the clamp; −1: none
	lo, hi   float32       // the result is clamped to these, as real numbers
	output   graph.ValueID // value of the last node; those in between do not exist
	last     int           // node after which everything the unit reads is known
	sum      *unit         // an addition of quantized tensors that the unit's integers go into; nil: none
}

// fuse groups the nodes of a graph into units, in an order in which they can run.
func fuse(g *graph.Graph) []unit {
	f := fuser{g: g, reads: make([]int, len(g.Values)), reader: make([]int, len(g.Values)), taken: make([]bool, len(g.Nodes))}
	for i, n := range g.Nodes {
		for _, in := range n.Inputs {
			f.reads[in]++
			f.reader[in] = i
		}
	}
	f.reads[g.Output]++               // the caller
	at := make([]*unit, len(g.Nodes)) // units by the node they end with
	for i := range g.Nodes {
		if !f.taken[i] {
			u := f.grow(i)
			at[u.last] = &u
		}
	}
	for i, u := range at {
		if layer := f.summand(u, at); layer != nil {
			at[layer.last] = nil
			layer.sum = u
			at[i] = layer
		}
	}
	var units []unit
	for _, u := range at {
		if u != nil {
			units = append(units, *u)
		}
	}
	return units
}

// summand finds the integer layer that can do an addition of quantized tensors while it
// rounds its own result: of two the later, so that the earlier is not put off.
func (f *fuser) summand(u *unit, at []*unit) *unit {
	if u == nil || f.g.Values[u.output].Quant == nil {
		return nil
	}
	n := &f.g.Nodes[u.node]
	if _, ok := n.Op.(graph.Add); !ok || f.g.Values[n.Inputs[0]].Quant == nil || f.g.Values[n.Inputs[1]].Quant == nil {
		return nil
	}
	var found *unit
	for _, id := range n.Inputs {
		producer := f.g.Producer(id)
		if producer < 0 || f.reads[id] != 1 {
			continue
		}
		layer := at[producer]
		if layer.sum == nil && layer.residual < 0 && integerLayer(f.g, layer.node) && (found == nil || layer.last > found.last) {
			found = layer
		}
	}
	return found
}

type fuser struct {
	g      *graph.Graph
	reads  []int // uses of each value
	reader []int // the node that reads it, if only one does
	taken  []bool
}

// grow starts a unit at a node and absorbs the nodes that follow while they are
// the only reader and the meaning stays the same.
func (f *fuser) grow(node int) unit {
	n := &f.g.Nodes[node]
	f.taken[node] = true
	u := unit{node: node, residual: -1, output: n.Output, last: node}
	if _, ok := n.Op.(graph.GlobalAveragePool); ok {
		f.flatten(&u)
	}
	if !u.start(n.Op) {
		return u
	}
	for f.reads[u.output] == 1 && u.output != f.g.Output {
		next := f.reader[u.output]
		if !f.absorb(&u, next) {
			break
		}
		f.taken[next] = true
		u.output, u.last = f.g.Nodes[next].Output, next
	}
	return u
}

// flatten lets a Flatten that only takes the pixel of a unit's result for a vector be part of it.
func (f *fuser) flatten(u *unit) {
	if f.reads[u.output] != 1 || u.output == f.g.Output {
		return
	}
	next := f.reader[u.output]
	n := &f.g.Nodes[next]
	from, to := f.g.Values[u.output].Quant, f.g.Values[n.Output].Quant
	same := from == nil && to == nil || from != nil && to != nil && *from == *to
	if _, ok := n.Op.(graph.Flatten); ok && same {
		f.taken[next] = true
		u.output, u.last = n.Output, next
	}
}

// start sets the clamp of the unit's first operator and tells whether others may follow it.
func (u *unit) start(op graph.Op) bool {
	u.lo, u.hi = negInf, posInf
	switch op := op.(type) {
	case graph.Clamp:
		u.clamp(op.Limits())
	case *graph.Conv, *graph.Gemm, *graph.BatchNorm, graph.Add, graph.Quantize:
	default:
		return false
	}
	return true
}

// onlyClamps tells whether an operator does nothing to numbers but what a unit's clamp and the rounding of its output do.
func onlyClamps(op graph.Op) bool {
	switch op.(type) {
	case graph.Clamp, graph.Quantize:
		return true
	}
	return false
}

// absorb adds a node to the unit if it can be part of it. Once the unit's result has
// been rounded to a quantization, only operations that stay on its grid may follow:
// rounding and clamping commute there.
func (f *fuser) absorb(u *unit, next int) bool {
	n := &f.g.Nodes[next]
	from, to := f.g.Values[u.output].Quant, f.g.Values[n.Output].Quant
	if from != nil && (to == nil || *from != *to) {
		return false
	}
	switch op := n.Op.(type) {
	case graph.Quantize:
		return true
	case graph.Clamp:
		u.clamp(op.Limits())
		return true
	case graph.Add:
		other := n.Inputs[0]
		if other == u.output {
			other = n.Inputs[1]
		}
		clamped := u.lo != negInf || u.hi != posInf
		if f.g.Nodes[u.node].Weight() == nil || u.residual >= 0 || clamped || from != nil || f.laterLayer(other, u.node) {
			return false
		}
		u.residual = other
		return true
	}
	return false
}

// laterLayer tells whether a value comes straight from a layer behind node, which can
// absorb the addition without being put off.
func (f *fuser) laterLayer(id graph.ValueID, node int) bool {
	producer := f.g.Producer(id)
	return producer > node && f.g.Nodes[producer].Weight() != nil
}

// clamp limits the unit's result further.
func (u *unit) clamp(lo, hi float32) {
	u.lo = min(max(u.lo, lo), hi)
	u.hi = min(max(u.hi, lo), hi)
}

var negInf, posInf = float32(math.Inf(-1)), float32(math.Inf(1))
