package compress

import (
	"slices"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// trace holds the tensors of a run that are still to be read.
type trace struct {
	graph  *graph.Graph
	tracer *runtime.Tracer
	values []*runtime.Batch
	unread []int  // per value: how many nodes are still to read it
	owned  []bool // per value: computed here, not lent by the caller
}

func newTrace(g *graph.Graph, tracer *runtime.Tracer, input *runtime.Batch) *trace {
	n := len(g.Values)
	t := &trace{g, tracer, make([]*runtime.Batch, n), make([]int, n), make([]bool, n)}
	for id, readers := range g.Consumers() {
		t.unread[id] = len(readers)
	}
	t.unread[g.Input]++ // the caller keeps it
	t.unread[g.Output]++
	t.values[g.Input] = input
	return t
}

// compute runs one node.
func (t *trace) compute(node int) (*runtime.Batch, error) {
	n := &t.graph.Nodes[node]
	inputs := make([]*runtime.Batch, len(n.Inputs))
	for i, id := range n.Inputs {
		inputs[i] = t.values[id]
	}
	return t.tracer.Node(t.graph, node, inputs)
}

// computeRounded runs one node that rounds its first input, which stays as it is; nil: it does not.
func (t *trace) computeRounded(c crew, node int, q *graph.Quant) (*runtime.Batch, error) {
	if q == nil {
		return t.compute(node)
	}
	id := t.graph.Nodes[node].Inputs[0]
	read := t.values[id]
	t.values[id] = c.rounded(read, *q)
	out, err := t.compute(node)
	t.values[id] = read
	return out, err
}

// take gives a tensor to its last reader, to overwrite; nil if others will read it.
func (t *trace) take(id graph.ValueID) *runtime.Batch {
	if t.unread[id] != 1 {
		return nil
	}
	return t.values[id]
}

// keep stores a node's output and lets go of what it was the last to read.
func (t *trace) keep(node int, out *runtime.Batch) {
	n := &t.graph.Nodes[node]
	t.values[n.Output], t.owned[n.Output] = out, true
	for j, id := range n.Inputs {
		if slices.Index(n.Inputs, id) != j {
			continue
		}
		if t.unread[id]--; t.unread[id] > 0 {
			continue
		}
		if t.owned[id] && t.values[id] != out {
			t.tracer.Recycle(t.values[id])
		}
		t.values[id] = nil
	}
}
