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

	batchMean []float64 // of the last forward pass
	deviation []float64 // √(variance + ε) of the last forward pass
}

func (t *Trainer) newNorm(op *graph.BatchNorm) *norm {
	return &norm{
		epsilon:   op.Epsilon,
		scale:     t.newParameter(op.Scale, false),
		shift:     t.newParameter(op.Shift, false),
		mean:      append([]float32(nil), op.Mean...),
		variance:  append([]float32(nil), op.Variance...),
		batchMean: make([]float64, len(op.Mean)),
		deviation: make([]float64, len(op.Mean)),
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

func (b *norm) forward(t *Trainer, out *tensor, in []*tensor) {
	x := in[0]
	// Sums are of differences to the running mean: near the batch's, it keeps the
	// variance from cancelling.
	pivot := make([]float32, x.stride)
	copy(pivot, b.mean)
	sums := t.channelSums(x.n, x.stride, func(i int, first, second []float32) {
		moments(first, second, x.pixels(i), pivot)
	})
	count := float64(x.n * x.height * x.width)
	factor, offset := make([]float32, x.channels), make([]float32, x.channels)
	rate := t.options.StatisticsRate
	for c := range b.mean {
		shifted := sums[0][c] / count
		variance := max(0, sums[1][c]/count-shifted*shifted)
		mean := float64(pivot[c]) + shifted
		b.batchMean[c] = mean
		b.deviation[c] = math.Sqrt(variance + float64(b.epsilon))
		f := float64(b.scale.value[c]) / b.deviation[c]
		factor[c], offset[c] = float32(f), float32(float64(b.shift.value[c])-mean*f)
		b.mean[c] += float32(rate * (mean - float64(b.mean[c])))
		unbiased := variance * count / max(1, count-1)
		b.variance[c] += float32(rate * (unbiased - float64(b.variance[c])))
	}
	run := t.affine(x, factor, offset)
	t.pool.run(x.n, func(_, i int) { run.Run(out.image(i), x.image(i), nil) })
}

// backward uses, with x̂ the normalized input, N the numbers per channel and sums
// over them:
//
//	∂shift = Σ ∂y,  ∂scale = Σ ∂y·x̂,  ∂x = scale/σ · (∂y − ∂shift/N − x̂·∂scale/N)
func (b *norm) backward(t *Trainer, gradient, _ *tensor, in []*tensor, inputs []graph.ValueID) {
	x := in[0]
	pivot := make([]float32, x.stride)
	for c, m := range b.batchMean {
		pivot[c] = float32(m)
	}
	sums := t.channelSums(x.n, x.stride, func(i int, first, second []float32) {
		products(first, second, gradient.pixels(i), x.pixels(i), pivot)
	})
	count := float64(x.n * x.height * x.width)
	factor, slope, offset := make([]float32, x.channels), make([]float32, x.channels), make([]float32, x.channels)
	for c, m := range b.batchMean {
		shift, scale := sums[0][c], sums[1][c]/b.deviation[c]
		b.shift.gradient[c] += float32(shift)
		b.scale.gradient[c] += float32(scale)
		f := float64(b.scale.value[c]) / b.deviation[c]
		s := -f * scale / (count * b.deviation[c])
		factor[c], slope[c], offset[c] = float32(f), float32(s), float32(-f*shift/count-s*m)
	}
	if !t.trainable[inputs[0]] {
		return
	}
	dx, add := t.gradient(inputs[0])
	ofInput, ofOutput := t.affine(x, slope, offset), t.affine(x, factor, nil)
	t.pool.run(x.n, func(_, i int) {
		dx := dx.image(i)
		if add {
			ofInput.Run(dx, x.image(i), dx)
		} else {
			ofInput.Run(dx, x.image(i), nil)
		}
		ofOutput.Run(dx, gradient.image(i), dx)
	})
}

// affine is factor·x + offset per channel: a depthwise convolution of one tap.
func (t *Trainer) affine(x *tensor, factor, offset []float32) *kernel.FloatConv {
	one := [2]int{1, 1}
	w := kernel.Window{InH: x.height, InW: x.width, OutH: x.height, OutW: x.width, Kernel: one, Stride: one, Dilation: one}
	return kernel.NewFloatConv(t.options.ISA, w, x.channels, x.channels, x.channels, factor, offset, -infinity, infinity)
}

// moments sets, per channel, the sums of x − pivot and of its squares over an
// image's pixels. Four channels at a time keep the sums in registers.
func moments(first, second, x, pivot []float32) {
	stride := len(pivot)
	for c := 0; c < stride; c += 4 {
		p := pivot[c:][:4]
		p0, p1, p2, p3 := p[0], p[1], p[2], p[3]
		var s0, s1, s2, s3, q0, q1, q2, q3 float32
		for at := c; at < len(x); at += stride {
			v := x[at:][:4]
			d0, d1, d2, d3 := v[0]-p0, v[1]-p1, v[2]-p2, v[3]-p3
			s0, s1, s2, s3 = s0+d0, s1+d1, s2+d2, s3+d3
			q0, q1, q2, q3 = q0+d0*d0, q1+d1*d1, q2+d2*d2, q3+d3*d3
		}
		first[c], first[c+1], first[c+2], first[c+3] = s0, s1, s2, s3
		second[c], second[c+1], second[c+2], second[c+3] = q0, q1, q2, q3
	}
}

// products sets, per channel, the sums of y and of y·(x − pivot) over an image's
// pixels.
func products(first, second, y, x, pivot []float32) {
	stride := len(pivot)
	for c := 0; c < stride; c += 4 {
		p := pivot[c:][:4]
		p0, p1, p2, p3 := p[0], p[1], p[2], p[3]
		var s0, s1, s2, s3, q0, q1, q2, q3 float32
		for at := c; at < len(x); at += stride {
			v, w := x[at:][:4], y[at:][:4]
			w0, w1, w2, w3 := w[0], w[1], w[2], w[3]
			s0, s1, s2, s3 = s0+w0, s1+w1, s2+w2, s3+w3
			q0, q1, q2, q3 = q0+w0*(v[0]-p0), q1+w1*(v[1]-p1), q2+w2*(v[2]-p2), q3+w3*(v[3]-p3)
		}
		first[c], first[c+1], first[c+2], first[c+3] = s0, s1, s2, s3
		second[c], second[c+1], second[c+2], second[c+3] = q0, q1, q2, q3
	}
}

// channelSums adds up two numbers per channel over a batch: in float32 within an
// image, as accumulate does it, and in float64 over images.
func (t *Trainer) channelSums(n, stride int, accumulate func(i int, first, second []float32)) [2][]float64 {
	partial := make([][2][]float64, parts)
	t.pool.run(parts, func(_, k int) {
		sums := [2][]float64{make([]float64, stride), make([]float64, stride)}
		image := [2][]float32{make([]float32, stride), make([]float32, stride)}
		for i, end := part(n, parts, k); i < end; i++ {
			clear(image[0])
			clear(image[1])
			accumulate(i, image[0], image[1])
			for s := range sums {
				for c, v := range image[s] {
					sums[s][c] += float64(v)
				}
			}
		}
		partial[k] = sums
	})
	for _, p := range partial[1:] {
		for s := range p {
			for c, v := range p[s] {
				partial[0][s][c] += v
			}
		}
	}
	return partial[0]
}
