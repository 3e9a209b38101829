package kernel

// depthwiseInt is an integer convolution of each channel alone: channels lie across lanes, of activations and of
// weights.
type depthwiseInt struct {
	intLayer
	vector  *vector
	tiling  tiling
	weights []int8 // packed; 32-bit integers in the same memory where the kernel wants them
}

func newDepthwiseInt(v *vector, s Shape, weight []int8, bias []int32, zero uint8) *depthwiseInt {
	shift, width := int32(0), 4
	if v.depthwiseBytes {
		shift, width = v.intShift, 1
	}
	c := &depthwiseInt{intLayer: newIntLayer(s, weight, bias, int32(zero)-shift), vector: v}
	c.tiling = newTiling(s.Window, depthwiseTile, c.stride, false)
	c.weights = packed[int8](width * s.Taps() * c.stride)
	if v.depthwiseBytes {
		packDepthwise(s, c.weights, weight)
	} else {
		packDepthwise(s, reinterpret[int32](c.weights), weight)
	}
	return c
}

func (c *depthwiseInt) RunUint8(out, in []uint8, r *Requantize) {
	out, in = c.uint8Operands(out, in, r)
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	end := newUint8End(c.vector, s, out, c.stride, r)
	c.eachTile(in, s, end.tile)
}

func (c *depthwiseInt) RunFloat(out []float32, in []uint8, r Rescale) {
	out, in = c.floatOperands(out, in, r)
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	end := floatEnd{c.vector, s, out, c.stride, r}
	c.eachTile(in, s, end.tile)
	c.clearLanes(out, r)
}

// eachTile calls end as channelLaneInt's does.
func (c *depthwiseInt) eachTile(in []uint8, s *scratch, end func(first, pixels, channel, channels int)) {
	const atOnce = scratchSums / depthwiseTile / lanes * lanes
	t, width := c.tiling, 4
	if c.vector.depthwiseBytes {
		width = 1
	}
	for _, i := range t.tiles {
		for channel := 0; channel < c.stride; channel += atOnce {
			channels := min(atOnce, c.stride-channel)
			c.vector.depthwiseInt[i.pixels](t.taps, channels, &in[channel], &c.weights[width*channel], &s.sums[0],
				t.at(i), 4*channels, width*c.stride, &c.bias[channel])
			end(i.first, i.pixels, channel, channels)
		}
	}
}

// portableDepthwiseInt is the same in plain Go.
type portableDepthwiseInt struct {
	intLayer
	tiling  tiling
	weights []int8 // packed
}

func newPortableDepthwiseInt(s Shape, weight []int8, bias []int32, zero uint8) *portableDepthwiseInt {
	c := &portableDepthwiseInt{intLayer: newIntLayer(s, weight, bias, int32(zero))}
	c.tiling = newTiling(s.Window, 1, c.stride, false)
	c.weights = packed[int8](s.Taps() * c.stride)
	packDepthwise(s, c.weights, weight)
	return c
}

func (c *portableDepthwiseInt) RunUint8(out, in []uint8, r *Requantize) {
	out, in = c.uint8Operands(out, in, r)
	c.eachPixel(in, func(sums [portableWidth]int32, at, channel int) { r.end(out, &sums, at, channel) })
}

func (c *portableDepthwiseInt) RunFloat(out []float32, in []uint8, r Rescale) {
	out, in = c.floatOperands(out, in, r)
	c.eachPixel(in, func(sums [portableWidth]int32, at, channel int) { r.end(out, &sums, at, channel) })
	c.clearLanes(out, r)
}

// eachPixel calls end as portableInt's does.
func (c *portableDepthwiseInt) eachPixel(in []uint8, end func(sums [portableWidth]int32, at, channel int)) {
	taps := c.tiling.taps
	var sums [portableWidth]int32
	for p := range c.shape.OutH * c.shape.OutW {
		for j := 0; j < c.stride; j += portableWidth {
			copy(sums[:], c.bias[j:])
			depthwiseSums(&sums, in[j:], c.tiling.offsets[p*taps:(p+1)*taps], c.weights[j:], c.stride)
			end(sums, (1+p)*c.stride+j, j)
		}
	}
}
