package onnx

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
)

// strides are the distances between neighbours along each dimension of a dense tensor.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = step
		step *= shape[i]
	}
	return s
}

// walk gives the places offset + Σ index·step over all indices of a shape of count elements, last dimension fastest.
func walk(shape, steps []int, offset, count int) iter.Seq[int] {
	return func(yield func(int) bool) {
		index, place := make([]int, len(shape)), offset
		for range count {
			if !yield(place) {
				return
			}
			for d := len(shape) - 1; d >= 0; d-- {
				index[d]++
				place += steps[d]
				if index[d] < shape[d] {
					break
				}
				place -= index[d] * steps[d]
				index[d] = 0
			}
		}
	}
}

func foldTranspose(m *importer, n *node, in []*constant) (*constant, error) {
	c := in[0]
	perm, err := n.permutation(len(c.shape))
	if err != nil {
		return nil, err
	}
	count, err := m.take(c.typ, c.shape)
	if err != nil {
		return nil, err
	}
	from := strides(c.shape)
	shape, steps := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i], steps[i] = c.shape[p], from[p]
	}
	places := walk(shape, steps, 0, count)
	r := c.pick(shape, count, places)
	if l := c.levels; l != nil { // a quantized weight stays one
		moved := *l
		moved.ints = gather(l.ints, count, places)
		moved.axis = slices.Index(perm, l.axis)
		r.levels = &moved
	}
	return r, nil
}

// permutation reads Transpose's perm, by default the reverse order.
func (n *node) permutation(rank int) ([]int, error) {
	perm := make([]int, rank)
	list := n.ints("perm")
	if list == nil {
		for i := range perm {
			perm[i] = rank - 1 - i
		}
		return perm, n.err
	}
	if len(list) != rank {
		return nil, fmt.Errorf("perm %v does not fit %d dimensions", list, rank)
	}
	if _, err := axes(list, rank); err != nil {
		return nil, fmt.Errorf("perm %w", err)
	}
	for i, p := range list {
		perm[i], _ = axis(p, rank)
	}
	return perm, n.err
}

func foldGather(m *importer, n *node, in []*constant) (*constant, error) {
	if len(in) != 2 || in[1] == nil {
		return nil, errors.New("wants 2 inputs")
	}
	c := in[0]
	at, err := axis(n.int("axis", 0), len(c.shape))
	if err != nil {
		return nil, err
	}
	indices, err := in[1].integers()
	if err != nil {
		return nil, fmt.Errorf("index %w", err)
	}
	shape := slices.Concat(c.shape[:at], in[1].shape, c.shape[at+1:])
	if len(shape) > maxRank {
		return nil, fmt.Errorf("gives %d dimensions", len(shape))
	}
	count, err := m.take(c.typ, shape)
	if err != nil {
		return nil, err
	}
	chosen := make([]int, len(indices))
	for i, index := range indices {
		if chosen[i], err = axis(index, c.shape[at]); err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
	}
	outer, _ := elements(c.shape[:at])
	inner, _ := elements(c.shape[at+1:])
	return c.pick(shape, count, func(yield func(int) bool) {
		for o := range outer {
			for _, i := range chosen {
				for p := range inner {
					if !yield((o*c.shape[at]+i)*inner + p) {
						return
					}
				}
			}
		}
	}), nil
}

func foldSlice(m *importer, n *node, in []*constant) (*constant, error) {
	c := in[0]
	ranges, err := n.sliceRanges(m.opset, in, len(c.shape))
	if err != nil {
		return nil, err
	}
	shape, steps, offset := slices.Clone(c.shape), strides(c.shape), 0
	for d, r := range ranges {
		if r == nil {
			continue
		}
		start, count := r.over(c.shape[d])
		offset += start * steps[d]
		shape[d] = count
		if count > 1 {
			steps[d] *= int(r.step)
		}
	}
	count, err := m.take(c.typ, shape)
	if err != nil {
		return nil, err
	}
	return c.pick(shape, count, walk(shape, steps, offset, count)), nil
}

// sliceRange is start:end:step as a file gives it: unclamped, negative counting from the back.
type sliceRange struct{ start, end, step int64 }

// over gives the first index and the number of indices a range takes of a dimension.
func (r *sliceRange) over(size int) (start, count int) {
	n := int64(size)
	low, high := int64(0), n // where start and end are clamped to
	if r.step < 0 {
		low, high = -1, n-1
	}
	clamp := func(v int64) int64 {
		if v < 0 {
			v += n
		}
		return max(low, min(high, v))
	}
	first, end := clamp(r.start), clamp(r.end)
	switch {
	case r.step > 0 && end > first:
		count = int((end-first-1)/r.step + 1)
	case r.step < 0 && end < first && r.step == math.MinInt64:
		count = 1
	case r.step < 0 && end < first:
		count = int((first-end-1)/-r.step + 1)
	}
	if count == 0 {
		return 0, 0
	}
	return int(first), count
}

// sliceRanges reads Slice's ranges per dimension, nil where it takes everything: attributes before
// opset 10, inputs since.
func (n *node) sliceRanges(opset int, in []*constant, rank int) ([]*sliceRange, error) {
	var lists [4][]int64 // starts, ends, axes, steps
	if opset < 10 {
		lists[0], lists[1], lists[2] = n.ints("starts"), n.ints("ends"), n.ints("axes")
	} else {
		for i := range lists {
			if i+1 < len(in) && in[i+1] != nil {
				var err error
				if lists[i], err = in[i+1].integers(); err != nil {
					return nil, fmt.Errorf("input %d %w", i+1, err)
				}
			}
		}
	}
	if n.err != nil {
		return nil, n.err
	}
	starts, ends, at, steps := lists[0], lists[1], lists[2], lists[3]
	if at == nil {
		for i := range starts {
			at = append(at, int64(i))
		}
	}
	if len(starts) == 0 || len(ends) != len(starts) || len(at) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, errors.New("starts, ends, axes and steps differ in length")
	}
	if _, err := axes(at, rank); err != nil {
		return nil, err
	}
	ranges := make([]*sliceRange, rank)
	for i := range starts {
		r := &sliceRange{starts[i], ends[i], 1}
		if steps != nil {
			r.step = steps[i]
		}
		if r.step == 0 {
			return nil, errors.New("has a step of 0")
		}
		d, _ := axis(at[i], rank)
		ranges[d] = r
	}
	return ranges, nil
}

// broadcast gives the common shape of two tensors by NumPy's rules.
func broadcast(a, b []int) ([]int, error) {
	shape := make([]int, max(len(a), len(b)))
	for i := range shape {
		x, y := 1, 1
		if j := i - len(shape) + len(a); j >= 0 {
			x = a[j]
		}
		if j := i - len(shape) + len(b); j >= 0 {
			y = b[j]
		}
		switch {
		case x == y || y == 1:
			shape[i] = x
		case x == 1:
			shape[i] = y
		default:
			return nil, fmt.Errorf("shapes %v and %v do not go together", a, b)
		}
	}
	return shape, nil
}

// broadcastTo repeats a constant's elements to fill a shape its own broadcasts to.
func (c *constant) broadcastTo(shape []int, count int) *constant {
	own, steps := strides(c.shape), make([]int, len(shape))
	for i := range c.shape {
		if c.shape[i] != 1 {
			steps[len(shape)-len(c.shape)+i] = own[i]
		}
	}
	return c.pick(shape, count, walk(shape, steps, 0, count))
}

func foldExpand(m *importer, n *node, in []*constant) (*constant, error) {
	if len(in) != 2 || in[1] == nil {
		return nil, errors.New("wants 2 inputs")
	}
	target, err := in[1].asShape()
	if err != nil {
		return nil, err
	}
	shape, err := broadcast(in[0].shape, target)
	if err != nil {
		return nil, err
	}
	count, err := m.take(in[0].typ, shape)
	if err != nil {
		return nil, err
	}
	return in[0].broadcastTo(shape, count), nil
}

// pairwise folds an operator on two tensors that broadcast to one shape.
func pairwise(float func(a, b float64) float64, integer func(a, b int64) int64) foldFunc {
	return func(m *importer, n *node, in []*constant) (*constant, error) {
		if len(in) != 2 || in[0] == nil || in[1] == nil {
			return nil, errors.New("is computed at import for 2 inputs only")
		}
		a, b := in[0], in[1]
		if a.typ != b.typ {
			return nil, fmt.Errorf("mixes %s and %s", a.typ, b.typ)
		}
		shape, err := broadcast(a.shape, b.shape)
		if err != nil {
			return nil, err
		}
		count, err := m.take(a.typ, shape)
		if err != nil {
			return nil, err
		}
		a, b = a.broadcastTo(shape, count), b.broadcastTo(shape, count)
		r := &constant{shape: shape, typ: a.typ}
		if a.typ == typeFloat {
			r.floats = make([]float32, count)
			for i := range r.floats {
				r.floats[i] = float32(float(float64(a.floats[i]), float64(b.floats[i])))
			}
			return r, nil
		}
		x, err := a.integers()
		if err != nil {
			return nil, err
		}
		y, err := b.integers()
		if err != nil {
			return nil, err
		}
		r.ints = make([]int64, count)
		for i := range r.ints {
			if n.op == "Div" && y[i] == 0 {
				return nil, errors.New("divides by zero")
			}
			r.ints[i] = integer(x[i], y[i])
		}
		return r, nil
	}
}

// divide rounds towards zero. MinInt64/−1 wraps around, as Go defines it.
func divide(a, b int64) int64 { return a / b }

// pointwise folds an operator on one tensor; integer is nil where there is none on integers.
func pointwise(float func(float64) float64, integer func(int64) int64) foldFunc {
	return func(m *importer, _ *node, in []*constant) (*constant, error) {
		c := in[0]
		if _, err := m.take(c.typ, c.shape); err != nil {
			return nil, err
		}
		r := &constant{shape: c.shape, typ: c.typ}
		if c.typ == typeFloat {
			r.floats = make([]float32, len(c.floats))
			for i, v := range c.floats {
				r.floats[i] = float32(float(float64(v)))
			}
			return r, nil
		}
		ints, err := c.integers()
		if err == nil && integer == nil {
			err = errors.New("is not defined on integers")
		}
		if err != nil {
			return nil, err
		}
		r.ints = make([]int64, len(ints))
		for i, v := range ints {
			r.ints[i] = integer(v)
		}
		return r, nil
	}
}
