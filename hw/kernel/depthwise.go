package kernel

// Depthwise weights are packed [tap][ChannelStride(C)]: channels across lanes in both
// operands.

func packDepthwise[T int8 | float32](f filter, weight []T) []T {
	stride := ChannelStride(f.outC)
	packed := aligned[T](f.taps * stride)
	for c := range f.outC {
		for tap := range f.taps {
			packed[tap*stride+c] = weight[c*f.taps+tap]
		}
	}
	return packed
}

func (c *FloatConv) planDepthwise(weight []float32) {
	c.tiling = newTiling(c.window, 1, ChannelStride(c.filter.inC))
	c.weights = packDepthwise(c.filter, weight)
}

func (c *FloatConv) runDepthwise(out, in, residual []float32) {
	stride, taps := ChannelStride(c.filter.outC), c.filter.taps
	for p := range c.window.OutH * c.window.OutW {
		at := (1 + p) * stride
		y := out[at : at+stride]
		for j := 0; j < stride; j += portableWidth {
			var sums [portableWidth]float32
			copy(sums[:], c.bias[j:])
			depthwiseSums(&sums, in[j:], c.tiling.offsets[p*taps:(p+1)*taps], c.weights[j:], stride)
			for i, s := range sums {
				if residual != nil {
					s += residual[at+j+i]
				}
				y[j+i] = clamp(s, c.lo, c.hi)
			}
		}
	}
}

func (c *IntConv) planDepthwise(weight []int8) {
	c.tiling = newTiling(c.window, 1, ChannelStride(c.filter.inC))
	c.weights = packDepthwise(c.filter, weight)
}

func (c *IntConv) eachPixelDepthwise(in []uint8, end func(sums *[portableWidth]int32, at, channel int)) {
	stride, taps := ChannelStride(c.filter.outC), c.filter.taps
	var sums [portableWidth]int32
	for p := range c.window.OutH * c.window.OutW {
		for j := 0; j < stride; j += portableWidth {
			copy(sums[:], c.bias[j:])
			depthwiseSums(&sums, in[j:], c.tiling.offsets[p*taps:(p+1)*taps], c.weights[j:], stride)
			end(&sums, (1+p)*stride+j, j)
		}
	}
}

// depthwiseSums adds the products of four channels over all taps.
func depthwiseSums[X uint8 | float32, W int8 | float32, S int32 | float32](
	sums *[portableWidth]S, in []X, offsets []int32, w []W, stride int) {
	s0, s1, s2, s3 := sums[0], sums[1], sums[2], sums[3]
	for tap, offset := range offsets {
		x := in[offset:][:portableWidth]
		v := w[tap*stride:][:portableWidth]
		s0 += S(x[0]) * S(v[0])
		s1 += S(x[1]) * S(v[1])
		s2 += S(x[2]) * S(v[2])
		s3 += S(x[3]) * S(v[3])
	}
	*sums = [portableWidth]S{s0, s1, s2, s3}
}
