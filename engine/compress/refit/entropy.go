package refit

import (
	"math"

	"galen/hw/graph"
)

// leastEntropy searches the range after which the rounded numbers' distribution tells most
// about the original's: the one with the least Kullback–Leibler divergence between the
// clipped histogram and the histogram merged into as many bins as there are integers
// (Migacz 2017, "8-bit inference with TensorRT"). Where numbers of both signs occur both
// ends shrink together.
func (h *Histogram) leastEntropy(bits int) graph.Quant {
	const candidates = 64
	levels := 1 << bits
	zero := int(-h.lo * h.perUnit()) // the bin of zero
	// Behind a ReLU half of the numbers are exactly zero, which every range represents. Unless they are
	// left out, what spreads them least over their neighbours wins.
	shape := *h
	if zero+1 < bins {
		shape.counts[zero] = h.counts[zero+1]
	} else {
		shape.counts[bins-1] = h.counts[bins-2]
	}
	best, least := affine(h.lo, h.hi, bits), math.Inf(1)
	for i := candidates; i >= 1; i-- {
		from, to := zero-zero*i/candidates, zero+(bins-zero)*i/candidates
		if to-from < levels {
			break
		}
		if d := shape.divergence(from, to, levels); d < least {
			width := (h.hi - h.lo) / bins
			best, least = affine(h.lo+float32(from)*width, h.lo+float32(to)*width, bits), d
		}
	}
	return best
}

// divergence is KL(p ‖ q): p is the histogram between two bins, what lies outside counted in
// the outermost; q is what is inside, merged into levels and spread evenly over those of a level's bins
// that are not empty.
func (h *Histogram) divergence(from, to, levels int) float64 {
	var below, above, inside float64
	for b, n := range h.counts {
		switch {
		case b < from:
			below += float64(n)
		case b >= to:
			above += float64(n)
		default:
			inside += float64(n)
		}
	}
	if inside == 0 {
		return math.Inf(1)
	}
	total, d := below+inside+above, 0.0
	for level := range levels {
		first, end := from+level*(to-from)/levels, from+(level+1)*(to-from)/levels
		var sum, filled float64
		for _, n := range h.counts[first:end] {
			if n > 0 {
				sum += float64(n)
				filled++
			}
		}
		// Within a level q is the same in every bin that is not empty.
		q := sum / max(filled, 1) / inside
		for b := first; b < end; b++ {
			p := float64(h.counts[b])
			own := q
			if p == 0 {
				own = 0
			}
			if b == from {
				p += below
			}
			if b == to-1 {
				p += above
			}
			if p > 0 {
				// An empty bin that clipping fills would make the divergence infinite.
				d += p / total * math.Log(p/total/max(own, 1e-4/float64(bins)))
			}
		}
	}
	return d
}
