package kernel

// Depthwise weights are packed [tap][ChannelStride(C)]: channels across lanes in both
// operands.

// depthwiseTile is the most pixels that share the loads of weights.
const depthwiseTile = 4

func packDepthwise[D, W int8 | int32 | float32](s Shape, dst []D, weight []W) {
	stride, taps := s.outStride(), s.Taps()
	for c := range s.OutC {
		for tap := range taps {
			dst[tap*stride+c] = D(weight[c*taps+tap])
		}
	}
}

func (c *FloatConv) planDepthwise(weight []float32) {
	stride := c.shape.inStride()
	c.weights = packed[float32](c.shape.Taps() * stride)
	packDepthwise(c.shape, c.weights, weight)
	switch {
	case c.vector == nil:
		c.tiling = newTiling(c.shape.Window, 1, stride, false)
	case c.vector.depthwiseTiles == nil:
		c.tiling = newTiling(c.shape.Window, depthwiseTile, stride*floatBytes, false)
	default:
		c.rows = newDepthwiseRows(c.vector, c.shape.Window, stride)
	}
}

func (c *FloatConv) runDepthwise(out, in, residual []float32) {
	stride, t := c.shape.outStride(), c.tiling
	if c.rows.runs != nil {
		c.runDepthwiseRows(out, in, residual)
		return
	}
	for _, i := range t.tiles {
		at, offsets := (1+i.first)*stride, t.offsets[i.first*t.taps:]
		if c.vector != nil {
			c.vector.depthwiseFloat[i.pixels](t.taps, stride, &in[0], &c.weights[0], &out[at],
				&offsets[0], stride*floatBytes, stride*floatBytes, &c.bias[0], optional(residual, at), c.lo, c.hi)
			continue
		}
		for j := 0; j < stride; j += portableWidth {
			var sums [portableWidth]float32
			copy(sums[:], c.bias[j:])
			depthwiseSums(&sums, in[j:], offsets[:t.taps], c.weights[j:], stride)
			for k, y := range sums {
				if residual != nil {
					y += residual[at+j+k]
				}
				out[at+j+k] = clamp(y, c.lo, c.hi)
			}
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
