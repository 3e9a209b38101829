package refit

import (
	"math"

	"galen/hw/graph"
)

// RoundNearest rounds a float weight to the nearest integers of the given bits (1–8), symmetrically and with
// one scale per output channel. SquaredError chooses the scale that minimizes the squared error: clipping a
// few large weights makes the steps finer for all others. At one bit that scale is mean |w| (Rastegari et al.
// 2016, XNOR-Net). MinMax clips nothing.
//
// Scales are at least the given floor of their channel (nil: none).
func RoundNearest(workers Workers, w *graph.Weight, bits int, by Calibration, floor []float32) graph.Weight {
	per := w.Channel()
	q := graph.Weight{Shape: w.Shape, Bits: bits, Int: make([]int8, len(w.Float)), Scale: make([]float32, w.Shape[0])}
	workers.Each(len(q.Scale), func(o int) {
		filter := w.Float[o*per : (o+1)*per]
		if by == MinMax {
			q.Scale[o] = max(largest(filter)/float32(graph.WeightLimit(bits)), 1e-30)
		} else {
			q.Scale[o] = weightScale(filter, bits)
		}
		if floor != nil {
			q.Scale[o] = max(q.Scale[o], floor[o])
		}
		roundFilter(q.Int[o*per:(o+1)*per], filter, q.Scale[o], bits)
	})
	return q
}

// ScaleFloor is the least weight scale per output channel under which the bias takes
// at most 28 of the accumulator's 32 bits.
func ScaleFloor(bias []float32, inputScale float32) []float32 {
	if bias == nil {
		return nil
	}
	floor := make([]float32, len(bias))
	for o, b := range bias {
		floor[o] = max(b, -b) / (inputScale * (1 << 28))
	}
	return floor
}

// roundFilter rounds a filter to integers of the given scale.
func roundFilter(rounded []int8, filter []float32, scale float32, bits int) {
	if bits == 1 {
		for i, x := range filter {
			rounded[i] = 1
			if x < 0 {
				rounded[i] = -1
			}
		}
		return
	}
	inverse, limit := 1/scale, float32(graph.WeightLimit(bits))
	for i, x := range filter {
		rounded[i] = int8(roundEven(clamp(x*inverse, -limit, limit)))
	}
}

// weightScale is the scale under which a filter loses least, in squared error. It is
// never zero.
func weightScale(filter []float32, bits int) float32 {
	largest := largest(filter)
	if !(largest > math.SmallestNonzeroFloat32*(1<<24)) {
		return 1e-30
	}
	if bits == 1 {
		var sum float32
		for _, x := range filter {
			sum += max(x, -x)
		}
		return sum / float32(len(filter))
	}
	limit := float32(graph.WeightLimit(bits))
	// The grid spans the clipping points that can pay: with coarse steps, cutting off half
	// of the range does; with 8 bits hardly any.
	const candidates = 12
	lowest := 1 - 0.75*float32(math.Exp2(-float64(bits-2)/3))
	best, bestError := largest/limit, float32(math.Inf(1))
	for i := range candidates {
		clip := largest * (lowest + (1-lowest)*float32(i+1)/candidates)
		scale := clip / limit
		e, refined := weightError(filter, scale, limit)
		if e < bestError {
			best, bestError = scale, e
		}
		// The least-squares scale for this rounding can only be better; it is judged with
		// the rounding it brings about itself.
		if refined > 0 && refined != scale {
			if e, _ := weightError(filter, refined, limit); e < bestError {
				best, bestError = refined, e
			}
		}
	}
	return best
}

// largest is the largest magnitude.
func largest(numbers []float32) (most float32) {
	for _, x := range numbers {
		most = max(most, x, -x)
	}
	return most
}

// weightError is the squared error of rounding a filter with a scale, and the scale
// that fits the rounded integers best: Σ x·q / Σ q².
func weightError(filter []float32, scale, limit float32) (squared, refined float32) {
	inverse := 1 / scale
	var xq, qq float32
	for _, x := range filter {
		q := roundEven(clamp(x*inverse, -limit, limit))
		d := x - q*scale
		squared += d * d
		xq += x * q
		qq += q * q
	}
	if qq > 0 {
		refined = xq / qq
	}
	return squared, refined
}
