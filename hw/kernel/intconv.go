package kernel

import "sync/atomic"

// IntConv is an integer convolution: uint8 activations times int8 weights, summed
// exactly in 32 bits (which wrap around, should they overflow). Its sums are of
// (x − inZero)·w; they end as uint8 or as float. It is immutable and safe for concurrent Runs.
type IntConv struct {
	vector  *vector // nil: portable
	shape   Shape
	tiling  tiling
	blocks  []block
	weights []int8                     // packed; wider integers in the same memory where the kernel wants them
	bias    []int32                    // ChannelStride(outC) long, with the zero point's share
	pixels  *pixelLanes                // the weights for RunUint8 in place of the above; nil: none
	inverse atomic.Pointer[reciprocal] // of the scale that pixels last divided by
	bits    *bitPlanes                 // the weights in place of the above; nil: none
}

// NewIntConv plans a convolution. bias is in the sums' units and may be nil. inZero is the
// integer that stands for 0 in the input; the padding pixel must hold it.
func NewIntConv(isa ISA, s Shape, weight []int8, bias []int32, inZero uint8) *IntConv {
	s.check()
	c := &IntConv{vector: vectorOf(isa), shape: s}
	shift := int32(0)
	if c.vector != nil && (!c.shape.Depthwise() || c.vector.depthwiseBytes) {
		shift = c.vector.intShift
	}
	c.setBias(weight, bias, int32(inZero)-shift)
	if c.shape.Depthwise() {
		c.planDepthwise(weight)
		return c
	}
	tile, width := portableTile, portableWidth
	if v := c.vector; v != nil {
		tile, width = v.intPixels, v.intWidth
	}
	c.tiling = newTiling(s.Window, tile, s.inStride(), c.vector != nil && int32(inZero) == shift)
	c.packWeights(width, weight)
	c.joinTiles(tile * width)
	if c.pixelLanesFit() && c.pixelsFaster() {
		c.planPixels(weight)
	}
	return c
}

// joinTiles makes strips of tiles of so many outputs, short since assembly can't be pre-empted.
func (c *IntConv) joinTiles(outputs int) {
	const products = 1 << 24 // less than 0.1 ms
	most := 1
	if c.vector != nil && c.vector.intStrips {
		depth := 4
		for _, b := range c.blocks {
			depth = max(depth, b.depth)
		}
		most = max(1, products/(outputs*depth*c.shape.Taps()))
	}
	c.tiling.join(most)
}

// setBias adds to a bias the share of what stands for 0 among the integers that the
// kernel multiplies.
func (c *IntConv) setBias(weight []int8, bias []int32, zero int32) {
	c.bias = aligned[int32](c.shape.outStride())
	copy(c.bias, bias)
	if zero == 0 {
		return
	}
	per := len(weight) / c.shape.OutC
	for o := range c.shape.OutC {
		sum := int32(0)
		for _, q := range weight[o*per : (o+1)*per] {
			sum += int32(q)
		}
		// Every tap reads a pixel, if only the padding one, so that
		// Σ(x−z)·w = Σx·w − z·Σw holds at the image's border too.
		c.bias[o] -= zero * sum
	}
}

// Kernel names the arithmetic for people.
func (c *IntConv) Kernel() string {
	if c.bits != nil {
		return "bits"
	}
	return "int8"
}

func (c *IntConv) packWeights(width int, weight []int8) {
	var size int
	c.blocks, size = c.shape.blocks(width, c.vector.intUnit())
	if c.vector != nil && c.vector.words {
		c.weights = packed[int8](2 * size)
		words := reinterpret[int16](c.weights)
		for _, b := range c.blocks {
			pack(c.shape, b, words[b.weights:], weight, 2, alternating)
		}
		return
	}
	unit := 4
	if c.vector == nil {
		unit = 1
	} else if c.vector.pairs {
		unit = 2
	}
	c.weights = packed[int8](size)
	for _, b := range c.blocks {
		if b.paired() {
			pack(c.shape, b, c.weights[b.weights:], weight, 8, inOrder)
		} else if unit == 4 && c.shape.Groups == 1 {
			packFours(c.shape, b, reinterpret[uint32](c.weights[b.weights:]), weight)
		} else {
			pack(c.shape, b, c.weights[b.weights:], weight, unit, inOrder)
		}
	}
}

// RunUint8 computes out = r(sums), see [Requantize].
func (c *IntConv) RunUint8(out, in []uint8, r *Requantize) {
	stride := c.shape.outStride()
	out = out[:c.shape.outputSize()]
	in = in[:c.inputSize()]
	_ = r.Scale[:stride]
	if r.Residual != nil {
		_ = r.Residual.Input[:len(out)]
	}
	if c.pixels != nil {
		if inverse, ok := c.pixelsEnd(r); ok {
			c.runPixels(out, in, r, inverse)
			return
		}
	}
	if c.vector != nil {
		c.vectorUint8(out, in, r)
		return
	}
	c.eachPixel(in, func(sums [portableWidth]int32, at, channel int) {
		for j, s := range sums {
			q := r.quantize(s, channel+j)
			if r.Residual != nil {
				q = r.add(q, r.Residual.Input[at+j])
			}
			out[at+j] = q
		}
	})
}

// RunFloat computes out = clamp(float32(sum)·scale[channel] + residual, lo, hi). scale
// is ChannelStride(outC) long and finite; residual has out's layout or is nil.
func (c *IntConv) RunFloat(out []float32, in []uint8, residual, scale []float32, lo, hi float32) {
	stride := c.shape.outStride()
	out = out[:c.shape.outputSize()]
	in = in[:c.inputSize()]
	scale = scale[:stride]
	if residual != nil {
		residual = residual[:len(out)]
	}
	if c.vector != nil {
		c.vectorFloat(out, in, residual, scale, lo, hi)
	} else {
		c.eachPixel(in, func(sums [portableWidth]int32, at, channel int) {
			for j, s := range sums {
				y := float32(float32(s) * scale[channel+j])
				if residual != nil {
					y += residual[at+j]
				}
				out[at+j] = clamp(y, lo, hi)
			}
		})
	}
	if lo > 0 || hi < 0 {
		clearPadding(out, c.shape.OutC)
	}
}

// eachPixel calls end with the sums of a block of channels of each pixel, the
// block's position in the output and its first channel.
func (c *IntConv) eachPixel(in []uint8, end func(sums [portableWidth]int32, at, channel int)) {
	switch {
	case c.bits != nil:
		c.eachPixelBits(in, end)
		return
	case c.shape.Depthwise():
		c.eachPixelDepthwise(in, end)
		return
	}
	stride, t := c.shape.outStride(), c.tiling
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
				end(sums[p-first], (1+p)*stride+b.out, b.out)
			}
		}
	}
}
