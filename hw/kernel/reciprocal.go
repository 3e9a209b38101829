package kernel

import "math"

// reciprocal replaces the division by a number: x·high + x·low, where the first product is exact until the sum is
// rounded and the second is rounded before, is nearly always the float32 nearest to x/of.
type reciprocal struct {
	of, high, low float32
	exact         bool // roundHalfEven of both is the same for all x, where it is within ±256
}

// newReciprocal finds a number's reciprocal. high + low differ from it by less than 2⁻⁴⁷ of it, and so does their sum of products,
// before it is rounded, from x/of by less than 2⁻⁴⁶: the nearest float32 is another one only if the middle
// between two of them is as close. That matters to integers only beside a half, and the only x that may come so close to a
// middle m is the float32 nearest to m·of.
func newReciprocal(of float32) *reciprocal {
	const least, most, halves, close = 1.0 / (1 << 30), 1 << 30, 256, 1.0 / (1 << 44)
	inverse := 1 / float64(of)
	r := &reciprocal{of: of, high: float32(inverse)}
	r.low = float32(inverse - float64(r.high))
	if !(of >= least && of <= most) {
		return r
	}
	for k := range halves {
		half := float32(k) + 0.5
		for _, toward := range []float32{0, halves} {
			middle := (float64(half) + float64(math.Nextafter32(half, toward))) / 2
			x := middle * float64(of) // 25 times 24 bits
			if math.Abs(float64(float32(x))-x) < close*x {
				return r
			}
		}
	}
	r.exact = true
	return r
}
