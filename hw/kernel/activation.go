package kernel

import "math"

// Function is an activation function that Activate computes a vector at a time.
type Function int

const (
	Sigmoid     Function = iota // 1/(1+e⁻ˣ)
	Silu                        // x/(1+e⁻ˣ)
	Tanh                        //
	HardSigmoid                 // alpha·x+beta, limited to [0, 1]
	HardSwish                   // x·(x+3 limited to [0, 6])/6
	LeakyRelu                   // x, but alpha·x below 0
	functions   = iota
)

// Activation is a function with its parameters; those that have none ignore them.
type Activation struct {
	Function    Function
	Alpha, Beta float32
}

// Activate computes out = f(in) over len(out) scalars; out may be in itself. Relative errors are below 2⁻²² for Sigmoid
// and SiLU and 2⁻²¹ for Tanh where |x| ≤ 86 and the result is a normal number; further out, Sigmoid and Tanh have absolute
// errors below 2⁻²⁴. Within these bounds instruction sets differ; they give the same numbers for the other
// functions.
func Activate(isa ISA, a Activation, out, in []float32) {
	in = in[:len(out)]
	done := 0
	if v := vectorOf(isa); v != nil && v.activations[a.Function] != nil {
		f := v.activations[a.Function]
		done = v.cover(len(out), func(i, n int) { f(n, &out[i], &in[i], a.Alpha, a.Beta) })
	}
	for i, x := range in[done:] {
		out[done+i] = a.Of(x)
	}
}

// Of is the function of one number. Conversions keep products from being fused into sums, which would round
// otherwise.
func (a Activation) Of(x float32) float32 {
	switch a.Function {
	case Sigmoid:
		return 1 / (1 + exponential(limited(-x, expLowest, expHighest)))
	case Silu:
		return x / (1 + exponential(limited(-x, expLowest, expHighest)))
	case Tanh:
		return tanh(x)
	case HardSigmoid:
		return limited(float32(a.Alpha*x)+a.Beta, 0, 1)
	case HardSwish:
		return x * float32(limited(x+3, 0, 6)*(1./6))
	case LeakyRelu:
		return max(x, 0) + float32(a.Alpha*min(x, 0))
	}
	panic("kernel: unknown activation function")
}

// limited is clamp in the order of the vector instructions.
func limited(x, lo, hi float32) float32 { return min(max(x, lo), hi) }

// Where exponential is accurate and neither overflows nor loses bits.
const (
	expLowest  = -86
	expHighest = 88
)

// exponential is eˣ for x from expLowest to expHighest to a relative error below 2⁻²²; NaN stays NaN. With
// x = n·ln 2 + r, eʳ follows from the polynomial of Cephes' expf and 2ⁿ goes into the exponent's bits.
func exponential(x float32) float32 {
	const (
		ln2High = 0.693359375 // few bits, so that its multiples are exact
		ln2Low  = -2.12194440e-4
		magic   = 3 << 22 // float32 numbers near 1.5·2²³ are one apart
	)
	n := float32(float32(x*math.Log2E)+magic) - magic
	x -= float32(n * ln2High)
	x -= float32(n * ln2Low)
	y := float32(x * 1.9875691500e-4)
	y = float32((y + 1.3981999507e-3) * x)
	y = float32((y + 8.3334519073e-3) * x)
	y = float32((y + 4.1665795894e-2) * x)
	y = float32((y + 1.6666665459e-1) * x)
	y = float32(float32((y+5.0000001201e-1)*x) * x)
	y = y + x + 1
	return math.Float32frombits(math.Float32bits(y) + uint32(int32(n))<<23)
}

// tanh keeps small numbers, of which the difference of exponentials would cancel, to the
// polynomial of Cephes' tanhf.
func tanh(x float32) float32 {
	if x > -0.625 && x < 0.625 {
		z := float32(x * x)
		y := float32(z * -5.70498872745e-3)
		y = float32((y + 2.06390887954e-2) * z)
		y = float32((y - 5.37397155531e-2) * z)
		y = float32((y + 1.33314422036e-1) * z)
		y = float32((y - 3.33332819422e-1) * z)
		return float32(y*x) + x
	}
	return 1 - 2/(exponential(limited(x+x, expLowest, expHighest))+1)
}
