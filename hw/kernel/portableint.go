package kernel

// portableInt is an integer convolution in plain Go.
type portableInt struct {
	intLayer
	tiling  tiling
	blocks  []block
	weights []int8 // packed
}

func newPortableInt(s Shape, weight []int8, bias []int32, zero uint8) *portableInt {
	c := &portableInt{intLayer: newIntLayer(s, weight, bias, int32(zero))}
	c.tiling = newTiling(s.Window, portableTile, s.inStride(), false)
	var size int
	c.blocks, size = s.blocks(portableWidth, lanes)
	c.weights = packed[int8](size)
	for _, b := range c.blocks {
		pack(s, b, c.weights[b.weights:], weight, 1, inOrder)
	}
	return c
}

func (c *portableInt) RunUint8(out, in []uint8, r *Requantize) {
	out, in = c.uint8Operands(out, in, r)
	c.eachPixel(in, func(sums [portableWidth]int32, at, channel int) { r.end(out, sums, at, channel) })
}

func (c *portableInt) RunFloat(out []float32, in []uint8, r Rescale) {
	out, in = c.floatOperands(out, in, r)
	c.eachPixel(in, func(sums [portableWidth]int32, at, channel int) { r.end(out, sums, at, channel) })
	c.clearLanes(out, r)
}

// eachPixel calls end with the sums of a block of channels of each pixel, the
// block's position in the output and its first channel.
func (c *portableInt) eachPixel(in []uint8, end func(sums [portableWidth]int32, at, channel int)) {
	t := c.tiling
	var sums [portableTile][portableWidth]int32
	for _, b := range c.blocks {
		weights := c.weights[b.weights:]
		for _, i := range t.tiles {
			first, last := i.first, i.first+i.pixels
			for p := range last - first {
				copy(sums[p][:], c.bias[b.out:])
			}
			accumulate(&sums, in[b.in:], t.offsets[first*t.taps:last*t.taps], t.taps, b.depth, weights)
			for p := first; p < last; p++ {
				end(sums[p-first], (1+p)*c.stride+b.out, b.out)
			}
		}
	}
}
