package runtime

import (
	"context"
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// compiler turns units into steps.
type compiler struct {
	g       *graph.Graph
	isa     kernel.ISA
	direct  bool                          // no Winograd
	values  []*slot                       // the tensors of the graph, as the quantization says; nil: not there yet, or fused away
	input   *slot                         // where images are loaded to
	views   map[graph.ValueID]*view       // values that are not there yet but where someone reads them
	reals   map[graph.ValueID]*slot       // quantized values as floats, where someone needs them
	bits    map[packing]*slot             // tensors taken apart into bits
	maps    map[graph.ValueID]*channelMap // values that are looked through
	through []bool                        // by value: whether it is
	index   map[int]int                   // position among the layers of each layer node
	layers  []LayerPlan
	slots   []*slot
	steps   []step
	packs   []func() // what layers need before they run
	layer   int      // that the steps under way belong to; −1: none
	sums    int      // most channels that are averaged as integers
	inputs  int      // most inputs of a float operator
}

func newCompiler(g *graph.Graph, isa kernel.ISA, direct bool) *compiler {
	c := &compiler{g: g, isa: isa, direct: direct, values: make([]*slot, len(g.Values)), reals: map[graph.ValueID]*slot{}, bits: map[packing]*slot{},
		maps: map[graph.ValueID]*channelMap{}, views: map[graph.ValueID]*view{}, through: throughMaps(g), index: map[int]int{}}
	for i, node := range g.Layers() {
		c.index[node] = i
		c.layers = append(c.layers, LayerPlan{Name: g.Nodes[node].Name, MACs: g.MACs(node)})
	}
	return c
}

func (c *compiler) slot(shape graph.Shape, quant *graph.Quant) *slot {
	if quant != nil {
		q := *quant
		quant = &q
	}
	s := newSlot(shape, quant)
	c.slots = append(c.slots, s)
	return s
}

// scratch is room for so many floats that a step works in.
func (c *compiler) scratch(floats int) *slot {
	s := &slot{stride: floats, first: math.MaxInt, last: -1}
	c.slots = append(c.slots, s)
	return s
}

// emit appends a step that reads some tensors and writes another.
func (c *compiler) emit(run func(*memory), out *slot, in ...*slot) {
	at := len(c.steps)
	for _, s := range in {
		s.hold(at, at)
	}
	out.hold(at, at)
	c.steps = append(c.steps, step{run, out, c.layer})
}

// prepare has something done before the plan is used, at the same time as the like of
// other layers: packing weights takes most of compilation.
func (c *compiler) prepare(pack func()) { c.packs = append(c.packs, pack) }

// finish does what was prepared.
func (c *compiler) finish() {
	_ = Parallel(context.Background(), len(c.packs), 0, func() func(int) {
		return func(i int) { c.packs[i]() }
	})
}

// real is a value as floats.
func (c *compiler) real(id graph.ValueID) *slot {
	s := c.value(id)
	if s.quant == nil {
		return s
	}
	if c.reals[id] == nil {
		c.reals[id] = c.slot(s.shape, nil)
		c.dequantize(c.reals[id], s)
	}
	return c.reals[id]
}

func (c *compiler) dequantize(out, in *slot) {
	isa, q, channels := c.isa, affine(in.quant), in.shape[0]
	c.emit(func(m *memory) {
		kernel.Dequantize(isa, out.floats(m), in.bytes(m), q)
		clearLanes(out.floats(m), channels)
	}, out, in)
}

func (c *compiler) quantize(out, in *slot) {
	isa, q, limit := c.isa, affine(out.quant), uint8(out.quant.Max())
	c.emit(func(m *memory) { kernel.QuantizeFloat(isa, out.bytes(m), in.floats(m), q, limit) }, out, in)
}

// lower appends the steps that compute a unit.
func (c *compiler) lower(u unit) {
	n := &c.g.Nodes[u.node]
	c.layer = -1
	if i, ok := c.index[u.node]; ok {
		c.layer = i
	}
	if movesChannels(c.g, u.node) && !c.aligned(n) {
		c.lowerChannelMap(n)
		return
	}
	if mover, ok := n.Op.(graph.Mover); ok && c.lowerMove(n, mover) {
		return
	}
	if c.lowerTable(n, u) {
		return
	}
	value := u.output
	if u.sum != nil {
		value = u.sum.output
	}
	to := c.g.Values[value].Quant
	out := c.slot(c.g.Values[value].Shape, to)
	c.values[value] = out
	if n.Weight() != nil {
		c.lowerLayer(u, out)
		return
	}
	in := make([]*slot, len(n.Inputs))
	integers := to != nil
	for i, id := range n.Inputs {
		in[i] = c.value(id)
		integers = integers && in[i].quant != nil
	}
	switch op := n.Op.(type) {
	case graph.MaxPool:
		c.lowerMaxPool(op, out, in[0])
		return
	case graph.AveragePool, graph.GlobalAveragePool:
		if in[0].quant != nil {
			c.lowerSums(averageWindow(op, in[0].shape), out, in[0])
			return
		}
	}
	if integers && c.lowerIntegers(n.Op, u, out, in) {
		return
	}
	if c.onlyQuantizes(u) {
		c.quantize(out, c.real(n.Inputs[0]))
		return
	}
	for i, id := range n.Inputs {
		in[i] = c.real(id)
	}
	c.inputs = max(c.inputs, len(in))
	run := newFloatOp(c.isa, c.g, u.node, u.lo, u.hi)
	c.writeFloats(out, func(out *slot) {
		c.emit(func(m *memory) {
			for i, s := range in {
				m.inputs[i] = s.floats(m)
			}
			run(out.floats(m), m.inputs[:len(in)])
		}, out, in...)
	})
}

// onlyQuantizes tells whether a unit does nothing to floats that quantizing them does not: saturation clamps.
func (c *compiler) onlyQuantizes(u unit) bool {
	to := c.g.Values[u.output].Quant
	if to == nil {
		return false
	}
	if !onlyClamps(c.g.Nodes[u.node].Op) {
		return false
	}
	lo, hi := limits(to, u.lo, u.hi)
	return lo == 0 && int(hi) == to.Max()
}

// writeFloats has a tensor computed in floats, and rounds it if it is quantized.
func (c *compiler) writeFloats(out *slot, compute func(out *slot)) {
	if out.quant == nil {
		compute(out)
		return
	}
	real := c.slot(out.shape, nil)
	compute(real)
	c.quantize(out, real)
}

// lowerIntegers handles the operators that need no reals when all they touch is
// quantized; false if this is none.
func (c *compiler) lowerIntegers(op graph.Op, u unit, out *slot, in []*slot) bool {
	isa := c.isa
	lo, hi := limits(out.quant, u.lo, u.hi)
	switch op := op.(type) {
	case graph.Add:
		qa, qb, qo := affine(in[0].quant), affine(in[1].quant), affine(out.quant)
		c.emit(func(m *memory) {
			kernel.AddUint8(isa, out.bytes(m), in[0].bytes(m), in[1].bytes(m), qa, qb, qo, lo, hi)
		}, out, in...)
	case graph.Reshaper:
		p := newPick[uint8](op, in[0].shape, out.shape)
		table := kernel.RequantizeTable(affine(in[0].quant), affine(out.quant), lo, hi)
		same := *in[0].quant == *out.quant
		c.emit(func(m *memory) {
			dst := out.bytes(m)
			p.run(dst, in[0].bytes(m))
			if !same {
				kernel.Lookup(isa, dst, dst, table)
			}
		}, out, in...)
	default:
		return false
	}
	return true
}

// lowerMaxPool takes maxima of integers, which are in the order of the reals they
// stand for, before anything is converted.
func (c *compiler) lowerMaxPool(op graph.MaxPool, out, in *slot) {
	p := kernel.NewMaxPool(c.isa, NewWindow(in.shape, out.shape, op.Kernel, op.Stride, op.Dilation, op.Pad), in.shape[0])
	if in.quant == nil {
		c.writeFloats(out, func(out *slot) {
			c.emit(func(m *memory) { p.RunFloat(out.floats(m), in.floats(m)) }, out, in)
		})
		return
	}
	pooled := out
	if out.quant == nil || *out.quant != *in.quant {
		pooled = c.slot(out.shape, in.quant)
	}
	c.emit(func(m *memory) { p.RunUint8(pooled.bytes(m), in.bytes(m)) }, pooled, in)
	switch {
	case pooled == out:
	case out.quant == nil:
		c.dequantize(out, pooled)
	default:
		table := kernel.RequantizeTable(affine(in.quant), affine(out.quant), 0, uint8(out.quant.Max()))
		c.lookup(out, pooled, table)
	}
}

// lowerSums averages integers by exact sums.
func (c *compiler) lowerSums(w average, out, in *slot) {
	c.sums = max(c.sums, in.stride)
	isa, scale, zero := c.isa, in.quant.Scale, in.quant.Zero
	if out.quant == nil {
		c.emit(func(m *memory) {
			averageToFloat(isa, w, in.stride, out.floats(m), in.bytes(m), m.sums, scale, zero)
		}, out, in)
		return
	}
	to := *out.quant
	c.emit(func(m *memory) {
		averageToUint8(isa, w, in.stride, out.bytes(m), in.bytes(m), m.sums, scale, zero, to)
	}, out, in)
}

func affine(q *graph.Quant) kernel.Affine { return kernel.Affine{Scale: q.Scale, Zero: q.Zero} }

// limits are the integers that a clamp to reals lo and hi allows.
func limits(q *graph.Quant, lo, hi float32) (uint8, uint8) { return quantized(q, lo), quantized(q, hi) }

// quantized is the integer that stands for a real.
func quantized(q *graph.Quant, real float32) uint8 {
	var out [1]uint8
	kernel.QuantizeFloat(kernel.Portable, out[:], []float32{real}, affine(q), uint8(q.Max()))
	return out[0]
}
