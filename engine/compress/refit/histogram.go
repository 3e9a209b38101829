package refit

import (
	"galen/hw/runtime"
)

// bins is the resolution of activation histograms: eight per step at 8 bits.
const bins = 2048

// Histogram is the distribution of a tensor's numbers over the range it spans, zero
// included.
type Histogram struct {
	lo, hi float32
	counts [bins]uint32
}

// add counts a number.
func (h *Histogram) add(x, perUnit float32) {
	b := int((x - h.lo) * perUnit)
	h.counts[max(0, min(b, bins-1))]++
}

// perUnit is the number of bins a distance of one spans.
func (h *Histogram) perUnit() float32 { return bins / (h.hi - h.lo) }

// histogramSample is about how many numbers of a tensor its histogram counts.
const histogramSample = 1 << 17

// histogramPixels lists the pixels, counted over all images, of a regular sample of a batch.
// Min-max ranges are taken from all of them.
func histogramPixels(b *runtime.Batch, by Calibration) (pixels []int) {
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

// HistogramOf counts a sample of a batch's numbers.
func HistogramOf(workers Workers, b *runtime.Batch, by Calibration) *Histogram {
	const parts = 16
	partial := make([]Histogram, parts) // zero is always in range
	pixels := histogramPixels(b, by)
	part := func(i int) []int { return pixels[i*len(pixels)/parts : (i+1)*len(pixels)/parts] }
	workers.Each(parts, func(i int) {
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
	h := &Histogram{}
	for i := range partial {
		h.lo, h.hi = min(h.lo, partial[i].lo), max(h.hi, partial[i].hi)
	}
	if !(h.hi > h.lo) {
		return h
	}
	perUnit := h.perUnit()
	workers.Each(parts, func(i int) {
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
