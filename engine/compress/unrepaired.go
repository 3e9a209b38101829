package compress

import (
	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// unrepaired is the network under a policy, rounded to nearest and not repaired. It keeps its shape:
// removed channels are read as zeros.
type unrepaired struct {
	*original
	policy  structure.Policy
	removed []bool               // per channel class
	graph   *graph.Graph         // its weights are the policy's
	inputs  map[int]*graph.Quant // by node: how layers round what they read; nil where it stays float
	layers  map[int]int          // by node: the layer
}

// withoutRepair applies a policy as it is measured: what it takes is not made up for.
func (o *original) withoutRepair(p structure.Policy) *unrepaired {
	s := &unrepaired{
		original: o, policy: p, removed: o.structure.Select(p, o.importance, o.options.RoundTo),
		graph: o.structure.Graph.Clone(), inputs: map[int]*graph.Quant{}, layers: map[int]int{},
	}
	for l, info := range o.structure.Layers {
		s.layers[info.Node] = l
		n := &s.graph.Nodes[info.Node]
		n.Op = n.WithWeight(s.weight(l, s.removed, p[l].WeightBits), n.Bias())
		s.inputs[info.Node] = s.inputQuant(l, p[l].ActivationBits)
	}
	return s
}

// weight is a layer's weight with some classes read as zeros, rounded to bits.
func (s *unrepaired) weight(l int, removed []bool, bits int) graph.Weight {
	w := s.structure.Masked(l, removed)
	if bits != graph.FloatBits {
		w = refit.RoundNearest(s.workers, &w, bits, refit.SquaredError, nil)
	}
	return w
}

// inputQuant is how a layer rounds what it reads to bits; nil for float, where it does not.
func (s *unrepaired) inputQuant(l, bits int) *graph.Quant {
	if bits == graph.FloatBits {
		return nil
	}
	q := s.seen[l].input.Quant(bits, s.options.Calibration)
	return &q
}

// trace computes all tensors from the input's.
func (s *unrepaired) trace(tracer *runtime.Tracer, input *runtime.Batch) ([]*runtime.Batch, error) {
	t := refit.NewTrace(s.graph, tracer, input)
	for i := range s.graph.Nodes {
		out, err := t.ComputeRounded(s.workers, i, s.inputs[i])
		if err != nil {
			return nil, err
		}
		t.Values[s.graph.Nodes[i].Output] = out
	}
	return t.Values, nil
}

// outputs are the original network's logits, one row an image.
func (o *original) outputs(tracer *runtime.Tracer, input *runtime.Batch) ([]float32, error) {
	g, end := o.structure.Graph, o.logits()
	t := refit.NewTrace(g, tracer, input)
	for i := range g.Nodes {
		out, err := t.Compute(i)
		if err != nil {
			return nil, err
		}
		if g.Nodes[i].Output == end {
			return out.Outputs(), nil
		}
		t.Keep(i, out)
	}
	return input.Outputs(), nil
}

// logits is the value whose softmax is the network's output distribution.
func (o *original) logits() graph.ValueID {
	g := o.structure.Graph
	if last := g.Producer(g.Output); last >= 0 {
		if _, ok := g.Nodes[last].Op.(graph.Softmax); ok {
			return g.Nodes[last].Inputs[0]
		}
	}
	return g.Output
}
