package graph

import (
	"fmt"
	"slices"
)

// Flatten turns [C,H,W] into [C·H·W], channels outermost.
type Flatten struct{}

func (Flatten) Kind() string       { return "Flatten" }
func (Flatten) Locality() Locality { return Moving }
func (Flatten) Places() []int      { return nil }
func (Flatten) validate() error    { return nil }
func (Flatten) code() uint64       { return codeFlatten }
func (Flatten) encode(*encoder)    {}

func (Flatten) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err != nil {
		return nil, err
	}
	return Shape{in.Elements()}, nil
}

// Rearrange gives a tensor another shape: scalar i of the output, in row-major order, is scalar Order[i] of
// the input, or scalar i if Order is nil.
type Rearrange struct {
	Shape Shape
	Order []int
}

func (*Rearrange) Kind() string       { return "Reshape" }
func (*Rearrange) Locality() Locality { return Moving }
func (r *Rearrange) Places() []int    { return r.Order }
func (*Rearrange) validate() error    { return nil }
func (*Rearrange) code() uint64       { return codeRearrange }

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

func (r *Rearrange) KeepChannels(input Shape, inputs, outputs []int) Op {
	kept := &Rearrange{Shape: slices.Clone(r.Shape)}
	kept.Shape[0] = len(outputs)
	if r.Order == nil {
		return kept
	}
	from, to := input[1:].Elements(), r.Shape[1:].Elements()
	kept.Order = make([]int, 0, len(outputs)*to)
	for _, o := range outputs {
		for _, place := range r.Order[o*to : (o+1)*to] {
			kept.Order = append(kept.Order, below(inputs, place/from)*from+place%from)
		}
	}
	return kept
}

func (r *Rearrange) encode(e *encoder) {
	e.ints(r.Shape)
	e.bool(r.Order != nil)
	if r.Order != nil {
		e.ints(r.Order)
	}
}
