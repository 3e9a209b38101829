package kernel

// FloatConv is a float convolution with bias, optional residual and clamp. It is
// immutable and safe for concurrent Runs.
type FloatConv struct {
	vector  *vector // nil: portable
	shape   Shape
	tiling  tiling
	blocks  []block
	rows    depthwiseRows
	weights []float32 // packed
	bias    []float32 // ChannelStride(outC) long
	lo, hi  float32
}

// NewFloatConv plans a convolution; bias may be nil. Results are clamped to [lo, hi]: 0 and +Inf
// make a ReLU, −Inf and +Inf nothing.
func NewFloatConv(isa ISA, s Shape, weight, bias []float32, lo, hi float32) *FloatConv {
	s.check()
	c := &FloatConv{vector: vectorOf(isa), shape: s, lo: lo, hi: hi}
	c.bias = Floats(s.outStride())
	copy(c.bias, bias)
	if c.shape.Depthwise() {
		c.planDepthwise(weight)
		return c
	}
	tile, width, unit := portableTile, portableWidth, 1
	if v := c.vector; v != nil {
		tile, width, unit = v.floatPixels, v.floatWidth, floatBytes
	}
	c.tiling = newTiling(s.Window, tile, unit*s.inStride(), c.vector != nil)
	var size int
	c.blocks, size = s.blocks(width, lanes)
	c.weights = packed[float32](size)
	for _, b := range c.blocks {
		if s.Groups == 1 {
			packOnes(s, b, c.weights[b.weights:], weight)
		} else {
			pack(s, b, c.weights[b.weights:], weight, 1, inOrder)
		}
	}
	return c
}

// Kernel names the arithmetic for people.
func (c *FloatConv) Kernel() string { return "fp32" }

// Run computes out = clamp(conv(in) + bias + residual). residual has out's layout;
// nil means none. It may be out itself.
func (c *FloatConv) Run(out, in, residual []float32) {
	out, in = out[:c.shape.outputSize()], in[:c.shape.inputSize()]
	if residual != nil {
		residual = residual[:len(out)]
	}
	switch {
	case c.shape.Depthwise():
		c.runDepthwise(out, in, residual)
	case c.vector != nil:
		c.runVector(out, in, residual)
	default:
		c.runPortable(out, in, residual)
	}
	if c.lo > 0 || c.hi < 0 {
		clearPadding(out, c.shape.OutC)
	}
}

// What a convolution reads again should stay in the second-level cache, in bytes: the weights of all blocks and, while
// they pass, a part of the image.
const (
	weightCache = 256 << 10
	imageCache  = 64 << 10
)

// runVector keeps a block's weights in the cache while pixels pass by: all of them or, if all weights fit the second-level
// cache, as many as fit beside them, so that the image comes from further away but once.
func (c *FloatConv) runVector(out, in, residual []float32) {
	tiles := c.tiling.tiles
	if len(c.blocks) == 1 || len(c.weights)*floatBytes > weightCache {
		c.runTiles(out, in, residual, tiles)
		return
	}
	bands := max(ceilDiv(len(in)*floatBytes, imageCache), 1)
	for i := range bands {
		c.runTiles(out, in, residual, tiles[len(tiles)*i/bands:len(tiles)*(i+1)/bands])
	}
}

func (c *FloatConv) runTiles(out, in, residual []float32, pixels []tile) {
	stride, t := c.shape.outStride(), c.tiling
	for _, b := range c.blocks {
		tiles := c.vector.float[b.width/lanes]
		for _, i := range pixels {
			at, weights := (1+i.first)*stride+b.out, b.weights+i.tap*b.depth*b.width
			tiles[i.pixels](i.taps, b.depth, &in[b.in], &c.weights[weights], &out[at],
				t.at(i), stride*floatBytes, &c.bias[b.out], optional(residual, at), c.lo, c.hi)
		}
	}
}

// optional is the address of an element, nil if there is no slice.
func optional[T any](s []T, i int) *T {
	if s == nil {
		return nil
	}
	return &s[i]
}

func (c *FloatConv) runPortable(out, in, residual []float32) {
	stride, t := c.shape.outStride(), c.tiling
	for _, b := range c.blocks {
		weights := c.weights[b.weights:]
		for _, i := range t.tiles {
			first, last := i.first, i.first+i.pixels
			var sums [portableTile][portableWidth]float32
			for p := range last - first {
				copy(sums[p][:], c.bias[b.out:])
			}
			accumulate(&sums, in[b.in:], t.offsets[first*t.taps:last*t.taps], t.taps, b.depth, weights)
			for p := first; p < last; p++ {
				at := (1+p)*stride + b.out
				for j, y := range sums[p-first] {
					if residual != nil {
						y += residual[at+j]
					}
					out[at+j] = clamp(y, c.lo, c.hi)
				}
			}
		}
	}
}

// clamp limits y to [lo, hi]; NaN stays NaN, so that divergence shows.
func clamp(y, lo, hi float32) float32 {
	if y < lo {
		return lo
	}
	if y > hi {
		return hi
	}
	return y
}

// clearPadding zeroes the lanes beyond the channels of all pixels but the first.
func clearPadding(buffer []float32, channels int) {
	stride := ChannelStride(channels)
	for i := stride; i < len(buffer); i += stride {
		clear(buffer[i+channels : i+stride])
	}
}
