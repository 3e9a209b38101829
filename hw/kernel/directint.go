package kernel

import "unsafe"

// channelLaneInt has output channels across lanes: a pixel's input channels are broadcast in fours, or as many as an
// instruction multiplies, and meet the weights of a block of output channels. It computes any integer convolution.
type channelLaneInt struct {
	intLayer
	vector  *vector
	tiling  tiling
	blocks  []block
	weights []int8 // packed; wider integers in the same memory where the kernel wants them
}

func newChannelLaneInt(v *vector, s Shape, weight []int8, bias []int32, zero uint8) *channelLaneInt {
	c := &channelLaneInt{intLayer: newIntLayer(s, weight, bias, int32(zero)-v.intShift), vector: v}
	c.tiling = newTiling(s.Window, v.intPixels, s.inStride(), int32(zero) == v.intShift)
	c.packWeights(weight)
	c.joinTiles()
	return c
}

func (c *channelLaneInt) packWeights(weight []int8) {
	var size int
	c.blocks, size = c.shape.blocks(c.vector.intWidth, c.vector.intUnit())
	if c.vector.words {
		c.weights = packed[int8](2 * size)
		words := reinterpret[int16](c.weights)
		for _, b := range c.blocks {
			pack(c.shape, b, words[b.weights:], weight, 2, alternating)
		}
		return
	}
	c.weights = packed[int8](size)
	for _, b := range c.blocks {
		switch to := c.weights[b.weights:]; {
		case b.paired():
			pack(c.shape, b, to, weight, 8, inOrder)
		case c.vector.pairs:
			pack(c.shape, b, to, weight, 2, inOrder)
		case c.shape.Groups == 1:
			packFours(c.shape, b, reinterpret[uint32](to), weight)
		default:
			pack(c.shape, b, to, weight, 4, inOrder)
		}
	}
}

// joinTiles makes strips of tiles where tiles work along them, short since assembly can't be pre-empted.
func (c *channelLaneInt) joinTiles() {
	const products = 1 << 24 // less than 0.1 ms
	most := 1
	if c.vector.intStrips {
		depth := 4
		for _, b := range c.blocks {
			depth = max(depth, b.depth)
		}
		most = max(1, products/(c.vector.intPixels*c.vector.intWidth*depth*c.shape.Taps()))
	}
	c.tiling.join(most)
}

// RunUint8 has tiles requantize what they have summed and, where they work along strips, add the residual. They are
// called right here: a function in between, with as many arguments, shows in the time of small ones.
func (c *channelLaneInt) RunUint8(out, in []uint8, r *Requantize) {
	out, in = c.uint8Operands(out, in, r)
	if r.Residual != nil && !c.vector.intStrips {
		c.addToSums(out, in, r)
		return
	}
	var residual []uint8
	var add *float32
	if a := r.Residual; a != nil {
		s := scratches.Get().(*scratch)
		defer scratches.Put(s)
		s.add = r.addConstants()
		residual, add = a.Input, &s.add.lo
	}
	lo, hi := r.limits()
	t := c.tiling
	for _, b := range c.blocks {
		tiles := c.vector.intTiles(b)
		for _, i := range t.strips {
			at := (1+i.first)*c.stride + b.out
			tiles[i.pixels](i.count, t.offsetStep(i.tile), i.taps, b.depth, &in[b.in], c.weightsAt(b, i.tile), &out[at],
				t.at(i.tile), c.stride, &c.bias[b.out], &r.Scale[b.out], lo, hi, int32(r.Zero), optional(residual, at), add)
		}
	}
}

// addToSums is RunUint8 where tiles don't add the residual. It does without uint8End for the same reason.
func (c *channelLaneInt) addToSums(out, in []uint8, r *Requantize) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.add = r.addConstants()
	residual, stride := r.Residual.Input, c.stride
	c.eachTile(in, s, func(first, pixels, channel, channels int) {
		at := (1+first)*stride + channel
		c.vector.addSums(pixels, channels, &out[at], &s.sums[0], stride, &residual[at], &r.Scale[channel], &s.add.lo)
	})
}

// RunFloat rescales the sums of every tile.
func (c *channelLaneInt) RunFloat(out []float32, in []uint8, r Rescale) {
	out, in = c.floatOperands(out, in, r)
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	end := floatEnd{c.vector, s, out, c.stride, r}
	c.eachTile(in, s, end.tile)
	c.clearLanes(out, r)
}

// eachTile calls end with every tile's first pixel, pixels, first channel and channels, rounded
// up to whole vectors, having left its sums in s: zeros beyond the block.
func (c *channelLaneInt) eachTile(in []uint8, s *scratch, end func(first, pixels, channel, channels int)) {
	t, sums := c.tiling, (*uint8)(unsafe.Pointer(&s.sums[0]))
	for _, b := range c.blocks {
		tiles, channels := c.vector.intTiles(b), roundUp(b.width, lanes)
		if channels > b.width {
			clear(s.sums[:])
		}
		for _, i := range t.tiles {
			tiles[i.pixels](1, 0, i.taps, b.depth, &in[b.in], c.weightsAt(b, i), sums,
				t.at(i), channels*4, &c.bias[b.out], nil, 0, 0, 0, nil, nil)
			end(i.first, i.pixels, b.out, channels)
		}
	}
}

// weightsAt is where a block's weights for a tile's first tap begin.
func (c *channelLaneInt) weightsAt(b block, i tile) *int8 {
	at := b.weights + i.tap*b.depth*b.width
	if c.vector.words {
		at *= 2
	}
	return &c.weights[at]
}

// portableInt is the same in plain Go.
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
	c.eachPixel(in, func(sums [portableWidth]int32, at, channel int) { r.end(out, &sums, at, channel) })
}

func (c *portableInt) RunFloat(out []float32, in []uint8, r Rescale) {
	out, in = c.floatOperands(out, in, r)
	c.eachPixel(in, func(sums [portableWidth]int32, at, channel int) { r.end(out, &sums, at, channel) })
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
