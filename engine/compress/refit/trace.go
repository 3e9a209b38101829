package refit

import (
	"slices"

	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

// Trace holds the tensors of a run that are still to be read.
type Trace struct {
	graph  *graph.Graph
	tracer *runtime.Tracer
	Values []*runtime.Batch // nil: not computed yet, or not needed any more
	unread []int            // per value: how many nodes are still to read it
	owned  []bool           // per value: computed here, not lent by the caller
}

// NewTrace starts a run with an input, which stays the caller's.
func NewTrace(g *graph.Graph, tracer *runtime.Tracer, input *runtime.Batch) *Trace {
	n := len(g.Values)
	t := &Trace{g, tracer, make([]*runtime.Batch, n), make([]int, n), make([]bool, n)}
	for id, readers := range g.Consumers() {
		t.unread[id] = len(readers)
	}
	t.unread[g.Input]++ // the caller keeps it
	t.unread[g.Output]++
	t.Values[g.Input] = input
	return t
}

// Compute runs one node.
func (t *Trace) Compute(node int) (*runtime.Batch, error) {
	n := &t.graph.Nodes[node]
	inputs := make([]*runtime.Batch, len(n.Inputs))
	for i, id := range n.Inputs {
		inputs[i] = t.Values[id]
	}
	return t.tracer.Node(t.graph, node, inputs)
}

// ComputeRounded runs one node that rounds its first input, which stays as it is; nil: it does not.
func (t *Trace) ComputeRounded(workers Workers, node int, q *graph.Quant) (*runtime.Batch, error) {
	if q == nil {
		return t.Compute(node)
	}
	id := t.graph.Nodes[node].Inputs[0]
	read := t.Values[id]
	t.Values[id] = rounded(workers, read, *q)
	out, err := t.Compute(node)
	t.Values[id] = read
	return out, err
}

// ComputeInPlace runs one node; an activation that only limits its input overwrites it if it is the last
// to read it.
func (t *Trace) ComputeInPlace(workers Workers, node int) (*runtime.Batch, error) {
	n := &t.graph.Nodes[node]
	activation, ok := n.Op.(graph.Clamp)
	if id := n.Inputs[0]; ok && t.unread[id] == 1 && t.Values[id] != nil {
		b := t.Values[id]
		low, high := activation.Limits()
		workers.Each(b.N, func(i int) {
			pixels := b.Images[i][b.Stride:]
			kernel.ClampFloat(workers.ISA, pixels, pixels, low, high)
		})
		return b, nil
	}
	return t.Compute(node)
}

// Keep stores a node's output and lets go of what it was the last to read.
func (t *Trace) Keep(node int, out *runtime.Batch) {
	n := &t.graph.Nodes[node]
	t.Values[n.Output], t.owned[n.Output] = out, true
	for j, id := range n.Inputs {
		if slices.Index(n.Inputs, id) != j {
			continue
		}
		if t.unread[id]--; t.unread[id] > 0 {
			continue
		}
		if t.owned[id] && t.Values[id] != out {
			t.tracer.Recycle(t.Values[id])
		}
		t.Values[id] = nil
	}
}
