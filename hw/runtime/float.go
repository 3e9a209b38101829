package runtime

import (
	"fmt"
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// floatOp computes a node's output on floats in kernel layout; it leaves the padding pixel
// alone.
type floatOp func(out []float32, in [][]float32)

// newFloatOp prepares a node that is not a layer. Its result is clamped to [lo, hi]
// where the operator is one that fuse lets clamps follow.
func newFloatOp(isa kernel.ISA, g *graph.Graph, node int, lo, hi float32) floatOp {
	n := &g.Nodes[node]
	in := make([]graph.Shape, len(n.Inputs))
	for i, id := range n.Inputs {
		in[i] = g.Values[id].Shape
	}
	out := g.Values[n.Output].Shape
	switch op := n.Op.(type) {
	case *graph.BatchNorm:
		return newBatchNorm(isa, op, lo, hi)
	case graph.Clamp, graph.Quantize:
		return func(out []float32, in [][]float32) { kernel.ClampFloat(isa, out, in[0], lo, hi) }
	case graph.Add:
		return func(out []float32, in [][]float32) { kernel.AddFloat(isa, out, in[0], in[1], lo, hi) }
	case graph.MaxPool:
		p := kernel.NewMaxPool(isa, NewWindow(in[0], out, op.Kernel, op.Stride, op.Dilation, op.Pad), in[0][0])
		return func(out []float32, in [][]float32) { p.RunFloat(out, in[0]) }
	case graph.AveragePool, graph.GlobalAveragePool:
		w := averageWindow(op, in[0])
		p := kernel.NewAveragePool(isa, w.Window, in[0][0], w.divisor)
		return func(out []float32, in [][]float32) { p.Run(out, in[0]) }
	case graph.Mover:
		fill := float32(0)
		if pad, ok := n.Op.(*graph.Pad); ok {
			fill = pad.Value
		}
		return newGather(isa, newMoves(op, in, out), in, out, fill).Run
	case graph.Softmax:
		return newSoftmax(op, in[0])
	case graph.LRN:
		return newLRN(op, in[0][0])
	case graph.Activation:
		return newActivation(isa, op, in[0][0])
	case *graph.PRelu:
		return newPRelu(op)
	case graph.Binary:
		return newBinary(isa, op, in, out)
	case graph.Reshaper:
		p := newPick[float32](op, in[0], out)
		return func(out []float32, in [][]float32) { p.run(out, in[0]) }
	}
	panic(fmt.Sprintf("runtime: no kernel for %s", n.Op.Kind())) // check lets only known operators through
}

func newBatchNorm(isa kernel.ISA, b *graph.BatchNorm, lo, hi float32) floatOp {
	channels := len(b.Scale)
	stride := kernel.ChannelStride(channels)
	factor, shift := kernel.Floats(stride), kernel.Floats(stride)
	for c := range b.Scale {
		f := float64(b.Scale[c]) / math.Sqrt(float64(b.Variance[c])+float64(b.Epsilon))
		factor[c] = float32(f)
		shift[c] = float32(float64(b.Shift[c]) - float64(b.Mean[c])*f)
	}
	return func(out []float32, in [][]float32) {
		kernel.ScaleChannels(isa, out, in[0], factor, shift, lo, hi)
		if lo > 0 || hi < 0 {
			clearLanes(out, channels)
		}
	}
}
