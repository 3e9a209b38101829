package train

import (
	"galen/hw/graph"
	"galen/hw/kernel"
)

// limiter is a Relu or Clip: y = min(max(x, low), high). Its gradient passes where
// the output is strictly between the limits.
type limiter struct {
	op        graph.Op
	low, high float32
	inPlace   bool // whether the output is written over the input
	merged    merge
}

// merge is how much of a Relu the node before it does.
type merge int

const (
	apart merge = iota
	ahead       // that node's output is rectified
	whole       // and it stops the gradient itself
)

// rectifier is a node that can take over a Relu of its output.
type rectifier interface{ rectify() }

func newLimiter(op graph.Clamp) *limiter {
	low, high := op.Limits()
	return &limiter{op: op, low: low, high: high}
}

// mergeInto lets the node before a limiter that writes over its input do what it can.
func (l *limiter) mergeInto(before node) {
	r, ok := before.(rectifier)
	if !ok || l.low != 0 || l.high != infinity {
		return
	}
	r.rectify()
	l.merged = ahead
	if _, ok := before.(*norm); ok {
		l.merged = whole
	}
}

func (l *limiter) operator() graph.Op { return l.op }

func (l *limiter) forward(t *Trainer, out *tensor, in []*tensor) {
	if l.merged != apart {
		return
	}
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
	id := inputs[0]
	if !t.trainable[id] {
		return
	}
	if l.merged == whole {
		t.pass(gradient, id)
		return
	}
	if l.low == 0 && l.high == infinity {
		l.rectify(t, gradient, out, id)
		return
	}
	dx, add := t.gradient(id)
	t.pool.run(out.n, func(_, i int) {
		y, dy, dx := out.pixels(i), gradient.pixels(i), dx.pixels(i)
		dy, dx = dy[:len(y)], dx[:len(y)]
		if !add {
			clear(dx)
		}
		for j, v := range y {
			if v > l.low && v < l.high {
				dx[j] += dy[j]
			}
		}
	})
}

// rectify passes a Relu's gradient on, over itself where it can.
func (l *limiter) rectify(t *Trainer, gradient, out *tensor, id graph.ValueID) {
	if t.gradients[id] == nil && gradient.holders == 1 {
		t.pass(gradient, id)
		t.pool.run(out.n, func(_, i int) {
			kernel.PassPositive(t.options.ISA, gradient.pixels(i), nil, gradient.pixels(i), out.pixels(i))
		})
		return
	}
	dx, add := t.gradient(id)
	t.pool.run(out.n, func(_, i int) {
		var prior []float32
		if add {
			prior = dx.pixels(i)
		}
		kernel.PassPositive(t.options.ISA, dx.pixels(i), prior, gradient.pixels(i), out.pixels(i))
	})
}

// add is a sum of two values.
type add struct {
	op  graph.Op
	low float32
}

func (a *add) operator() graph.Op { return a.op }

func (a *add) rectify() { a.low = 0 }

func (a *add) forward(t *Trainer, out *tensor, in []*tensor) {
	t.pool.run(out.n, func(_, i int) {
		kernel.AddFloat(t.options.ISA, out.image(i), in[0].image(i), in[1].image(i), a.low, infinity)
	})
}

func (a *add) backward(t *Trainer, gradient, _ *tensor, _ []*tensor, inputs []graph.ValueID) {
	for _, id := range inputs {
		if t.trainable[id] {
			t.pass(gradient, id)
		}
	}
}

// pass adds a gradient to that of a value of the same shape, which shares it if it has
// none.
func (t *Trainer) pass(gradient *tensor, id graph.ValueID) {
	if t.gradients[id] == nil {
		gradient.holders++
		t.gradients[id] = gradient
		return
	}
	dx, _ := t.gradient(id)
	t.pool.run(gradient.n, func(_, i int) {
		dx, dy := dx.image(i), gradient.image(i)
		kernel.AddFloat(t.options.ISA, dx, dx, dy, -infinity, infinity)
	})
}
