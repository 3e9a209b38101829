package train

import (
	"slices"

	"galen/hw/graph"
)

// rearrange is a Slice, Pad, Flatten or Concat: every output scalar is a copy of an
// input scalar or a constant.
type rearrange struct {
	op       graph.Op
	moves    [][]move // per input
	constant float32
	fixed    []int // output offsets of the constant
}

// move copies so many scalars from an offset of an input's image to one of the output's.
type move struct{ from, to, count int }

func (t *Trainer) newRearrange(n *graph.Node) *rearrange {
	r := &rearrange{op: n.Op, moves: make([][]move, len(n.Inputs))}
	if op, ok := n.Op.(*graph.Pad); ok {
		r.constant = op.Value
	}
	shapes := make([]graph.Shape, len(n.Inputs))
	for i, id := range n.Inputs {
		shapes[i] = t.graph.Values[id].Shape
	}
	out := t.graph.Values[n.Output].Shape
	for j := range out.Elements() {
		to := offset(out, j)
		if input, from := source(n.Op, out, shapes, j); input >= 0 {
			r.moves[input] = append(r.moves[input], move{offset(shapes[input], from), to, 1})
		} else {
			r.fixed = append(r.fixed, to)
		}
	}
	for i, moves := range r.moves {
		r.moves[i] = joined(moves)
	}
	return r
}

// joined makes single moves of neighbours one move.
func joined(moves []move) []move {
	slices.SortFunc(moves, func(a, b move) int { return a.to - b.to })
	var runs []move
	for _, m := range moves {
		if n := len(runs); n > 0 && m.to == runs[n-1].to+runs[n-1].count && m.from == runs[n-1].from+runs[n-1].count {
			runs[n-1].count++
		} else {
			runs = append(runs, m)
		}
	}
	return runs
}

// source is where the j-th scalar of the output comes from, both counted in the
// shape's own order; input −1 is the constant.
func source(op graph.Op, out graph.Shape, in []graph.Shape, j int) (input, scalar int) {
	if _, ok := op.(graph.Flatten); ok {
		return 0, j
	}
	at := make([]int, len(out))
	for d := len(out) - 1; d >= 0; d-- {
		at[d], j = j%out[d], j/out[d]
	}
	switch op := op.(type) {
	case *graph.Slice:
		for d := range at {
			at[d] = op.Start[d] + at[d]*op.Step[d]
		}
	case *graph.Pad:
		for d := range at {
			at[d] -= op.Before[d]
			if at[d] < 0 || at[d] >= in[0][d] {
				return -1, 0
			}
		}
	case graph.Concat:
		for at[op.Axis] >= in[input][op.Axis] {
			at[op.Axis] -= in[input][op.Axis]
			input++
		}
	}
	for d, i := range at {
		scalar = scalar*in[input][d] + i
	}
	return input, scalar
}

// offset is where the j-th scalar of a shape lies in a tensor's image.
func offset(shape graph.Shape, j int) int {
	x := newTensor(shape, 0, nil)
	area := x.height * x.width
	return (1+j%area)*x.stride + j/area
}

func (r *rearrange) operator() graph.Op { return r.op }

func (r *rearrange) forward(t *Trainer, out *tensor, in []*tensor) {
	t.pool.run(out.n, func(_, i int) {
		y := out.image(i)
		for _, to := range r.fixed {
			y[to] = r.constant
		}
		for input, moves := range r.moves {
			x := in[input].image(i)
			for _, m := range moves {
				copy(y[m.to:m.to+m.count], x[m.from:])
			}
		}
	})
}

func (r *rearrange) backward(t *Trainer, gradient, _ *tensor, _ []*tensor, inputs []graph.ValueID) {
	for input, id := range inputs {
		if !t.trainable[id] {
			continue
		}
		dx, add := t.gradient(id)
		t.pool.run(gradient.n, func(_, i int) {
			dy, dx := gradient.image(i), dx.image(i)
			if !add {
				clear(dx)
			}
			for _, m := range r.moves[input] {
				to := dx[m.from:][:m.count]
				for j, d := range dy[m.to:][:m.count] {
					to[j] += d
				}
			}
		})
	}
}
