package runtime

import "math"

// exp32 is eˣ to a relative error below 2⁻²²; 0 where that is below the normal numbers. It is several times
// as fast as math.Exp, which works in float64.
func exp32(x float32) float32 {
	const (
		highest = 88.72283
		lowest  = -87.33654
		ln2High = 0.693359375 // few bits, so that its multiples are exact
		ln2Low  = -2.12194440e-4
		magic   = 3 << 22 // float32 numbers near 1.5·2²³ are one apart
	)
	if !(x <= highest) {
		return float32(math.Exp(float64(x))) // infinity or NaN
	}
	if x < lowest {
		return 0
	}
	n := float32(x*math.Log2E+magic) - magic
	r := x - n*ln2High - n*ln2Low
	// eʳ for |r| ≤ ln2/2 by the polynomial of Cephes' expf.
	p := float32(1.9875691500e-4)
	p = p*r + 1.3981999507e-3
	p = p*r + 8.3334519073e-3
	p = p*r + 4.1665795894e-2
	p = p*r + 1.6666665459e-1
	p = p*r + 5.0000001201e-1
	p = p*r*r + r + 1
	// 2ⁿ in two factors: n may be 128.
	half := int32(n) >> 1
	return p * math.Float32frombits(uint32(127+half)<<23) * math.Float32frombits(uint32(127+int32(n)-half)<<23)
}
