package runtime

import (
	"context"
	"fmt"
	"slices"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// Tracer runs a graph in floats, node by node over a batch of images, so that a
// caller can look at tensors in between, change them, and start from ones it kept.
// Where the graph is quantized it computes the same reals that the plan's integers
// stand for, up to the rounding of floats: weights and biases are replaced by what
// their integers stand for, and outputs are rounded to their value's quantization.
//
// A Tracer is not for concurrent use.
type Tracer struct {
	isa     kernel.ISA
	workers int
	free    []*Batch // given back by Recycle
	spare   int      // bytes of those
}

// mostSpare bounds what a tracer keeps of batches that were given back, in bytes: in networks with large tensors of
// many sizes those would be as much memory as all tensors together.
const mostSpare = 1 << 30

// NewTracer returns a tracer that works with so many goroutines (0: all cores). An empty isa
// is the fastest.
func NewTracer(isa kernel.ISA, workers int) *Tracer {
	if isa == "" {
		supported := kernel.Supported()
		isa = supported[len(supported)-1]
	}
	return &Tracer{isa: isa, workers: workers}
}

// Input turns n images in ONNX layout into the graph's input batch, rounded if the
// input is quantized.
func (t *Tracer) Input(g *graph.Graph, images []float32, n int) *Batch {
	v := &g.Values[g.Input]
	b := NewBatch(v.Shape, n)
	size := v.Shape.Elements()
	t.each(n, func() func(int) {
		round := t.rounding(v.Quant, b)
		return func(i int) {
			kernel.Pixels(t.isa, b.Images[i], images[i*size:(i+1)*size], b.Channels, b.Stride)
			round(b.Images[i])
		}
	})
	return b
}

// Node computes one node's output from its inputs, which it leaves alone.
func (t *Tracer) Node(g *graph.Graph, node int, inputs []*Batch) (*Batch, error) {
	n := &g.Nodes[node]
	if len(inputs) == 0 || len(inputs) != len(n.Inputs) {
		return nil, fmt.Errorf("trace %s node %q: got %d inputs, wants %d", n.Op.Kind(), n.Name, len(inputs), len(n.Inputs))
	}
	for i, in := range inputs {
		if want := g.Values[n.Inputs[i]].Shape; in == nil || !slices.Equal(in.Shape, want) || in.N != inputs[0].N {
			return nil, fmt.Errorf("trace %s node %q: input %d is not a batch of %v like the others", n.Op.Kind(), n.Name, i, want)
		}
	}
	if err := checkWindow(g, n); err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	value := &g.Values[n.Output]
	out := t.batch(value.Shape, inputs[0].N)
	run := t.op(g, node)
	t.each(out.N, func() func(int) {
		round := t.rounding(value.Quant, out)
		in := make([][]float32, len(inputs))
		return func(i int) {
			for j := range in {
				in[j] = inputs[j].Images[i]
			}
			run(out.Images[i], in)
			clear(out.Images[i][:out.Stride])
			round(out.Images[i])
		}
	})
	return out, nil
}

// Recycle gives back a batch that nobody reads any more; a later node writes its output
// into the same memory.
func (t *Tracer) Recycle(b *Batch) {
	t.free = append(t.free, b)
	for t.spare += b.bytes(); t.spare > mostSpare; t.free = slices.Delete(t.free, 0, 1) {
		t.spare -= t.free[0].bytes()
	}
}

// batch is a batch for a node to fill, recycled if one of its size is at hand.
func (t *Tracer) batch(shape graph.Shape, n int) *Batch {
	slot := newSlot(shape, nil)
	for i, b := range t.free {
		if b.N == n && len(b.Images[0]) == slot.size() {
			t.free = slices.Delete(t.free, i, i+1)
			t.spare -= b.bytes()
			return &Batch{N: n, Shape: slices.Clone(shape), Channels: shape[0], Pixels: slot.pixels, Stride: slot.stride, Images: b.Images}
		}
	}
	return NewBatch(shape, n)
}

// Run computes the nodes from the given one on. values[id] holds the tensors that are
// known (those earlier nodes computed) and receives the new ones; it is as long as
// g.Values. input, if not nil, is put there first. visit (nil: none) sees every new
// tensor and may change it in place; an error of it ends the run. Tensors are
// kept until the caller sets them to nil, which visit may do with those no later
// node reads.
func (t *Tracer) Run(g *graph.Graph, input *Batch, from int, values []*Batch, visit func(node int, out *Batch) error) error {
	if len(values) != len(g.Values) {
		return fmt.Errorf("trace: got room for %d values, the graph has %d", len(values), len(g.Values))
	}
	if input != nil {
		values[g.Input] = input
	}
	for i := from; i < len(g.Nodes); i++ {
		n := &g.Nodes[i]
		in := make([]*Batch, len(n.Inputs))
		for j, id := range n.Inputs {
			in[j] = values[id]
		}
		out, err := t.Node(g, i, in)
		if err != nil {
			return err
		}
		values[n.Output] = out
		if visit == nil {
			continue
		}
		if err := visit(i, out); err != nil {
			return fmt.Errorf("trace %s node %q: %w", n.Op.Kind(), n.Name, err)
		}
	}
	return nil
}

// each calls a function for every image on the tracer's goroutines.
func (t *Tracer) each(n int, start func() func(int)) {
	_ = Parallel(context.Background(), n, t.workers, start) // a background context is never done
}

// op prepares a node, layers included.
func (t *Tracer) op(g *graph.Graph, node int) floatOp {
	n := &g.Nodes[node]
	if n.Weight() == nil {
		var u unit
		u.start(n.Op)
		return newFloatOp(t.isa, g, node, u.lo, u.hi)
	}
	bias := n.Bias()
	if integerLayer(g, node) {
		bias = realBias(n, g.Values[n.Inputs[0]].Quant.Scale)
	}
	shape := LayerShape(n.Op, g.Values[n.Inputs[0]].Shape, g.Values[n.Output].Shape)
	conv := kernel.PlanFloat(t.isa, shape, false).New(n.Weight().Real(), bias, negInf, posInf)
	return func(out []float32, in [][]float32) { conv.Run(out, in[0], nil, nil) }
}

// realBias is what an integer layer's rounded bias stands for.
func realBias(n *graph.Node, inputScale float32) []float32 {
	rounded := integerBias(n, inputScale)
	bias := make([]float32, len(rounded))
	for o, q := range rounded {
		bias[o] = float32(float64(q) * float64(inputScale) * float64(n.Weight().Scale[o]))
	}
	return bias
}

// rounding returns a function that rounds a tensor to a quantization, in place.
func (t *Tracer) rounding(q *graph.Quant, b *Batch) func([]float32) {
	if q == nil {
		return func([]float32) {}
	}
	integers := kernel.Bytes((1 + b.Pixels) * b.Stride)
	return func(x []float32) {
		kernel.QuantizeFloat(t.isa, integers, x, affine(q), uint8(q.Max()))
		kernel.Dequantize(t.isa, x, integers, affine(q))
	}
}
