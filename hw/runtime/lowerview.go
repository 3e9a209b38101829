package runtime

import (
	"galen/hw/graph"
	"galen/hw/kernel"
)

// value is a tensor of the graph, as its quantization says. If it is a view, it is computed by now.
func (c *compiler) value(id graph.ValueID) *slot {
	if c.values[id] == nil {
		layer := c.layer
		c.layer = -1
		c.values[id] = c.slot(c.g.Values[id].Shape, c.g.Values[id].Quant)
		c.emitView(c.values[id], c.views[id])
		c.layer = layer
	}
	return c.values[id]
}

// lowerMove makes a view of the output of an operator that moves; false if it moves integers to floats or the
// other way.
func (c *compiler) lowerMove(n *graph.Node, op graph.Mover) bool {
	out := &c.g.Values[n.Output]
	shapes, looks := make([]graph.Shape, len(n.Inputs)), make([]*view, len(n.Inputs))
	for i, id := range n.Inputs {
		if (c.g.Values[id].Quant == nil) != (out.Quant == nil) {
			return false
		}
		shapes[i] = c.g.Values[id].Shape
		looks[i] = c.look(id, out.Quant)
	}
	picks := newMoves(op, shapes, out.Shape)
	join := func() (*view, bool) {
		v, ok := joinViews(looks, picks)
		if pad, padded := n.Op.(*graph.Pad); padded && ok {
			ok = v.pad(padding(pad, out.Quant))
		}
		return v, ok
	}
	v, ok := join()
	if !ok { // with the inputs computed and converted first, nothing is in the way
		for i, id := range n.Inputs {
			looks[i] = &view{sources: []viewSource{{in: c.converted(id, out.Quant)}}}
		}
		v, _ = join()
	}
	c.views[n.Output] = v
	return true
}

// padding is what Pad fills with: a real, or an integer of the output's quantization.
func padding(pad *graph.Pad, to *graph.Quant) float32 {
	if to == nil {
		return pad.Value
	}
	return float32(quantized(to, pad.Value))
}

// look is a value as a view in a quantization.
func (c *compiler) look(id graph.ValueID, to *graph.Quant) *view {
	v := view{sources: []viewSource{{in: c.values[id]}}}
	if c.values[id] == nil {
		v = *c.views[id]
	}
	if from := c.g.Values[id].Quant; from != nil && *from != *to {
		v.convert(kernel.RequantizeTable(affine(from), affine(to), 0, uint8(to.Max())))
	}
	return &v
}

// converted is a value in a quantization.
func (c *compiler) converted(id graph.ValueID, to *graph.Quant) *slot {
	in := c.value(id)
	if in.quant == nil || *in.quant == *to {
		return in
	}
	out := c.slot(in.shape, to)
	c.lookup(out, in, kernel.RequantizeTable(affine(in.quant), affine(to), 0, uint8(to.Max())))
	return out
}

// joinViews makes one view of several, of each of which some scalars go to places of their own; false if they differ
// in what is done to scalars or in what surrounds them.
func joinViews(views []*view, picks []viewSource) (*view, bool) {
	v := &view{table: views[0].table}
	for i, in := range views {
		if !sameTable(in.table, v.table) || in.padded && v.padded && in.fill != v.fill {
			return nil, false
		}
		if in.padded {
			v.padded, v.fill = true, in.fill
		}
		for _, s := range in.sources {
			v.sources = append(v.sources, viewSource{s.in, through(picks[i].pixel, s.pixel), through(picks[i].channel, s.channel)})
		}
	}
	return v, true
}

func sameTable(a, b *[256]uint8) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// pad fills what no source goes to with what becomes fill; false if the view's other fill or its table is in
// the way.
func (v *view) pad(fill float32) bool {
	if v.table == nil {
		if v.padded && v.fill != fill {
			return false
		}
		v.padded, v.fill = true, fill
		return true
	}
	if v.padded {
		return float32(v.table[uint8(v.fill)]) == fill
	}
	for from, to := range v.table {
		if float32(to) == fill {
			v.padded, v.fill = true, float32(from)
			return true
		}
	}
	return false
}

// convert has a table applied to the view.
func (v *view) convert(table *[256]uint8) {
	if v.table == nil {
		v.table = table
		return
	}
	var chained [256]uint8
	for i, q := range v.table {
		chained[i] = table[q]
	}
	v.table = &chained
}

// emitView appends the step that computes a view.
func (c *compiler) emitView(out *slot, v *view) {
	in, from := make([]*slot, len(v.sources)), make([]graph.Shape, len(v.sources))
	for i, s := range v.sources {
		in[i], from[i] = s.in, s.in.shape
	}
	c.inputs = max(c.inputs, len(in))
	if out.quant == nil {
		k := newGather(c.isa, v.sources, from, out.shape, v.fill)
		c.emit(func(m *memory) {
			for i, s := range in {
				m.inputs[i] = s.floats(m)
			}
			k.Run(out.floats(m), m.inputs[:len(in)])
		}, out, in...)
		return
	}
	isa, table, k := c.isa, v.table, newGather(c.isa, v.sources, from, out.shape, uint8(v.fill))
	c.emit(func(m *memory) {
		for i, s := range in {
			m.integerInputs[i] = s.bytes(m)
		}
		dst := out.bytes(m)
		k.Run(dst, m.integerInputs[:len(in)])
		if table != nil {
			kernel.Lookup(isa, dst[out.stride:], dst[out.stride:], table)
		}
	}, out, in...)
}

// lookup appends a step that applies a table.
func (c *compiler) lookup(out, in *slot, table *[256]uint8) {
	isa := c.isa
	c.emit(func(m *memory) { kernel.Lookup(isa, out.bytes(m), in.bytes(m), table) }, out, in)
}

// lowerTable handles the operators that are a table from integers to integers; false if this is none. What leaves
// integers as they are needs no step, what converts a view is part of it.
func (c *compiler) lowerTable(n *graph.Node, u unit) bool {
	from, to := c.g.Values[n.Inputs[0]].Quant, c.g.Values[u.output].Quant
	if from == nil || to == nil {
		return false
	}
	var table *[256]uint8
	if op, ok := n.Op.(graph.Activation); ok {
		table = activationTable(op, from, to)
	} else if onlyClamps(n.Op) {
		lo, hi := limits(to, u.lo, u.hi)
		table = kernel.RequantizeTable(affine(from), affine(to), lo, hi)
	} else {
		return false
	}
	if *from == *to && isIdentity(table, from.Max()) {
		c.values[u.output] = c.value(n.Inputs[0])
		return true
	}
	if c.values[n.Inputs[0]] == nil {
		v := *c.views[n.Inputs[0]]
		v.convert(table)
		c.views[u.output] = &v
		return true
	}
	out := c.slot(c.g.Values[u.output].Shape, to)
	c.values[u.output] = out
	c.lookup(out, c.values[n.Inputs[0]], table)
	return true
}

func isIdentity(table *[256]uint8, largest int) bool {
	for i, q := range table[:largest+1] {
		if int(q) != i {
			return false
		}
	}
	return true
}
