package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// The largest extents Validate accepts, far above any real network's; products of
// them do not overflow.
const (
	maxExtent   = 1 << 24 // of one dimension or attribute
	maxElements = 1 << 30 // of one tensor
)

// Validate checks everything that running, compressing or exporting the graph relies on: that
// nodes are in topological order and fit together, that shapes are what the
// operators say, that quantizations and weights are in range. It reports the first
// fault with the node or value it is in.
func (g *Graph) Validate() error {
	if err := g.validateValues(); err != nil {
		return err
	}
	known := make([]bool, len(g.Values))
	known[g.Input] = true
	var shapes []Shape
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if n.Op == nil {
			return fmt.Errorf("node %d %q has no operator", i, n.Name)
		}
		fail := func(err error) error { return fmt.Errorf("%s node %q: %w", n.Op.Kind(), n.Name, err) }
		if int(n.Output) < 0 || int(n.Output) >= len(g.Values) || known[n.Output] {
			return fail(fmt.Errorf("output %d is not a value of its own", n.Output))
		}
		shapes = shapes[:0]
		for j, id := range n.Inputs {
			if int(id) < 0 || int(id) >= len(g.Values) || !known[id] {
				return fail(fmt.Errorf("input %d is not computed by an earlier node", j))
			}
			shapes = append(shapes, g.Values[id].Shape)
		}
		if err := n.Op.validate(); err != nil {
			return fail(err)
		}
		shape, err := n.Op.OutputShape(shapes)
		if err != nil {
			return fail(err)
		}
		if v := &g.Values[n.Output]; !slices.Equal(shape, v.Shape) {
			return fail(fmt.Errorf("gives %v, but value %q is %v", shape, v.Name, v.Shape))
		}
		known[n.Output] = true
	}
	if !known[g.Output] {
		return errors.New("no node computes the output")
	}
	return nil
}

func (g *Graph) validateValues() error {
	for _, id := range []ValueID{g.Input, g.Output} {
		if int(id) < 0 || int(id) >= len(g.Values) {
			return fmt.Errorf("input %d or output %d is not a value of the graph", g.Input, g.Output)
		}
	}
	for _, v := range g.Values {
		if err := validateShape(v.Shape); err != nil {
			return fmt.Errorf("value %q: %w", v.Name, err)
		}
		q := v.Quant
		if q == nil {
			continue
		}
		if q.Bits < 1 || q.Bits > 8 || int(q.Zero) > q.Max() || !(q.Scale > 0) || math.IsInf(float64(q.Scale), 0) {
			return fmt.Errorf("value %q: scale %g, zero point %d and %d bits are not a quantization", v.Name, q.Scale, q.Zero, q.Bits)
		}
	}
	return nil
}

func validateShape(s Shape) error {
	if len(s) == 0 || len(s) > 8 {
		return fmt.Errorf("has %d dimensions", len(s))
	}
	elements := 1
	for _, d := range s {
		if d < 1 || d > maxExtent {
			return fmt.Errorf("shape %v has a dimension outside 1 … %d", s, maxExtent)
		}
		if elements *= d; elements > maxElements {
			return fmt.Errorf("shape %v has more than %d elements", s, maxElements)
		}
	}
	return nil
}

// extents checks attributes that are sizes or places.
func extents(lists ...[]int) error {
	for _, list := range lists {
		for _, v := range list {
			if v < 0 || v > maxExtent {
				return fmt.Errorf("attribute %d is outside 0 … %d", v, maxExtent)
			}
		}
	}
	return nil
}

func validateWeight(w *Weight, bias []float32) error {
	if err := validateShape(w.Shape); err != nil {
		return fmt.Errorf("weight: %w", err)
	}
	if (w.Float == nil) == (w.Int == nil) {
		return errors.New("weight is neither float nor integer, or both")
	}
	if w.Quantized() {
		if w.Bits < 1 || w.Bits > 8 {
			return fmt.Errorf("weight has %d bits", w.Bits)
		}
		limit := int8(WeightLimit(w.Bits))
		for _, q := range w.Int {
			if q < -limit || q > limit {
				return fmt.Errorf("weight %d does not fit into %d bits", q, w.Bits)
			}
		}
		for _, s := range w.Scale {
			if !(s > 0) {
				return fmt.Errorf("weight scale %g is not positive", s)
			}
		}
	}
	return finite(w.Float, w.Scale, bias)
}

// finite reports a NaN or an infinity.
func finite(lists ...[]float32) error {
	for _, list := range lists {
		// x−x is 0 for numbers only, and so is the sum; four sums, since they do not
		// wait for each other.
		var a, b, c, d float32
		rest := list
		for ; len(rest) >= 4; rest = rest[4:] {
			a += rest[0] - rest[0]
			b += rest[1] - rest[1]
			c += rest[2] - rest[2]
			d += rest[3] - rest[3]
		}
		for _, v := range rest {
			a += v - v
		}
		if a+b+c+d == 0 {
			continue
		}
		for i, v := range list {
			if v-v != 0 {
				return fmt.Errorf("parameter %d is %g", i, v)
			}
		}
	}
	return nil
}
