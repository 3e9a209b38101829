package refit

import (
	"math"

	"galen/hw/graph"
)

// Calibration is how the range of an activation tensor is chosen.
type Calibration string

const (
	// MinMax covers every number seen.
	MinMax Calibration = "min-max"
	// Percentile leaves out the outermost 0.01 % of the numbers on either side.
	Percentile Calibration = "percentile"
	// SquaredError takes the range under which rounding and clipping lose least.
	SquaredError Calibration = "squared-error"
	// Entropy takes the range that keeps the most of the numbers' distribution.
	Entropy Calibration = "entropy"
)

// Quant chooses the quantization of a tensor with this distribution.
func (h *Histogram) Quant(bits int, by Calibration) graph.Quant {
	if !(h.hi > h.lo) {
		return affine(0, 1, bits)
	}
	switch by {
	case Percentile:
		return affine(h.quantile(1e-4), h.quantile(1-1e-4), bits)
	case SquaredError:
		return h.leastError(bits)
	case Entropy:
		return h.leastEntropy(bits)
	}
	return affine(h.lo, h.hi, bits)
}

// quantile is the number below which the given share of all lies, to a bin's accuracy.
func (h *Histogram) quantile(share float64) float32 {
	total := uint64(0)
	for _, n := range h.counts {
		total += uint64(n)
	}
	below, width := uint64(0), (h.hi-h.lo)/bins
	for b, n := range h.counts {
		below += uint64(n)
		if float64(below) >= share*float64(total) {
			if share < 0.5 {
				return h.lo + float32(b)*width
			}
			return h.lo + float32(b+1)*width
		}
	}
	return h.hi
}

// leastError searches the range for the least squared error: first both ends shrink
// together, then each by itself.
func (h *Histogram) leastError(bits int) graph.Quant {
	const steps = 40
	best, bestError := affine(h.lo, h.hi, bits), math.Inf(1)
	lo, hi := h.lo, h.hi
	try := func(l, r float32) {
		q := affine(l, r, bits)
		if e := h.squaredError(q); e < bestError {
			best, bestError, lo, hi = q, e, l, r
		}
	}
	for i := range steps {
		shrink := float32(steps-i) / steps
		try(h.lo*shrink, h.hi*shrink)
	}
	if h.lo < 0 && h.hi > 0 {
		right := hi
		for i := range steps {
			try(h.lo*float32(steps-i)/steps, right)
		}
		left := lo
		for i := range steps {
			try(left, h.hi*float32(steps-i)/steps)
		}
	}
	return best
}

// squaredError is the sum of squared errors of rounding every number to q, each taken
// as its bin's centre.
func (h *Histogram) squaredError(q graph.Quant) float64 {
	width := (h.hi - h.lo) / bins
	inverse, zero, most := 1/q.Scale, float32(q.Zero), float32(q.Max())
	var sum float64
	for b, n := range h.counts {
		if n == 0 {
			continue
		}
		x := h.lo + (float32(b)+0.5)*width
		r := (clamp(roundEven(x*inverse)+zero, 0, most) - zero) * q.Scale
		d := float64(x - r)
		sum += float64(n) * d * d
	}
	return sum
}
