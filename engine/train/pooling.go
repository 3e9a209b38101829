package train

import (
	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

// pooling is an AveragePool or GlobalAveragePool: a weighted sum over windows.
type pooling struct {
	op     graph.Op
	window kernel.Window
	shares []float32 // per output pixel: one over the divisor
}

func newAveragePool(op graph.AveragePool, in, out graph.Shape) *pooling {
	p := &pooling{op: op, window: runtime.NewWindow(in, out, op.Kernel, op.Stride, op.Dilation, op.Pad)}
	p.shares = make([]float32, out[1]*out[2])
	for i := range p.shares {
		count := 0
		for tap := range p.window.Taps() {
			if op.CountIncludePad || p.window.Pixel(i, tap) != 0 {
				count++
			}
		}
		p.shares[i] = 1 / float32(max(1, count))
	}
	return p
}

func newGlobalAverage(op graph.GlobalAveragePool, in graph.Shape) *pooling {
	window := [2]int{in[1], in[2]}
	return &pooling{
		op:     op,
		window: runtime.NewWindow(in, graph.Shape{in[0], 1, 1}, window, [2]int{1, 1}, [2]int{}, [4]int{}),
		shares: []float32{1 / float32(in[1]*in[2])},
	}
}

func (p *pooling) operator() graph.Op { return p.op }

func (p *pooling) forward(t *Trainer, out *tensor, in []*tensor) {
	x := in[0]
	t.pool.run(out.n, func(_, i int) {
		x, y := x.image(i), out.pixels(i)
		clear(y)
		for o, share := range p.shares {
			y := y[o*out.stride:][:out.stride]
			for tap := range p.window.Taps() {
				// The padding pixel adds zeros.
				for c, v := range x[p.window.Pixel(o, tap)*out.stride:][:out.stride] {
					y[c] += v
				}
			}
			for c := range y {
				y[c] *= share
			}
		}
	})
}

func (p *pooling) backward(t *Trainer, gradient, _ *tensor, _ []*tensor, inputs []graph.ValueID) {
	if !t.trainable[inputs[0]] {
		return
	}
	dx, add := t.gradient(inputs[0])
	t.pool.run(gradient.n, func(_, i int) {
		dy, dx := gradient.pixels(i), dx.image(i)
		if !add {
			clear(dx)
		}
		for o, share := range p.shares {
			dy := dy[o*gradient.stride:][:gradient.stride]
			for tap := range p.window.Taps() {
				if pixel := p.window.Pixel(o, tap); pixel != 0 {
					dx := dx[pixel*gradient.stride:][:gradient.stride]
					for c, d := range dy {
						dx[c] += d * share
					}
				}
			}
		}
	})
}

// maxPool passes gradients to the pixels that won.
type maxPool struct {
	op     graph.MaxPool
	window kernel.Window
	winner []int32 // per output scalar of each image, offset in the input image
}

func newMaxPool(op graph.MaxPool, in, out graph.Shape) *maxPool {
	return &maxPool{op: op, window: runtime.NewWindow(in, out, op.Kernel, op.Stride, op.Dilation, op.Pad)}
}

func (m *maxPool) operator() graph.Op { return m.op }

// winners are those of one image.
func (m *maxPool) winners(out *tensor, i int) []int32 {
	size := out.size - out.stride
	return m.winner[i*size : (i+1)*size]
}

func (m *maxPool) forward(t *Trainer, out *tensor, in []*tensor) {
	x := in[0]
	if need := out.n * (out.size - out.stride); len(m.winner) < need {
		m.winner = make([]int32, need)
	}
	t.pool.run(out.n, func(_, i int) {
		x, y, winners := x.image(i), out.pixels(i), m.winners(out, i)
		for o := range m.window.OutH * m.window.OutW {
			at := o * out.stride
			y, winners := y[at:at+out.stride], winners[at:at+out.stride]
			first := true
			for tap := range m.window.Taps() {
				pixel := m.window.Pixel(o, tap)
				if pixel == 0 {
					continue
				}
				for c, v := range x[pixel*out.stride:][:out.stride] {
					if first || v > y[c] {
						y[c], winners[c] = v, int32(pixel*out.stride+c)
					}
				}
				first = false
			}
		}
	})
}

func (m *maxPool) backward(t *Trainer, gradient, _ *tensor, _ []*tensor, inputs []graph.ValueID) {
	if !t.trainable[inputs[0]] {
		return
	}
	dx, add := t.gradient(inputs[0])
	t.pool.run(gradient.n, func(_, i int) {
		dy, dx := gradient.pixels(i), dx.image(i)
		if !add {
			clear(dx)
		}
		for j, winner := range m.winners(gradient, i) {
			dx[winner] += dy[j]
		}
	})
}
