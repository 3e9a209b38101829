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

// IntPlan is how an integer convolution will be computed. [PlanInt] makes it.
type IntPlan struct {
	isa                   ISA
	shape                 Shape
	weightBits, inputBits int
	algorithm             intAlgorithm
}

type intAlgorithm int

const (
	channelLanes intAlgorithm = iota // output channels across lanes, every pixel by itself
	pixelLanes                       // sixteen pixels across lanes, every output channel by itself
	depthwise                        // channels across lanes, of activations and of weights
	bitSerial                        // ones are counted in planes of bits
)

// PlanInt chooses the algorithm that computes an integer convolution fastest. The integers of its input have
// inputBits bits and the magnitudes of its weights are below 2^(weightBits−1), or 1 at one bit.
func PlanInt(isa ISA, s Shape, weightBits, inputBits int) IntPlan {
	s.check()
	p := IntPlan{isa, s, weightBits, inputBits, channelLanes}
	switch {
	case s.Depthwise():
		// No product has another channel to be added to, so that nothing is broadcast.
		p.algorithm = depthwise
	case bitsFaster(isa, s, weightBits, inputBits):
		// Few pairs of planes cost less than a multiplication.
		p.algorithm = bitSerial
	case pixelLanesFit(isa, s) && pixelLanesFaster(s):
		// Few output channels would leave most lanes empty.
		p.algorithm = pixelLanes
	}
	return p
}

// Kernel names the arithmetic for people.
func (p IntPlan) Kernel() string {
	if p.algorithm == bitSerial {
		return "bits"
	}
	return "int8"
}

// ReadsBits tells whether the convolution's input is what [PackBits] makes of an activation buffer.
func (p IntPlan) ReadsBits() bool { return p.algorithm == bitSerial }

// New packs weights, OIHW, for the convolution. bias is in the sums' units and may be nil. zero is the
// integer that stands for 0 in the input; the padding pixel must hold it.
func (p IntPlan) New(weight []int8, bias []int32, zero uint8) IntConv {
	v := vectorOf(p.isa)
	switch p.algorithm {
	case depthwise:
		if v == nil {
			return newPortableDepthwiseInt(p.shape, weight, bias, zero)
		}
		return newDepthwiseInt(v, p.shape, weight, bias, zero)
	case bitSerial:
		switch {
		case !bitsSupported(p.isa, p.shape.InC) || v == nil:
			return newPortableBitConv(p, weight, bias, zero)
		case v.countsDigits():
			return newDigitConv(v, p, weight, bias, zero)
		}
		return newBitConv(v, p, weight, bias, zero)
	case pixelLanes:
		return newPixelLaneConv(v, p.shape, weight, bias, zero)
	}
	if v == nil {
		return newPortableInt(p.shape, weight, bias, zero)
	}
	return newChannelLaneConv(v, p.shape, weight, bias, zero)
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
