package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// folds computes operators whose inputs are all constants: the arithmetic that exporters leave
// around shapes, paddings and weights. An omitted input is nil.
var folds = map[string]foldFunc{
	"Add":              pairwise(func(a, b float64) float64 { return a + b }, func(a, b int64) int64 { return a + b }),
	"Cast":             foldCast,
	"Concat":           foldConcat,
	"Constant":         foldConstant,
	"ConstantOfShape":  foldConstantOfShape,
	"DequantizeLinear": foldDequantize,
	"Div":              pairwise(func(a, b float64) float64 { return a / b }, divide),
	"Dropout":          foldIdentity,
	"Expand":           foldExpand,
	"Flatten":          foldFlatten,
	"Gather":           foldGather,
	"Identity":         foldIdentity,
	"Max":              pairwise(math.Max, func(a, b int64) int64 { return max(a, b) }),
	"Min":              pairwise(math.Min, func(a, b int64) int64 { return min(a, b) }),
	"Mul":              pairwise(func(a, b float64) float64 { return a * b }, func(a, b int64) int64 { return a * b }),
	"Neg":              pointwise(func(a float64) float64 { return -a }, func(a int64) int64 { return -a }),
	"QuantizeLinear":   foldQuantize,
	"Reshape":          foldReshape,
	"Shape":            foldShape,
	"Slice":            foldSlice,
	"Sqrt":             pointwise(math.Sqrt, nil),
	"Squeeze":          foldSqueeze,
	"Sub":              pairwise(func(a, b float64) float64 { return a - b }, func(a, b int64) int64 { return a - b }),
	"Transpose":        foldTranspose,
	"Unsqueeze":        foldUnsqueeze,
}

type foldFunc = func(*importer, *node, []*constant) (*constant, error)

// take reserves the scalars of a tensor that import makes, refusing it if a small file would cost much memory.
func (m *importer) take(typ dataType, shape []int) (int, error) {
	n, err := elements(shape)
	if err != nil {
		return 0, err
	}
	cost := n
	if typ != typeFloat { // held in 64 bits
		cost *= 2
	}
	if cost > m.scalars {
		return 0, errors.New("the model's constants fold to too many numbers")
	}
	m.scalars -= cost
	return n, nil
}

func vector(ints ...int64) *constant {
	return &constant{shape: []int{len(ints)}, typ: typeInt64, ints: ints}
}

func foldIdentity(_ *importer, _ *node, in []*constant) (*constant, error) { return in[0], nil }

func foldConstant(m *importer, n *node, _ []*constant) (*constant, error) {
	if t := n.tensor("value"); t != nil {
		return t.constant()
	}
	if a := n.attribute("value_int", attributeInt); a != nil {
		return &constant{typ: typeInt64, ints: []int64{a.i}}, nil
	}
	if a := n.attribute("value_float", attributeFloat); a != nil {
		return &constant{typ: typeFloat, floats: []float32{a.f}}, nil
	}
	if a := n.attribute("value_ints", attributeInts); a != nil {
		return vector(a.ints...), nil
	}
	if a := n.attribute("value_floats", attributeFloats); a != nil {
		return &constant{shape: []int{len(a.floats)}, typ: typeFloat, floats: a.floats}, nil
	}
	return nil, errors.New("has no value that is a tensor of numbers")
}

func foldConstantOfShape(m *importer, n *node, in []*constant) (*constant, error) {
	value := &constant{typ: typeFloat, floats: []float32{0}}
	if t := n.tensor("value"); t != nil {
		var err error
		if value, err = t.constant(); err != nil {
			return nil, err
		}
	}
	if value.len() != 1 {
		return nil, fmt.Errorf("value has %d elements, wants 1", value.len())
	}
	shape, err := in[0].asShape()
	if err != nil {
		return nil, err
	}
	count, err := m.take(value.typ, shape)
	if err != nil {
		return nil, err
	}
	return value.pick(shape, count, walk(shape, make([]int, len(shape)), 0, count)), nil
}

// asShape reads a constant as the dimensions of a tensor.
func (c *constant) asShape() ([]int, error) {
	ints, err := c.integers()
	if err != nil {
		return nil, fmt.Errorf("shape %w", err)
	}
	shape := make([]int, len(ints))
	for i, d := range ints {
		if d < 0 || d > maxElements {
			return nil, fmt.Errorf("dimension %d is %d", i, d)
		}
		shape[i] = int(d)
	}
	if len(shape) > maxRank {
		return nil, fmt.Errorf("shape has %d dimensions", len(shape))
	}
	return shape, nil
}

// foldShape also serves values that are not constant: see importShape.
func foldShape(_ *importer, n *node, in []*constant) (*constant, error) {
	dims := make([]int64, len(in[0].shape))
	for i, d := range in[0].shape {
		dims[i] = int64(d)
	}
	return n.shapeRange(vector(dims...))
}

// shapeRange applies Shape's start and end attributes.
func (n *node) shapeRange(shape *constant) (*constant, error) {
	rank := int64(shape.len())
	bound := func(v int64) int64 {
		if v < 0 {
			v += rank
		}
		return max(0, min(rank, v))
	}
	start, end := bound(n.int("start", 0)), bound(n.int("end", rank))
	taken := []int{int(max(0, end-start))}
	return shape.pick(taken, taken[0], walk(taken, []int{1}, int(start), taken[0])), n.err
}

func foldCast(m *importer, n *node, in []*constant) (*constant, error) {
	to := dataType(n.int("to", 0))
	c := in[0]
	if _, err := m.take(to, c.shape); err != nil {
		return nil, err
	}
	switch to {
	case typeFloat, typeDouble, typeFloat16:
		floats, err := c.real()
		return &constant{shape: c.shape, typ: typeFloat, floats: floats}, err
	case typeInt64, typeInt32:
		if c.typ != typeFloat {
			r := c.reshaped(c.shape)
			r.typ = to
			return r, nil
		}
		r := &constant{shape: c.shape, typ: to, ints: make([]int64, len(c.floats))}
		for i, f := range c.floats {
			if !(math.Abs(float64(f)) < 1<<62) {
				return nil, fmt.Errorf("casts %g to %s", f, to)
			}
			r.ints[i] = int64(f)
		}
		return r, nil
	}
	return nil, fmt.Errorf("casts to %s", to)
}

func foldConcat(m *importer, n *node, in []*constant) (*constant, error) {
	first := in[0]
	at, err := axis(n.int("axis", 1), len(first.shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(first.shape)
	shape[at] = 0
	joined := &constant{typ: first.typ} // the operands one after the other
	offsets := make([]int, len(in))
	for i, c := range in {
		if c == nil {
			return nil, fmt.Errorf("lacks input %d", i)
		}
		if c.typ != first.typ || len(c.shape) != len(shape) {
			return nil, errors.New("joins tensors of different types or ranks")
		}
		for d := range shape {
			if d != at && c.shape[d] != shape[d] {
				return nil, fmt.Errorf("joins %v with %v along axis %d", first.shape, c.shape, at)
			}
		}
		shape[at] += c.shape[at]
		offsets[i] = joined.len()
		if _, err := m.take(c.typ, c.shape); err != nil {
			return nil, err
		}
		if c.batch != nil && joined.batch == nil {
			joined.batch = make([]bool, len(joined.ints))
		}
		joined.floats = append(joined.floats, c.floats...)
		joined.ints = append(joined.ints, c.ints...)
		if joined.batch != nil {
			joined.batch = append(joined.batch, c.batch...)
			joined.batch = append(joined.batch, make([]bool, len(joined.ints)-len(joined.batch))...)
		}
	}
	count, err := m.take(first.typ, shape)
	if err != nil {
		return nil, err
	}
	outer, _ := elements(shape[:at])
	return joined.pick(shape, count, func(yield func(int) bool) {
		for o := range outer {
			for i, c := range in {
				run, _ := elements(c.shape[at:])
				for p := range run {
					if !yield(offsets[i] + o*run + p) {
						return
					}
				}
			}
		}
	}), nil
}

func foldReshape(m *importer, n *node, in []*constant) (*constant, error) {
	target := n.ints("shape") // an attribute before opset 5, still met in the wild
	if len(in) > 1 && in[1] != nil {
		var err error
		if target, err = in[1].integers(); err != nil {
			return nil, fmt.Errorf("shape %w", err)
		}
	}
	shape, err := resolveShape(in[0].shape, in[0].len(), target, n.int("allowzero", 0) != 0)
	if err != nil {
		return nil, err
	}
	return in[0].reshaped(shape), nil
}

// resolveShape works out a Reshape's 0 (copy the dimension) and −1 (what is left).
func resolveShape(from []int, count int, target []int64, allowZero bool) ([]int, error) {
	if len(target) > maxRank {
		return nil, fmt.Errorf("shape has %d dimensions", len(target))
	}
	shape := make([]int, len(target))
	open := -1
	for i, d := range target {
		switch {
		case d == -1 && open >= 0:
			return nil, errors.New("shape has two −1")
		case d == -1:
			open = i
			shape[i] = 1
		case d == 0 && !allowZero && i < len(from):
			shape[i] = from[i]
		case d < 0 || d > maxElements:
			return nil, fmt.Errorf("dimension %d is %d", i, d)
		default:
			shape[i] = int(d)
		}
	}
	n, err := elements(shape)
	if err != nil {
		return nil, err
	}
	if open >= 0 && n > 0 && count%n == 0 {
		shape[open] = count / n
		n = count
	}
	if n != count {
		return nil, fmt.Errorf("reshapes %d elements to %v", count, target)
	}
	return shape, nil
}

func foldFlatten(_ *importer, n *node, in []*constant) (*constant, error) {
	c := in[0]
	at, err := axis(n.int("axis", 1), len(c.shape)+1)
	if err != nil {
		return nil, err
	}
	rows, _ := elements(c.shape[:at])
	columns, _ := elements(c.shape[at:])
	return c.reshaped([]int{rows, columns}), nil
}

// axesOf reads the axes of Squeeze, Unsqueeze and reductions: an attribute, later an input.
func (n *node) axesOf(input *constant) ([]int64, error) {
	if input != nil {
		return input.integers()
	}
	return n.ints("axes"), n.err
}

func second(in []*constant) *constant {
	if len(in) > 1 {
		return in[1]
	}
	return nil
}

func foldSqueeze(_ *importer, n *node, in []*constant) (*constant, error) {
	list, err := n.axesOf(second(in))
	if err != nil {
		return nil, err
	}
	shape, err := squeezed(in[0].shape, list)
	return in[0].reshaped(shape), err
}

// squeezed removes dimensions of size 1: those listed, or all if list is nil.
func squeezed(from []int, list []int64) ([]int, error) {
	set, err := axes(list, len(from))
	if err != nil {
		return nil, err
	}
	shape := []int{}
	for i, d := range from {
		switch {
		case set[i] && d != 1:
			return nil, fmt.Errorf("squeezes axis %d of %v", i, from)
		case !set[i] && (list != nil || d != 1):
			shape = append(shape, d)
		}
	}
	return shape, nil
}

func foldUnsqueeze(_ *importer, n *node, in []*constant) (*constant, error) {
	list, err := n.axesOf(second(in))
	if err != nil {
		return nil, err
	}
	shape, err := unsqueezed(in[0].shape, list)
	return in[0].reshaped(shape), err
}

// unsqueezed inserts dimensions of size 1 so that they lie at the listed places of the result.
func unsqueezed(from []int, list []int64) ([]int, error) {
	if len(from)+len(list) > maxRank {
		return nil, fmt.Errorf("shape has %d dimensions", len(from)+len(list))
	}
	set, err := axes(list, len(from)+len(list))
	if err != nil {
		return nil, err
	}
	shape := make([]int, len(set))
	for i := range shape {
		shape[i] = 1
		if !set[i] {
			shape[i], from = from[0], from[1:]
		}
	}
	return shape, nil
}
