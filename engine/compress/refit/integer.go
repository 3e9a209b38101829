package refit

import "galen/hw/graph"

// affine is the quantization that spreads the integers over [lo, hi], widened to hold
// zero, such that zero is one of them.
func affine(lo, hi float32, bits int) graph.Quant {
	lo, hi = min(lo, 0), max(hi, 0)
	q := graph.Quant{Bits: bits}
	steps := float32(q.Max())
	q.Scale = (hi - lo) / steps
	if !(q.Scale > 1e-30) {
		q.Scale = 1e-30
	}
	q.Zero = uint8(clamp(roundEven(-lo/q.Scale), 0, steps))
	return q
}

// roundEven rounds half to even; exact for |x| < 2²².
func roundEven(x float32) float32 {
	const magic = 1.5 * (1 << 23)
	return (x + magic) - magic
}

func clamp(x, lo, hi float32) float32 {
	if x < lo {
		return lo
	}
	if x > hi {
		return hi
	}
	return x
}
