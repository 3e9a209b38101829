package compress

import (
	"context"
	"math"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// fitting is one pass through a pruned network that settles its weights and
// quantizations. The tensors it holds are those the finished graph computes.
type fitting struct {
	*Compressor
	policy  Policy
	kept    [][]int
	placed  *Placement
	graph   *graph.Graph // placed.Graph; operators and Quants are replaced in it
	trace   *trace
	changed []bool // per value: whether it differs from the original network's
}

func (f *fitting) run(ctx context.Context) error {
	if f.idle() {
		return nil
	}
	layer := 0
	for i := range f.graph.Nodes {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := &f.graph.Nodes[i]
		var out *runtime.Batch
		var err error
		if n.Weight() != nil {
			out, err = f.layer(i, layer)
			layer++
		} else {
			out, err = f.operator(i)
		}
		if err != nil {
			return err
		}
		f.quantize(n, out)
		f.trace.keep(i, out)
	}
	return nil
}

// idle tells whether the policy changes nothing.
func (f *fitting) idle() bool {
	for l, info := range f.structure.Layers {
		if !f.policy[l].Float() || len(f.kept[l]) < info.Channels {
			return false
		}
	}
	return true
}

// layer quantizes a layer's weights as the policy says, computes its output, and
// corrects it.
func (f *fitting) layer(node, l int) (*runtime.Batch, error) {
	n := &f.graph.Nodes[node]
	original := f.structure.Graph.Nodes[f.structure.Layers[l].Node].Op
	inputScale := float32(0)
	if q := f.graph.Values[n.Inputs[0]].Quant; q != nil && !f.policy[l].Float() {
		inputScale = q.Scale
		n.Op = f.rounded(node, f.policy[l].WeightBits, inputScale)
	}
	out, err := f.trace.compute(node)
	if err != nil {
		return nil, err
	}
	f.changed[n.Output] = f.changed[n.Inputs[0]] || n.Op != original
	if f.changed[n.Output] && !f.options.Uncorrected {
		c := correct(f.crew.moments(out), f.original[l].output, f.kept[l])
		n.Op = c.apply(n, inputScale)
		f.crew.transform(out, c.factor, c.shift)
	}
	return out, nil
}

// rounded is a layer with integer weights.
func (f *fitting) rounded(node, bits int, inputScale float32) graph.Op {
	n := &f.graph.Nodes[node]
	w, floor := n.Weight(), scaleFloor(n.Bias(), inputScale)
	if !f.options.compensates(w, bits) {
		return n.WithWeight(f.crew.nearestWeight(w, bits, f.options.WeightRange, floor), n.Bias())
	}
	grams := f.crew.grams(patchesOf(n, f.trace.values[n.Inputs[0]], f.graph.Values[n.Output].Shape))
	return n.WithWeight(f.crew.compensatedWeight(w, bits, floor, grams), n.Bias())
}

// operator computes a node that is not a layer. An activation overwrites a tensor that
// nobody else reads.
func (f *fitting) operator(node int) (*runtime.Batch, error) {
	n := &f.graph.Nodes[node]
	for _, id := range n.Inputs {
		f.changed[n.Output] = f.changed[n.Output] || f.changed[id]
	}
	if lo, hi, ok := limits(n.Op); ok {
		if in := f.trace.take(n.Inputs[0]); in != nil {
			f.crew.clamp(in, lo, hi)
			return in, nil
		}
	}
	return f.trace.compute(node)
}

// quantize settles how a node's output is stored and rounds it.
func (f *fitting) quantize(n *graph.Node, out *runtime.Batch) {
	bits := f.placed.Bits[n.Output]
	if bits == 0 {
		return
	}
	f.changed[n.Output] = true
	value := &f.graph.Values[n.Output]
	if f.placed.Same[n.Output] {
		value.Quant = f.graph.Values[n.Inputs[0]].Quant
		return
	}
	q := f.crew.histogram(out, f.options.Calibration).quant(bits, f.options.Calibration)
	value.Quant = &q
	f.crew.round(out, q)
}

// limits are the bounds an activation keeps its output in.
func limits(op graph.Op) (lo, hi float32, ok bool) {
	switch op := op.(type) {
	case graph.Relu:
		return 0, float32(math.Inf(1)), true
	case graph.Clip:
		return op.Min, op.Max, true
	}
	return 0, 0, false
}

// scaleFloor is the least weight scale per output channel under which the bias takes
// at most 28 of the accumulator's 32 bits.
func scaleFloor(bias []float32, inputScale float32) []float32 {
	if bias == nil {
		return nil
	}
	floor := make([]float32, len(bias))
	for o, b := range bias {
		floor[o] = max(b, -b) / (inputScale * (1 << 28))
	}
	return floor
}
