package runtime

import (
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// integerLayer tells whether a layer multiplies integers: its weights and its input
// are quantized, and no sum can leave 32 bits.
func integerLayer(g *graph.Graph, node int) bool {
	n := &g.Nodes[node]
	w, q := n.Weight(), g.Values[n.Inputs[0]].Quant
	if w == nil || !w.Quantized() || q == nil {
		return false
	}
	largest := int64(w.Channel()) * int64(q.Max()) * 128
	for _, b := range integerBias(n, q.Scale) {
		if int64(max(b, -b))+largest > math.MaxInt32 || b == math.MinInt32 {
			return false
		}
	}
	return largest <= math.MaxInt32
}

// integerBias is a quantized layer's bias in units of its accumulators; nil: none.
func integerBias(n *graph.Node, inputScale float32) []int32 {
	if n.Bias() == nil {
		return nil
	}
	bias := make([]int32, len(n.Bias()))
	for o, b := range n.Bias() {
		bias[o] = graph.QuantizeBias(b, inputScale, n.Weight().Scale[o])
	}
	return bias
}

// readsBorder tells whether windows of a layer reach outside the image, where they see the padding pixel.
func readsBorder(op graph.Op) bool {
	conv, ok := op.(*graph.Conv)
	return ok && conv.Pad != [4]int{}
}

// lowerLayer appends the steps of a Conv or Gemm unit.
func (c *compiler) lowerLayer(u unit, out *slot) {
	n := &c.g.Nodes[u.node]
	if integerLayer(c.g, u.node) {
		c.lowerInteger(n, u, out)
		return
	}
	in := c.real(n.Inputs[0])
	shape := LayerShape(n.Op, in.shape, out.shape)
	shape.InStride = in.stride
	plan := kernel.PlanFloat(c.isa, shape, !c.direct)
	c.layers[c.layer].Kernel = plan.Kernel()
	in.border = in.border || readsBorder(n.Op)
	c.writeFloats(out, func(out *slot) {
		reads := []*slot{in}
		residual := func(*memory) []float32 { return nil }
		if u.residual >= 0 {
			other := c.real(u.residual)
			reads, residual = append(reads, other), other.floats
		}
		scratch := func(*memory) []float32 { return nil }
		if size := plan.Scratch(); size > 0 {
			room := c.scratch(size)
			reads, scratch = append(reads, room), room.floats
		}
		var conv kernel.FloatConv
		c.prepare(func() { conv = plan.New(n.Weight().Real(), n.Bias(), u.lo, u.hi) })
		c.emit(func(m *memory) { conv.Run(out.floats(m), in.floats(m), residual(m), scratch(m)) }, out, reads...)
	})
}

// integerSums are those of an integer layer. The convolution is there when all layers are prepared.
type integerSums struct {
	conv  kernel.IntConv
	in    *slot
	scale []float32 // the reals that they count, by output channel
}

func (c *compiler) lowerInteger(n *graph.Node, u unit, out *slot) {
	in := c.value(n.Inputs[0])
	shape := LayerShape(n.Op, in.shape, out.shape)
	w, inScale, zero := n.Weight(), in.quant.Scale, in.quant.Zero
	plan := kernel.PlanInt(c.isa, shape, w.Bits, in.quant.Bits)
	c.layers[c.layer].Kernel = plan.Kernel()
	in.border = in.border || readsBorder(n.Op)
	sums := &integerSums{in: in, scale: kernel.Floats(out.stride)}
	c.prepare(func() { sums.conv = plan.New(w.Int, integerBias(n, inScale), zero) })
	if plan.ReadsBits() {
		sums.in = c.packed(in, shape)
	}
	for o, s := range w.Scale {
		sums.scale[o] = inScale * s
	}
	if out.quant == nil || u.residual >= 0 {
		c.rescale(sums, u, out)
	} else {
		c.requantize(sums, u, out)
	}
}

// rescale appends the step that computes sums as floats, with a unit's residual and limits.
func (c *compiler) rescale(sums *integerSums, u unit, out *slot) {
	in, r := sums.in, kernel.Rescale{Scale: sums.scale, Lo: u.lo, Hi: u.hi}
	c.writeFloats(out, func(out *slot) {
		if u.residual < 0 {
			c.emit(func(m *memory) { sums.conv.RunFloat(out.floats(m), in.bytes(m), r) }, out, in)
			return
		}
		residual := c.real(u.residual)
		c.emit(func(m *memory) {
			r := r
			r.Residual = residual.floats(m)
			sums.conv.RunFloat(out.floats(m), in.bytes(m), r)
		}, out, in, residual)
	})
}

// requantize appends the step that computes sums as integers, with a unit's quantized addition.
func (c *compiler) requantize(sums *integerSums, u unit, out *slot) {
	in, to := sums.in, c.g.Values[u.output].Quant
	for o := range sums.scale {
		sums.scale[o] /= to.Scale
	}
	r := kernel.Requantize{Scale: sums.scale, Zero: to.Zero}
	r.Lo, r.Hi = limits(to, u.lo, u.hi)
	if u.sum == nil {
		c.emit(func(m *memory) { sums.conv.RunUint8(out.bytes(m), in.bytes(m), &r) }, out, in)
		return
	}
	other := c.other(u)
	add := kernel.QuantAdd{
		Scale:      to.Scale,
		InputScale: other.quant.Scale, InputZero: other.quant.Zero,
		OutScale: out.quant.Scale, OutZero: out.quant.Zero,
	}
	add.OutLo, add.OutHi = limits(out.quant, u.sum.lo, u.sum.hi)
	c.emit(func(m *memory) {
		m.add = add
		m.add.Input = other.bytes(m)
		m.requantize = r
		m.requantize.Residual = &m.add
		sums.conv.RunUint8(out.bytes(m), in.bytes(m), &m.requantize)
	}, out, in, other)
}

// packed is a quantized tensor taken apart into bits for a layer, the same for every layer that
// needs the same. The result is no tensor: its pixels have several planes.
func (c *compiler) packed(in *slot, shape kernel.Shape) *slot {
	key := packing{in, kernel.PackStride(shape.Window)}
	if out := c.bits[key]; out != nil {
		return out
	}
	isa, bits := c.isa, in.quant.Bits
	out := &slot{quant: in.quant, stride: kernel.PackedSize(shape, bits), first: math.MaxInt, last: -1}
	c.slots, c.bits[key] = append(c.slots, out), out
	c.emit(func(m *memory) { kernel.PackBits(isa, shape, out.bytes(m), in.bytes(m), bits) }, out, in)
	return out
}

// packing is a tensor and which of its pixels are taken apart.
type packing struct {
	in     *slot
	stride [2]int
}

// other is the tensor that a unit's result is added to.
func (c *compiler) other(u unit) *slot {
	inputs := c.g.Nodes[u.sum.node].Inputs
	if inputs[0] == u.output {
		return c.value(inputs[1])
	}
	return c.value(inputs[0])
}
