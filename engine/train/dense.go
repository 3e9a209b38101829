package train

import (
	"galen/hw/graph"
	"galen/hw/kernel"
)

// dense is a fully connected layer, Y = X·Wᵀ + b with an image per row.
type dense struct {
	op     *graph.Gemm
	weight *parameter // [out, in]
	bias   *parameter // nil: none
}

// denseRows is how many rows of a product are one task.
const denseRows = 32

func (t *Trainer) newDense(op *graph.Gemm) *dense {
	d := &dense{op: op, weight: t.newParameter(op.Weight.Float, true)}
	if op.Bias != nil {
		d.bias = t.newParameter(op.Bias, false)
	}
	return d
}

func (d *dense) operator() graph.Op {
	op := *d.op
	op.Weight.Float = append([]float32(nil), d.weight.value...)
	if d.bias != nil {
		op.Bias = append([]float32(nil), d.bias.value...)
	}
	return &op
}

func (d *dense) forward(t *Trainer, out *tensor, in []*tensor) {
	x := in[0]
	t.rows(x.n, func(first, count int) {
		for i := first; i < first+count; i++ {
			y := out.pixels(i)[:out.channels]
			clear(y)
			if d.bias != nil {
				copy(y, d.bias.value)
			}
		}
		kernel.Gemm(t.options.ISA, false, true, count, out.channels, x.channels,
			1, x.vectors(first), x.size, d.weight.value, x.channels, 1, out.vectors(first), out.size)
	})
}

func (d *dense) backward(t *Trainer, gradient, _ *tensor, in []*tensor, inputs []graph.ValueID) {
	x := in[0]
	if d.bias != nil {
		t.addChannelSums(d.bias.gradient, gradient)
	}
	t.rows(gradient.channels, func(first, count int) {
		kernel.Gemm(t.options.ISA, true, false, count, x.channels, x.n,
			1, gradient.vectors(0)[first:], gradient.size, x.vectors(0), x.size, 1, d.weight.gradient[first*x.channels:], x.channels)
	})
	if !t.trainable[inputs[0]] {
		return
	}
	dx, add := t.gradient(inputs[0])
	beta := float32(0)
	if add {
		beta = 1
	}
	t.rows(x.n, func(first, count int) {
		kernel.Gemm(t.options.ISA, false, false, count, x.channels, gradient.channels,
			1, gradient.vectors(first), gradient.size, d.weight.value, x.channels, beta, dx.vectors(first), dx.size)
	})
}

// rows calls task for runs of rows that make up n.
func (t *Trainer) rows(n int, task func(first, count int)) {
	t.pool.run((n+denseRows-1)/denseRows, func(_, i int) {
		first := i * denseRows
		task(first, min(denseRows, n-first))
	})
}

// vectors are the numbers of all images from first on, the padding pixel of the
// first left out: a matrix with leading dimension size.
func (x *tensor) vectors(first int) []float32 { return x.data[first*x.size+x.stride:] }
