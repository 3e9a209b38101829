package kernel

// channelLaneFloat has output channels across lanes: a pixel's input channels are broadcast one by one and meet the
// weights of a block of output channels. It computes any float convolution.
type channelLaneFloat struct {
	directFloat
	vector *vector
}

func newChannelLaneFloat(v *vector, l floatLayer) *channelLaneFloat {
	c := &channelLaneFloat{directFloat{floatLayer: l}, v}
	c.tiling = newTiling(l.shape.Window, v.floatPixels, floatBytes*l.shape.inStride(), true)
	c.layOut(v.floatWidth)
	return c
}

// What a convolution reads again should stay in the second-level cache, in bytes: the weights of all blocks and, while
// they pass, a part of the image.
const (
	weightCache = 256 << 10
	imageCache  = 64 << 10
)

// Run keeps a block's weights in the cache while pixels pass by: all of them or, if all weights fit the second-level
// cache, as many as fit beside them, so that the image comes from further away but once.
func (c *channelLaneFloat) Run(out, in, residual, _ []float32) {
	out, in, residual = c.operands(1, out, in, residual)
	tiles, bands := c.tiling.tiles, 1
	if len(c.blocks) > 1 && len(c.weights)*floatBytes <= weightCache {
		bands = max(ceilDiv(len(in)*floatBytes, imageCache), 1)
	}
	for i := range bands {
		c.runTiles(out, in, residual, tiles[len(tiles)*i/bands:len(tiles)*(i+1)/bands])
	}
	c.clearLanes(out)
}

func (c *channelLaneFloat) runTiles(out, in, residual []float32, pixels []tile) {
	t := c.tiling
	for _, b := range c.blocks {
		tiles := c.vector.float[b.width/lanes]
		for _, i := range pixels {
			at, weights := (1+i.first)*c.stride+b.out, b.weights+i.tap*b.depth*b.width
			tiles[i.pixels](i.taps, b.depth, &in[b.in], &c.weights[weights], &out[at],
				t.at(i), c.stride*floatBytes, &c.bias[b.out], optional(residual, at), c.lo, c.hi)
		}
	}
}

// portableFloat is the same in plain Go.
type portableFloat struct{ directFloat }

func newPortableFloat(l floatLayer) *portableFloat {
	c := &portableFloat{directFloat{floatLayer: l}}
	c.tiling = newTiling(l.shape.Window, portableTile, l.shape.inStride(), false)
	c.layOut(portableWidth)
	return c
}

func (c *portableFloat) Run(out, in, residual, _ []float32) {
	out, in, residual = c.operands(1, out, in, residual)
	t := c.tiling
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
				at := (1+p)*c.stride + b.out
				for j, y := range sums[p-first] {
					if residual != nil {
						y += residual[at+j]
					}
					out[at+j] = clamp(y, c.lo, c.hi)
				}
			}
		}
	}
	c.clearLanes(out)
}

// directFloat is what both have: tiles of pixels, and weights in blocks of output channels.
type directFloat struct {
	floatLayer
	tiling  tiling
	blocks  []block
	weights []float32 // packed
}

// layOut makes room for weights, in blocks of so many output channels.
func (c *directFloat) layOut(width int) {
	var size int
	c.blocks, size = c.shape.blocks(width, lanes)
	c.weights = packed[float32](size)
}

func (c *directFloat) packWeights(weight []float32) {
	for i, b := range c.blocks {
		if c.shape.Groups == 1 {
			packOnes(c.shape, b, c.weights[b.weights:], weight)
		} else {
			c.packBlock(i, weight)
		}
	}
}

// packBlock packs a block's part of the weights in memory that is there.
func (c *directFloat) packBlock(i int, weight []float32) {
	b := c.blocks[i]
	pack(c.shape, b, c.weights[b.weights:], weight, 1, inOrder)
}
