package kernel

// Which kernel computes a convolution, and why, is decided here, from its shape and the instruction set alone:
// weights are packed later, which takes longer.

// algorithm is a way to compute a convolution.
type algorithm int

const (
	channelLanes algorithm = iota // output channels across lanes, every pixel by itself: any convolution
	pixelLanes                    // sixteen pixels across lanes, every output channel by itself
	depthwise                     // channels across lanes, of activations and of weights
	bitSerial                     // ones are counted in planes of bits
	winograd                      // minimal filtering
)

// IntPlan is how an integer convolution will be computed.
type IntPlan struct {
	isa                   ISA
	shape                 Shape
	weightBits, inputBits int
	algorithm             algorithm
}

// PlanInt chooses the algorithm that computes an integer convolution fastest. The integers of its input have
// inputBits bits and the magnitudes of its weights are below 2^(weightBits−1), or 1 at one bit.
func PlanInt(isa ISA, s Shape, weightBits, inputBits int) IntPlan {
	s.check()
	s.checkStride()
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
	case pixelLanes:
		return newPixelLaneInt(v, p.shape, weight, bias, zero)
	case depthwise:
		if v == nil {
			return newPortableDepthwiseInt(p.shape, weight, bias, zero)
		}
		return newDepthwiseInt(v, p.shape, weight, bias, zero)
	case bitSerial:
		switch {
		case v == nil || !bitsSupported(p.isa, p.shape.InC):
			return newPortableBitConv(p, weight, bias, zero)
		case v.countsDigits():
			return newDigitConv(v, p, weight, bias, zero)
		}
		return newBitConv(v, p, weight, bias, zero)
	}
	if v == nil {
		return newPortableInt(p.shape, weight, bias, zero)
	}
	return newChannelLaneInt(v, p.shape, weight, bias, zero)
}

// FloatPlan is how a float convolution will be computed.
type FloatPlan struct {
	isa       ISA
	shape     Shape
	algorithm algorithm
	tile      int // the side of Winograd's tiles
}

// PlanFloat chooses the algorithm that computes a float convolution fastest. Without Winograd's transforms it is slower
// and more accurate, see [winogradConv].
func PlanFloat(isa ISA, s Shape, transforms bool) FloatPlan {
	s.check()
	p := FloatPlan{isa: isa, shape: s, algorithm: channelLanes}
	if s.Depthwise() {
		p.algorithm = depthwise
	} else if tile := winogradTile(isa, s); tile > 0 && transforms {
		p.algorithm, p.tile = winograd, tile
	}
	if !p.TakesNarrowPixels() {
		s.checkStride()
	}
	return p
}

// Kernel names the arithmetic for people.
func (p FloatPlan) Kernel() string {
	if p.algorithm == winograd {
		return "winograd"
	}
	return "fp32"
}

// Scratch is the number of scalars that a Run works in.
func (p FloatPlan) Scratch() int {
	if p.algorithm == winograd {
		return winogradScratch(p.shape, 1, p.tile)
	}
	return 0
}

// TakesNarrowPixels tells whether the pixels of the input may be less than [ChannelStride] apart, see [Shape].
func (p FloatPlan) TakesNarrowPixels() bool { return p.algorithm == channelLanes }

// New packs weights, OIHW, for the convolution. bias may be nil. Results are clamped to [lo, hi]: 0 and +Inf
// make a ReLU, −Inf and +Inf nothing.
func (p FloatPlan) New(weight, bias []float32, lo, hi float32) FloatConv {
	v, layer := vectorOf(p.isa), newFloatLayer(p.shape, bias, lo, hi)
	switch p.algorithm {
	case winograd:
		c := newWinograd(v, layer, 1, p.tile)
		c.packWeights(weight)
		return c
	case depthwise:
		switch {
		case v == nil:
			return newPortableDepthwiseFloat(layer, weight)
		case v.depthwiseTiles != nil:
			return newDepthwiseRows(v, layer, weight)
		}
		return newDepthwiseFloat(v, layer, weight)
	}
	if v == nil {
		c := newPortableFloat(layer)
		c.packWeights(weight)
		return c
	}
	c := newChannelLaneFloat(v, layer)
	c.packWeights(weight)
	return c
}
