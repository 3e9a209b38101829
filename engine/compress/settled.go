package compress

import (
	"galen/engine/compress/structure"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// settled is the network under a policy, rounded to nearest and not repaired. It keeps its shape:
// removed channels are read as zeros.
type settled struct {
	*Compressor
	policy  structure.Policy
	removed []bool               // per channel class
	graph   *graph.Graph         // its weights are the policy's
	inputs  map[int]*graph.Quant // by node: how layers round what they read; nil where it stays float
	layers  map[int]int          // by node: the layer
}

func (c *Compressor) settle(p structure.Policy) *settled {
	s := &settled{
		Compressor: c, policy: p, removed: c.structure.Select(p, c.importance, c.options.RoundTo),
		graph: c.structure.Graph.Clone(), inputs: map[int]*graph.Quant{}, layers: map[int]int{},
	}
	for l, info := range c.structure.Layers {
		s.layers[info.Node] = l
		n := &s.graph.Nodes[info.Node]
		n.Op = n.WithWeight(s.weight(l, s.removed, p[l].WeightBits), n.Bias())
		s.inputs[info.Node] = s.rounding(l, p[l].ActivationBits)
	}
	return s
}

// weight is a layer's weight with some classes read as zeros, rounded to bits.
func (c *Compressor) weight(l int, removed []bool, bits int) graph.Weight {
	w := c.structure.Masked(l, removed)
	if bits != graph.FloatBits {
		w = c.crew.quantizeWeight(&w, bits, nil)
	}
	return w
}

// rounding is how a layer rounds what it reads to bits; nil for float, where it does not.
func (c *Compressor) rounding(l, bits int) *graph.Quant {
	if bits == graph.FloatBits {
		return nil
	}
	q := c.seen[l].input.quant(bits, c.options.Calibration)
	return &q
}

// trace computes all tensors from the input's.
func (s *settled) trace(tracer *runtime.Tracer, input *runtime.Batch) ([]*runtime.Batch, error) {
	t := newTrace(s.graph, tracer, input)
	for i := range s.graph.Nodes {
		out, err := t.computeRounded(s.crew, i, s.inputs[i])
		if err != nil {
			return nil, err
		}
		t.values[s.graph.Nodes[i].Output] = out
	}
	return t.values, nil
}

// outputs are the original network's logits, one row an image.
func (c *Compressor) outputs(tracer *runtime.Tracer, input *runtime.Batch) ([]float32, error) {
	g, end := c.structure.Graph, c.logits()
	t := newTrace(g, tracer, input)
	for i := range g.Nodes {
		out, err := t.compute(i)
		if err != nil {
			return nil, err
		}
		if g.Nodes[i].Output == end {
			return out.Outputs(), nil
		}
		t.keep(i, out)
	}
	return input.Outputs(), nil
}

// logits is the value whose softmax is the network's output distribution.
func (c *Compressor) logits() graph.ValueID {
	g := c.structure.Graph
	if last := g.Producer(g.Output); last >= 0 {
		if _, ok := g.Nodes[last].Op.(graph.Softmax); ok {
			return g.Nodes[last].Inputs[0]
		}
	}
	return g.Output
}
