package compress

import (
	"context"

	"galen/engine/compress/structure"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// fitting is one pass through a pruned network that settles its weights and
// quantizations. The tensors it holds are those the finished graph computes.
type fitting struct {
	*Compressor
	policy  structure.Policy
	kept    [][]int
	placed  *structure.Placement
	graph   *graph.Graph // placed.Graph; operators and Quants are replaced in it
	trace   *trace
	changed []bool // per value: whether it differs from the original network's
	worn    []bool // per value: whether it lost channels or more than eight bits' rounding takes

	readers [][]int // per value: the nodes that read it
	refits  bool    // whether weights are refitted
}

func (f *fitting) run(ctx context.Context) error {
	if f.idle() {
		return nil
	}
	layers := make(map[int]int)
	for l, node := range f.graph.Layers() {
		layers[node] = l
	}
	for _, i := range schedule(f.graph) {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := &f.graph.Nodes[i]
		var out *runtime.Batch
		var err error
		if l, ok := layers[i]; ok {
			out, err = f.layer(i, l)
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

// wearing tells whether the policy takes more than rounding to eight bits does.
func (f *fitting) wearing() bool {
	for l, info := range f.structure.Layers {
		if len(f.kept[l]) < info.Channels || min(f.policy[l].WeightBits, f.policy[l].ActivationBits) < 8 {
			return true
		}
	}
	return false
}

// layer repairs a layer's weights, quantizes them as the policy says, computes its
// output, and corrects it.
func (f *fitting) layer(node, l int) (*runtime.Batch, error) {
	n := &f.graph.Nodes[node]
	original := f.structure.Graph.Nodes[f.structure.Layers[l].Node].Op
	want := f.seen[l].output.of(f.kept[l])
	fits := f.fits(node, l)
	if fits != nil {
		n.Op = f.crew.refit(n, fits)
		want = f.crew.expected(n, fits)
	}
	inputScale := float32(0)
	if q := f.graph.Values[n.Inputs[0]].Quant; q != nil && !f.policy[l].Float() {
		inputScale = q.Scale
		n.Op = f.rounded(node, f.policy[l].WeightBits, inputScale, fits)
	}
	out, err := f.trace.compute(node)
	if err != nil {
		return nil, err
	}
	f.changed[n.Output] = f.changed[n.Inputs[0]] || n.Op != original
	f.worn[n.Output] = f.worn[n.Inputs[0]] || len(f.kept[l]) < f.structure.Layers[l].Channels || f.policy[l].WeightBits < 8
	// A refitted float layer has the statistics that suit it.
	if f.changed[n.Output] && !f.options.Uncorrected && (fits == nil || n.Weight().Quantized()) {
		c := correct(f.crew.moments(out), want)
		n.Op = c.apply(n, inputScale)
		f.crew.transform(out, c.factor, c.shift)
	}
	return out, nil
}

// rounded is a layer with integer weights. fits, if there are any, hold the moments of what it reads.
func (f *fitting) rounded(node, bits int, inputScale float32, fits []fit) graph.Op {
	n := &f.graph.Nodes[node]
	w, floor := n.Weight(), scaleFloor(n.Bias(), inputScale)
	if !f.options.compensates(w, bits) {
		return n.WithWeight(f.crew.nearestWeight(w, bits, f.options.WeightRange, floor), n.Bias())
	}
	grams := make([]gram, len(fits))
	for i, fit := range fits {
		grams[i] = fit.gram
	}
	if fits == nil {
		grams = f.crew.grams(f.crew.patchesOf(n, f.trace.values[n.Inputs[0]], f.graph.Values[n.Output].Shape))
	}
	return n.WithWeight(f.crew.compensatedWeight(w, bits, floor, grams), n.Bias())
}

// operator computes a node that is not a layer. An activation overwrites a tensor that
// nobody else reads.
func (f *fitting) operator(node int) (*runtime.Batch, error) {
	n := &f.graph.Nodes[node]
	for _, id := range n.Inputs {
		f.changed[n.Output] = f.changed[n.Output] || f.changed[id]
		f.worn[n.Output] = f.worn[n.Output] || f.worn[id]
	}
	if clamp, ok := n.Op.(graph.Clamp); ok {
		if in := f.trace.take(n.Inputs[0]); in != nil {
			lo, hi := clamp.Limits()
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
	f.worn[n.Output] = f.worn[n.Output] || bits < 8
	value := &f.graph.Values[n.Output]
	if f.placed.Same[n.Output] {
		value.Quant = f.graph.Values[n.Inputs[0]].Quant
		return
	}
	q := f.crew.histogram(out, f.options.Calibration).quant(bits, f.options.Calibration)
	value.Quant = &q
	f.crew.round(out, q)
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
