package graph

import (
	"fmt"
	"slices"
)

// Gather picks along an axis: place i of the output is place Index[i] of the input. On axis 0 it permutes
// channels, as channel shuffles do; on the others it enlarges or mirrors images by the nearest pixel.
type Gather struct {
	Axis  int
	Index []int
}

// Rearrange gives a tensor another shape: scalar i of the output, in row-major order, is scalar Order[i] of
// the input, or scalar i if Order is nil.
type Rearrange struct {
	Shape Shape
	Order []int
}

func (*Gather) Kind() string    { return "Gather" }
func (*Rearrange) Kind() string { return "Reshape" }

func (g *Gather) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err != nil {
		return nil, err
	}
	if g.Axis < 0 || g.Axis >= len(in) || len(g.Index) == 0 {
		return nil, fmt.Errorf("picks %d places along axis %d of %v", len(g.Index), g.Axis, in)
	}
	if err := within(g.Index, in[g.Axis]); err != nil {
		return nil, err
	}
	out := slices.Clone(in)
	out[g.Axis] = len(g.Index)
	return out, nil
}

func (r *Rearrange) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err != nil {
		return nil, err
	}
	if err := validateShape(r.Shape); err != nil {
		return nil, err
	}
	n := len(r.Order)
	if r.Order == nil {
		n = in.Elements()
	}
	if n != r.Shape.Elements() {
		return nil, fmt.Errorf("arranges %d scalars as %v", n, r.Shape)
	}
	return slices.Clone(r.Shape), within(r.Order, in.Elements())
}

func within(index []int, size int) error {
	for _, i := range index {
		if i < 0 || i >= size {
			return fmt.Errorf("picks place %d of %d", i, size)
		}
	}
	return nil
}
