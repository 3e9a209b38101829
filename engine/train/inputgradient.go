package train

import (
	"galen/hw/graph"
	"galen/hw/kernel"
)

// inputGradient is a convolution's gradient with respect to its input: the convolution of
// the output's gradient with the kernel turned by 180° and the roles of the channels
// exchanged. With a stride, each residue of the input's coordinates modulo the stride
// sees taps of its own: it is a phase, a convolution at stride 1.
type inputGradient struct {
	inC, outC int
	taps      int // of the whole kernel
	kernelW   int
	stride    [2]int
	phases    []phase
}

// phase computes the pixels at (y·stride+row, x·stride+column).
type phase struct {
	row, column   int
	height, width int
	run           kernel.BatchConv // nil: no tap reaches these pixels
	from          []int            // the kernel's tap of each of the phase's
	turned        []float32        // weights, IOHW
}

// residue is what one dimension of a phase sees.
type residue struct {
	first, step, taps int // of the kernel: the taps that reach it
	dilation          int // between them, in pixels of the output
	before            int // padding
	size              int // pixels
}

func newInputGradient(isa kernel.ISA, op *graph.Conv, in, out *tensor) *inputGradient {
	g := &inputGradient{
		inC: in.channels, outC: out.channels,
		taps: op.Kernel[0] * op.Kernel[1], kernelW: op.Kernel[1], stride: op.Stride,
	}
	for row := range min(op.Stride[0], in.height) {
		for column := range min(op.Stride[1], in.width) {
			y := newResidue(row, op.Kernel[0], op.Stride[0], op.Dilation[0], op.Pad[0], in.height)
			x := newResidue(column, op.Kernel[1], op.Stride[1], op.Dilation[1], op.Pad[1], in.width)
			p := phase{row: row, column: column, height: y.size, width: x.size}
			for i := y.taps - 1; i >= 0; i-- {
				for j := x.taps - 1; j >= 0; j-- {
					p.from = append(p.from, (y.first+i*y.step)*g.kernelW+x.first+j*x.step)
				}
			}
			if len(p.from) > 0 {
				p.turned = make([]float32, g.inC*g.outC*len(p.from))
				p.run = kernel.NewBatchConv(isa, kernel.Shape{InC: g.outC, OutC: g.inC, Groups: 1, Window: kernel.Window{
					InH: out.height, InW: out.width, OutH: p.height, OutW: p.width,
					Kernel: [2]int{y.taps, x.taps}, Stride: [2]int{1, 1}, Dilation: [2]int{y.dilation, x.dilation},
					Top: y.before, Left: x.before,
				}})
			}
			g.phases = append(g.phases, p)
		}
	}
	return g
}

// newResidue finds the taps k for which index + pad − k·dilation is a multiple of the
// stride: it is the output pixel that the input pixel index saw, times the stride.
func newResidue(index, taps, stride, dilation, pad, size int) residue {
	r := residue{step: stride, size: (size - index + stride - 1) / stride}
	for k := range taps {
		if (index+pad-k*dilation)%stride != 0 {
			continue
		}
		if r.taps == 0 {
			r.first = k
		}
		if r.taps == 1 {
			r.step = k - r.first
		}
		r.taps++
	}
	r.dilation = max(1, r.step*dilation/stride)
	r.before = (r.taps-1)*r.dilation - (index+pad-r.first*dilation)/stride
	return r
}

// add adds the gradient to that of the input.
func (g *inputGradient) add(t *Trainer, weight []float32, gradient *tensor, input graph.ValueID) {
	for i := range g.phases {
		g.phases[i].pack(t, g, weight)
	}
	dx, add := t.gradient(input)
	if g.stride == [2]int{1, 1} {
		var residual *tensor
		if add {
			residual = dx
		}
		t.convolve(g.phases[0].run, dx, gradient, residual)
		return
	}
	t.pool.run(gradient.n, func(worker, i int) {
		for _, p := range g.phases {
			p.add(t, g, worker, dx.image(i), gradient.image(i), dx, add)
		}
	})
}

func (p *phase) pack(t *Trainer, g *inputGradient, weight []float32) {
	if p.run == nil {
		return
	}
	t.pool.run(g.inC, func(_, i int) {
		for o := range g.outC {
			from, to := weight[(o*g.inC+i)*g.taps:][:g.taps], p.turned[(i*g.outC+o)*len(p.from):]
			for tap, k := range p.from {
				to[tap] = from[k]
			}
		}
	})
	t.pool.run(p.run.Blocks(), func(_, i int) { p.run.PackWeights(i, p.turned) })
}

// add puts an image's gradient where the phase has its pixels.
func (p *phase) add(t *Trainer, g *inputGradient, worker int, dx, dy []float32, layout *tensor, add bool) {
	size := (1 + p.height*p.width) * layout.stride
	var found []float32
	if p.run != nil {
		space := t.workspace(worker, roundUp(size, layout.stride)+p.run.Scratch())
		found = space[:size]
		p.run.Run(1, found, dy, nil, space[size:])
	} else if add {
		return
	}
	for y := range p.height {
		for x := range p.width {
			to := dx[(1+(y*g.stride[0]+p.row)*layout.width+x*g.stride[1]+p.column)*layout.stride:][:layout.stride]
			switch {
			case found == nil:
				clear(to)
			case add:
				for c, v := range found[(1+y*p.width+x)*layout.stride:][:layout.stride] {
					to[c] += v
				}
			default:
				copy(to, found[(1+y*p.width+x)*layout.stride:][:layout.stride])
			}
		}
	}
}
