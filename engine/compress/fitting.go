package compress

import (
	"context"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// fitting is one pass through a pruned network that determines its weights and
// quantizations. The tensors it holds are those the finished graph computes.
type fitting struct {
	*original
	policy   structure.Policy
	kept     [][]int
	placed   *structure.Placement
	graph    *graph.Graph // placed.Graph; operators and Quants are replaced in it
	trace    *refit.Trace
	changed  []bool // per value: whether it differs from the original network's
	degraded []bool // per value: whether it lost channels or more than eight bits' rounding takes

	readers [][]int // per value: the nodes that read it
	refits  bool    // whether weights are refitted
}

func (f *fitting) run(ctx context.Context) error {
	if f.changesNothing() {
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
		f.quantizeOutput(n, out)
		f.trace.Keep(i, out)
	}
	return nil
}

// changesNothing tells whether the policy asks for nothing.
func (f *fitting) changesNothing() bool {
	for l, info := range f.structure.Layers {
		if !f.policy[l].Float() || len(f.kept[l]) < info.Channels {
			return false
		}
	}
	return true
}

// degrades tells whether the policy takes more than rounding to eight bits does.
func (f *fitting) degrades() bool {
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
	want := f.seen[l].output.Select(f.kept[l])
	fit := f.fit(node, l)
	if fit != nil {
		n.Op = fit.Solve(f.workers, n)
		want = fit.Statistics(f.workers, n)
	}
	inputScale := float32(0)
	if q := f.graph.Values[n.Inputs[0]].Quant; q != nil && !f.policy[l].Float() {
		inputScale = q.Scale
		n.Op = f.rounded(node, f.policy[l].WeightBits, inputScale, fit)
	}
	out, err := f.trace.Compute(node)
	if err != nil {
		return nil, err
	}
	f.changed[n.Output] = f.changed[n.Inputs[0]] || n.Op != original
	f.degraded[n.Output] = f.degraded[n.Inputs[0]] || len(f.kept[l]) < f.structure.Layers[l].Channels || f.policy[l].WeightBits < 8
	// A refitted float layer has the statistics that suit it.
	if f.changed[n.Output] && !f.options.Uncorrected && (fit == nil || n.Weight().Quantized()) {
		n.Op = refit.Correct(f.workers, n, out, want, inputScale)
	}
	return out, nil
}

// rounded is a layer with integer weights. fit, if there is one, holds the moments of what it reads.
func (f *fitting) rounded(node, bits int, inputScale float32, fit *refit.Fit) graph.Op {
	n := &f.graph.Nodes[node]
	grams := func() []refit.Gram {
		if fit != nil {
			return fit.Grams()
		}
		return refit.Grams(f.workers, n, f.trace.Values[n.Inputs[0]], f.graph.Values[n.Output].Shape)
	}
	floor := refit.ScaleFloor(n.Bias(), inputScale)
	return n.WithWeight(f.options.rounding().Round(f.workers, n.Weight(), bits, floor, grams), n.Bias())
}

// operator computes a node that is not a layer.
func (f *fitting) operator(node int) (*runtime.Batch, error) {
	n := &f.graph.Nodes[node]
	for _, id := range n.Inputs {
		f.changed[n.Output] = f.changed[n.Output] || f.changed[id]
		f.degraded[n.Output] = f.degraded[n.Output] || f.degraded[id]
	}
	return f.trace.ComputeInPlace(f.workers, node)
}

// quantizeOutput decides how a node's output is stored and rounds it.
func (f *fitting) quantizeOutput(n *graph.Node, out *runtime.Batch) {
	bits := f.placed.Bits[n.Output]
	if bits == 0 {
		return
	}
	f.changed[n.Output] = true
	f.degraded[n.Output] = f.degraded[n.Output] || bits < 8
	value := &f.graph.Values[n.Output]
	if f.placed.Same[n.Output] {
		value.Quant = f.graph.Values[n.Inputs[0]].Quant
		return
	}
	q := refit.HistogramOf(f.workers, out, f.options.Calibration).Quant(bits, f.options.Calibration)
	value.Quant = &q
	refit.Round(f.workers, out, q)
}
