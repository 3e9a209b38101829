package kernel

// IntConv is an integer convolution: uint8 activations times int8 weights, summed
// exactly in 32 bits (which wrap around, should they overflow). Its sums are of
// (x − zero)·w; they end as uint8 or as float. It is immutable and safe for concurrent Runs.
type IntConv interface {
	// RunUint8 computes out = r(sums), see [Requantize].
	RunUint8(out, in []uint8, r *Requantize)
	// RunFloat computes out = r(sums), see [Rescale].
	RunFloat(out []float32, in []uint8, r Rescale)
}

// intLayer is what every algorithm knows of an integer convolution.
type intLayer struct {
	shape           Shape
	stride          int     // scalars per output pixel
	inputs, outputs int     // scalars per image
	bias            []int32 // stride long, with the zero point's share
}

// newIntLayer adds to the bias the share of what stands for 0 among the integers that a kernel
// multiplies.
func newIntLayer(s Shape, weight []int8, bias []int32, zero int32) intLayer {
	l := intLayer{shape: s, stride: s.outStride(), inputs: s.inputSize(), outputs: s.outputSize()}
	l.bias = aligned[int32](l.stride)
	copy(l.bias, bias)
	if zero == 0 {
		return l
	}
	per := len(weight) / s.OutC
	for o := range s.OutC {
		sum := int32(0)
		for _, q := range weight[o*per : (o+1)*per] {
			sum += int32(q)
		}
		// Every tap reads a pixel, if only the padding one, so that
		// Σ(x−z)·w = Σx·w − z·Σw holds at the image's border too.
		l.bias[o] -= zero * sum
	}
	return l
}
