package train

import (
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// norm is a BatchNorm in training: every channel is normalized by its mean and variance
// over the batch (Ioffe and Szegedy 2015), and running statistics follow them.
type norm struct {
	epsilon        float32
	scale, shift   *parameter
	mean, variance []float32 // running; the variance is the unbiased estimate
	rectified      bool      // whether a Relu is part of it

	batchMean []float64 // of the last forward pass
	deviation []float64 // √(variance + ε) of the last forward pass

	pivot, factor, slope, offset []float32 // tables of a pixel's stride, zero beyond the channels
}

func (t *Trainer) newNorm(op *graph.BatchNorm) *norm {
	table := func() []float32 { return kernel.Floats(kernel.ChannelStride(len(op.Mean))) }
	return &norm{
		epsilon:   op.Epsilon,
		scale:     t.newParameter(op.Scale, false),
		shift:     t.newParameter(op.Shift, false),
		mean:      append([]float32(nil), op.Mean...),
		variance:  append([]float32(nil), op.Variance...),
		batchMean: make([]float64, len(op.Mean)),
		deviation: make([]float64, len(op.Mean)),
		pivot:     table(), factor: table(), slope: table(), offset: table(),
	}
}

func (b *norm) operator() graph.Op {
	return &graph.BatchNorm{
		Scale:    append([]float32(nil), b.scale.value...),
		Shift:    append([]float32(nil), b.shift.value...),
		Mean:     append([]float32(nil), b.mean...),
		Variance: append([]float32(nil), b.variance...),
		Epsilon:  b.epsilon,
	}
}

func (b *norm) rectify() { b.rectified = true }

func (b *norm) forward(t *Trainer, out *tensor, in []*tensor) {
	x := in[0]
	// Sums are of differences to the running mean: near the batch's, it keeps the
	// variance from cancelling.
	copy(b.pivot, b.mean)
	first, second := t.channelSums(x, func(i int, first, second []float32) {
		kernel.ChannelMoments(t.options.ISA, x.pixels(i), b.pivot, first, second)
	})
	count := float64(x.n * x.height * x.width)
	rate := t.options.StatisticsRate
	for c := range b.mean {
		shifted := first[c] / count
		variance := max(0, second[c]/count-shifted*shifted)
		mean := float64(b.pivot[c]) + shifted
		b.batchMean[c] = mean
		b.deviation[c] = math.Sqrt(variance + float64(b.epsilon))
		f := float64(b.scale.value[c]) / b.deviation[c]
		b.factor[c], b.offset[c] = float32(f), float32(float64(b.shift.value[c])-mean*f)
		b.mean[c] += float32(rate * (mean - float64(b.mean[c])))
		unbiased := variance * count / max(1, count-1)
		b.variance[c] += float32(rate * (unbiased - float64(b.variance[c])))
	}
	lo := -infinity
	if b.rectified {
		lo = 0
	}
	t.pool.run(x.n, func(_, i int) {
		kernel.ChannelAffine(t.options.ISA, out.pixels(i), x.pixels(i), b.factor, b.offset, lo)
	})
}

// backward uses, with x̂ the normalized input, N the numbers per channel and sums
// over them:
//
//	∂shift = Σ ∂y,  ∂scale = Σ ∂y·x̂,  ∂x = scale/σ · (∂y − ∂shift/N − x̂·∂scale/N)
func (b *norm) backward(t *Trainer, gradient, out *tensor, in []*tensor, inputs []graph.ValueID) {
	x, isa := in[0], t.options.ISA
	// limit is the output that stops gradients where it is not positive.
	limit := func(i int) []float32 {
		if b.rectified {
			return out.pixels(i)
		}
		return nil
	}
	for c, m := range b.batchMean {
		b.pivot[c] = float32(m)
	}
	first, second := t.channelSums(x, func(i int, first, second []float32) {
		kernel.ChannelProducts(isa, gradient.pixels(i), limit(i), x.pixels(i), b.pivot, first, second)
	})
	count := float64(x.n * x.height * x.width)
	for c, m := range b.batchMean {
		shift, scale := first[c], second[c]/b.deviation[c]
		b.shift.gradient[c] += float32(shift)
		b.scale.gradient[c] += float32(scale)
		f := float64(b.scale.value[c]) / b.deviation[c]
		s := -f * scale / (count * b.deviation[c])
		b.factor[c], b.slope[c], b.offset[c] = float32(f), float32(s), float32(-f*shift/count-s*m)
	}
	if !t.trainable[inputs[0]] {
		return
	}
	dx, add := t.gradient(inputs[0])
	t.pool.run(x.n, func(_, i int) {
		var prior []float32
		if add {
			prior = dx.pixels(i)
		}
		kernel.NormGradient(isa, dx.pixels(i), prior, gradient.pixels(i), limit(i), x.pixels(i), b.factor, b.slope, b.offset)
	})
}

// channelSums adds up two numbers per channel over a batch: in float32 within an image,
// as accumulate adds them to zeros, and in float64 over images. What it returns is valid
// until the next call.
func (t *Trainer) channelSums(x *tensor, accumulate func(i int, first, second []float32)) (first, second []float64) {
	if len(t.partial) < parts*2*x.stride {
		t.partial = make([]float64, parts*2*x.stride)
	}
	t.pool.run(parts, func(worker, k int) {
		image, sums := t.workspace(worker, 2*x.stride), t.partial[k*2*x.stride:][:2*x.stride]
		clear(sums)
		for i, end := part(x.n, parts, k); i < end; i++ {
			clear(image)
			accumulate(i, image[:x.stride], image[x.stride:])
			for c, v := range image {
				sums[c] += float64(v)
			}
		}
	})
	total := t.partial[:2*x.stride]
	for k := 1; k < parts; k++ {
		for c, v := range t.partial[k*2*x.stride:][:2*x.stride] {
			total[c] += v
		}
	}
	return total[:x.stride], total[x.stride:]
}
