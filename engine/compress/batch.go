package compress

import (
	"context"
	"math"
	"sync"

	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

// crew does work on tensors with several goroutines. Its results do not depend on how
// many there are.
type crew struct {
	isa     kernel.ISA
	workers int
	pixels  int // that moments of a tensor are taken of, at most; 0: leastPixels
}

// alone is a crew of one.
func (c crew) alone() crew {
	c.workers = 1
	return c
}

// each calls f for every index below n.
func (c crew) each(n int, f func(i int)) {
	_ = runtime.Parallel(context.Background(), n, max(c.workers, 1), func() func(int) { return f }) // a background context is never done
}

// moments are the mean and the standard deviation of every channel of a tensor.
type moments struct {
	mean, deviation []float64
}

// moments takes them over a sample of the pixels of all images.
func (c crew) moments(b *runtime.Batch) moments {
	const strip = 1024
	sample := c.momentSample(b.N, b.Pixels)
	sums := make([][]float64, (len(sample)+strip-1)/strip) // per strip: sums, then sums of squares
	c.each(len(sums), func(k int) {
		s := make([]float64, 2*b.Channels)
		sum, squares := s[:b.Channels], s[b.Channels:]
		for _, at := range sample[k*strip : min((k+1)*strip, len(sample))] {
			for ch, x := range b.Pixel(at/b.Pixels, at%b.Pixels) {
				v := float64(x)
				sum[ch] += v
				squares[ch] += v * v
			}
		}
		sums[k] = s
	})
	m := moments{make([]float64, b.Channels), make([]float64, b.Channels)}
	count := float64(len(sample))
	for ch := range b.Channels {
		var sum, squares float64
		for _, s := range sums {
			sum += s[ch]
			squares += s[b.Channels+ch]
		}
		m.mean[ch] = sum / count
		m.deviation[ch] = math.Sqrt(max(0, squares/count-m.mean[ch]*m.mean[ch]))
	}
	return m
}

// of are the moments of some of the channels.
func (m moments) of(channels []int) moments {
	some := moments{make([]float64, len(channels)), make([]float64, len(channels))}
	for i, ch := range channels {
		some.mean[i], some.deviation[i] = m.mean[ch], m.deviation[ch]
	}
	return some
}

// finite tells whether all moments are numbers.
func (m moments) finite() bool {
	for i := range m.mean {
		if x := m.mean[i] + m.deviation[i]; math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

// histogramSample is about how many numbers of a tensor its histogram counts.
const histogramSample = 1 << 17

// sample lists the pixels, counted over all images, of a regular sample of a batch.
// Min-max ranges are taken from all of them.
func sample(b *runtime.Batch, by Calibration) (pixels []int) {
	every := 1
	if by != MinMax {
		every = max(1, b.N*b.Pixels*b.Channels/histogramSample)
		// A stride that shares a factor with the image would always meet the same columns.
		for gcd(every, b.Pixels) != 1 {
			every++
		}
	}
	for at := 0; at < b.N*b.Pixels; at += every {
		pixels = append(pixels, at)
	}
	return pixels
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// histogram is the distribution of a sample of a batch's numbers.
func (c crew) histogram(b *runtime.Batch, by Calibration) *histogram {
	const parts = 16
	partial := make([]histogram, parts) // zero is always in range
	pixels := sample(b, by)
	part := func(i int) []int { return pixels[i*len(pixels)/parts : (i+1)*len(pixels)/parts] }
	c.each(parts, func(i int) {
		var lo, hi float32
		for _, at := range part(i) {
			for _, x := range b.Pixel(at/b.Pixels, at%b.Pixels) {
				if x < lo {
					lo = x
				}
				if x > hi {
					hi = x
				}
			}
		}
		partial[i].lo, partial[i].hi = lo, hi
	})
	h := &histogram{}
	for i := range partial {
		h.lo, h.hi = min(h.lo, partial[i].lo), max(h.hi, partial[i].hi)
	}
	if !(h.hi > h.lo) {
		return h
	}
	perUnit := h.perUnit()
	c.each(parts, func(i int) {
		own := &partial[i]
		own.lo = h.lo
		for _, at := range part(i) {
			for _, x := range b.Pixel(at/b.Pixels, at%b.Pixels) {
				own.add(x, perUnit)
			}
		}
	})
	for i := range partial {
		for bin, n := range partial[i].counts {
			h.counts[bin] += n
		}
	}
	return h
}

// round rounds a batch to a quantization, in place.
func (c crew) round(b *runtime.Batch, q graph.Quant) {
	affine := kernel.Affine{Scale: q.Scale, Zero: q.Zero}
	scratch := sync.Pool{New: func() any {
		integers := kernel.Bytes((1 + b.Pixels) * b.Stride)
		return &integers
	}}
	c.each(b.N, func(i int) {
		integers := scratch.Get().(*[]uint8)
		kernel.QuantizeFloat(c.isa, *integers, b.Images[i], affine, uint8(q.Max()))
		kernel.Dequantize(c.isa, b.Images[i], *integers, affine)
		scratch.Put(integers)
	})
}

// rounded is a batch rounded to a quantization; the batch stays as it is.
func (c crew) rounded(b *runtime.Batch, q graph.Quant) *runtime.Batch {
	out := runtime.NewBatch(b.Shape, b.N)
	c.each(b.N, func(i int) { copy(out.Images[i], b.Images[i]) })
	c.round(out, q)
	return out
}

// clamp limits a batch to [lo, hi], in place.
func (c crew) clamp(b *runtime.Batch, lo, hi float32) {
	c.each(b.N, func(i int) {
		pixels := b.Images[i][b.Stride:]
		kernel.ClampFloat(c.isa, pixels, pixels, lo, hi)
	})
}

// transform maps every channel's x to factor·x + shift, in place.
func (c crew) transform(b *runtime.Batch, factor, shift []float32) {
	c.each(b.N, func(i int) {
		for p := range b.Pixels {
			pixel := b.Pixel(i, p)
			factor, shift := factor[:len(pixel)], shift[:len(pixel)]
			for ch, x := range pixel {
				pixel[ch] = float32(factor[ch]*x) + shift[ch]
			}
		}
	})
}
