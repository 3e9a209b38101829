package train

import (
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// limiter is a Relu or Clip: y = min(max(x, low), high). Its gradient passes where
// the output is strictly between the limits.
type limiter struct {
	op        graph.Op
	low, high float32
	inPlace   bool // whether the output is written over the input
}

func newRelu(op graph.Relu) *limiter {
	return &limiter{op: op, low: 0, high: infinity}
}

func newClip(op graph.Clip) *limiter {
	return &limiter{op: op, low: op.Min, high: op.Max}
}

func (l *limiter) operator() graph.Op { return l.op }

func (l *limiter) forward(t *Trainer, out *tensor, in []*tensor) {
	padded := l.low > 0 || l.high < 0 // whether limits lift zeros in the padding
	t.pool.run(in[0].n, func(_, i int) {
		y := out.pixels(i)
		kernel.ClampFloat(t.options.ISA, y, in[0].pixels(i), l.low, l.high)
		if padded {
			for p := 0; p < len(y); p += out.stride {
				clear(y[p+out.channels : p+out.stride])
			}
		}
	})
}

func (l *limiter) backward(t *Trainer, gradient, out *tensor, _ []*tensor, inputs []graph.ValueID) {
	if !t.trainable[inputs[0]] {
		return
	}
	dx, add := t.gradient(inputs[0])
	t.pool.run(out.n, func(_, i int) {
		y, dy, dx := out.pixels(i), gradient.pixels(i), dx.pixels(i)
		dy, dx = dy[:len(y)], dx[:len(y)]
		switch {
		case add:
			for j, v := range y {
				if v > l.low && v < l.high {
					dx[j] += dy[j]
				}
			}
		case l.low == 0 && l.high == infinity:
			// A Relu's output is zero where the gradient stops, positive elsewhere.
			// Unlike a branch, a mask need not be guessed.
			const sign = 1 << 31
			for j, v := range y {
				positive := -int32(math.Float32bits(v)&^sign) >> 31 // all ones or all zeros
				dx[j] = math.Float32frombits(math.Float32bits(dy[j]) & uint32(positive))
			}
		default:
			for j, v := range y {
				dx[j] = 0
				if v > l.low && v < l.high {
					dx[j] = dy[j]
				}
			}
		}
	})
}

// add is a sum of two values.
type add struct{ op graph.Op }

func (a add) operator() graph.Op { return a.op }

func (a add) forward(t *Trainer, out *tensor, in []*tensor) {
	t.pool.run(out.n, func(_, i int) {
		kernel.AddFloat(t.options.ISA, out.image(i), in[0].image(i), in[1].image(i), -infinity, infinity)
	})
}

func (a add) backward(t *Trainer, gradient, _ *tensor, _ []*tensor, inputs []graph.ValueID) {
	for _, id := range inputs {
		if t.trainable[id] {
			t.pass(gradient, id)
		}
	}
}

// pass adds a gradient to that of a value of the same shape.
func (t *Trainer) pass(gradient *tensor, id graph.ValueID) {
	dx, add := t.gradient(id)
	t.pool.run(gradient.n, func(_, i int) {
		dx, dy := dx.image(i), gradient.image(i)
		if add {
			kernel.AddFloat(t.options.ISA, dx, dx, dy, -infinity, infinity)
		} else {
			copy(dx, dy)
		}
	})
}
