package train

import (
	"slices"

	"galen/hw/graph"
)

// rearrange is an operator that only moves: every output scalar is a copy of an
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
	inputs, scalars := sources(n.Op, out, shapes)
	for j, input := range inputs {
		to := offset(out, j)
		if input >= 0 {
			r.moves[input] = append(r.moves[input], move{offset(shapes[input], scalars[j]), to, 1})
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

// sources are, for each scalar of the output in the shape's own order, the input and the scalar it comes from; input
// −1 is the constant.
func sources(op graph.Op, out graph.Shape, in []graph.Shape) (inputs, scalars []int) {
	inputs, scalars = make([]int, out.Elements()), make([]int, out.Elements())
	switch op := op.(type) {
	case graph.Reshaper:
		for j := range scalars {
			scalars[j] = j
		}
		copy(scalars, op.Places())
	case graph.Mover:
		picks := make([][][]int32, len(out)) // [axis][input][place]
		for d := range picks {
			picks[d] = op.Picks(d, in, out)
		}
		for j := range scalars {
			inputs[j], scalars[j] = pickedFrom(picks, out, in, j)
		}
	}
	return inputs, scalars
}

// pickedFrom is where the j-th scalar of the output comes from.
func pickedFrom(picks [][][]int32, out graph.Shape, in []graph.Shape, j int) (input, scalar int) {
	at := make([]int, len(out))
	for d := len(out) - 1; d >= 0; d-- {
		at[d], j = j%out[d], j/out[d]
	}
	for input, shape := range in {
		scalar, inside := 0, true
		for d, place := range at {
			from := picks[d][input][place]
			inside = inside && from >= 0
			scalar = scalar*shape[d] + int(from)
		}
		if inside {
			return input, scalar
		}
	}
	return -1, 0
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
