package kernel

// depthwiseFloat is a float convolution of each channel alone, tile by tile: channels lie across lanes, of activations
// and of weights. Where assembly goes along rows, [depthwiseRows] computes it.
type depthwiseFloat struct {
	floatLayer
	vector  *vector
	tiling  tiling
	weights []float32 // packed
}

func newDepthwiseFloat(v *vector, l floatLayer, weight []float32) *depthwiseFloat {
	c := &depthwiseFloat{floatLayer: l, vector: v, weights: packDepthwiseFloats(l.shape, weight)}
	c.tiling = newTiling(l.shape.Window, depthwiseTile, l.stride*floatBytes, false)
	return c
}

func (c *depthwiseFloat) Run(out, in, residual, _ []float32) {
	out, in, residual = c.operands(1, out, in, residual)
	t := c.tiling
	for _, i := range t.tiles {
		at := (1 + i.first) * c.stride
		c.vector.depthwiseFloat[i.pixels](t.taps, c.stride, &in[0], &c.weights[0], &out[at],
			t.at(i), c.stride*floatBytes, c.stride*floatBytes, &c.bias[0], optional(residual, at), c.lo, c.hi)
	}
	c.clearLanes(out)
}

// portableDepthwiseFloat is the same in plain Go.
type portableDepthwiseFloat struct {
	floatLayer
	tiling  tiling
	weights []float32 // packed
}

func newPortableDepthwiseFloat(l floatLayer, weight []float32) *portableDepthwiseFloat {
	c := &portableDepthwiseFloat{floatLayer: l, weights: packDepthwiseFloats(l.shape, weight)}
	c.tiling = newTiling(l.shape.Window, 1, l.stride, false)
	return c
}

func (c *portableDepthwiseFloat) Run(out, in, residual, _ []float32) {
	out, in, residual = c.operands(1, out, in, residual)
	taps := c.tiling.taps
	for p := range c.shape.OutH * c.shape.OutW {
		offsets := c.tiling.offsets[p*taps:][:taps]
		for j := 0; j < c.stride; j += portableWidth {
			var sums [portableWidth]float32
			copy(sums[:], c.bias[j:])
			depthwiseSums(&sums, in[j:], offsets, c.weights[j:], c.stride)
			at := (1+p)*c.stride + j
			for k, y := range sums {
				if residual != nil {
					y += residual[at+k]
				}
				out[at+k] = clamp(y, c.lo, c.hi)
			}
		}
	}
	c.clearLanes(out)
}

func packDepthwiseFloats(s Shape, weight []float32) []float32 {
	to := packed[float32](s.Taps() * s.outStride())
	packDepthwise(s, to, weight)
	return to
}
