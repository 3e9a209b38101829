package kernel

import (
	"fmt"
	"math"
)

// winogradConv is a float convolution with a 3×3 kernel at stride 1 in one group, computed by minimal
// filtering (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks"): tiles of
// m×m output pixels cost (m+2)² multiplications a channel pair in place of 9·m².
//
// Transforms add before they multiply, which costs accuracy where sums cancel. With A, B
// and G the transforms of output, input and weights, the error of an output is at most
//
//	(C+16)·2⁻²⁴ · (|A|ᵀ·(Σ (|G|·|w|·|G|ᵀ) ⊙ (|B|ᵀ·|x|·|B|))·|A| + |bias| + |residual|)
//
// for sums over C input channels, C rounded up to 4.
type winogradConv struct {
	floatLayer
	vector  *vector // nil: portable
	images  int     // at a time
	tile    int     // m
	batch   int     // most tiles whose transforms are kept at a time
	tiles   int     // in all
	inputs  []int32 // [tile][(m+2)²] offset of each pixel of a tile's window
	outputs []int32 // [tile][m²] offset of each output pixel; −1 outside the image
	rows    []int32 // offsets of tiles within a plane
	blocks  []block
	plane   int       // weights per plane
	weights []float32 // [(m+2)²] planes, packed
	none    []float32 // the bias of products
}

// winogradCache bounds what a batch of tiles takes, in bytes: it should stay in the
// second-level cache from transform to transform.
const winogradCache = 512 << 10

// newWinograd plans a convolution of so many images by tiles of tile×tile output pixels, 2 or 4, whose weights are still
// to be packed.
func newWinograd(v *vector, l floatLayer, images, tile int) *winogradConv {
	if tile != 2 && tile != 4 || !l.shape.minimal() {
		panic(fmt.Sprintf("kernel: no Winograd convolution for tiles of %d and %+v", tile, l.shape))
	}
	c := &winogradConv{floatLayer: l, vector: v, images: images, tile: tile}
	if v != nil && v.winograd[tile].input == nil {
		c.vector = nil
	}
	c.tiles, c.batch = winogradTiles(l.shape, images, tile)
	c.none = Floats(2 * lanes)
	c.locate()
	width := portableWidth
	if c.vector != nil {
		width = c.vector.floatWidth
	}
	plane := l.shape
	plane.Kernel = [2]int{1, 1}
	var size int
	c.blocks, size = plane.blocks(width, lanes)
	c.plane = oddLines(size)
	c.weights = packed[float32]((tile + 2) * (tile + 2) * c.plane)
	return c
}

// minimal tells whether the transforms apply.
func (s Shape) minimal() bool {
	return s.Groups == 1 && s.Kernel == [2]int{3, 3} && s.Stride == [2]int{1, 1} && s.Dilation == [2]int{1, 1}
}

// winogradTiles is the number of tiles and how many of them make a batch.
func winogradTiles(s Shape, images, tile int) (tiles, batch int) {
	height := 12 // the most rows of a float tile
	if images > 1 {
		height = winogradShared
	}
	tiles = images * ceilDiv(s.OutH, tile) * ceilDiv(s.OutW, tile)
	fit := winogradCache / ((tile + 2) * (tile + 2) * floatBytes * (s.inStride() + s.outStride()))
	return tiles, ceilDiv(tiles, ceilDiv(tiles, max(fit, height)))
}

// planeStride is the distance between planes of a batch.
func planeStride(batch, stride int) int { return oddLines(batch * stride) }

// oddLines rounds up to an odd number of cache lines: at such a distance, what belongs
// together does not compete for the same places in the caches.
func oddLines(floats int) int { return (floats+lanes-1)/(2*lanes)*2*lanes + lanes }

// winogradScratch is the number of scalars that a run works in.
func winogradScratch(s Shape, images, tile int) int {
	n := (tile + 2) * (tile + 2)
	_, batch := winogradTiles(s, images, tile)
	return n * (lanes + planeStride(batch, s.inStride()) + planeStride(batch, s.outStride()))
}

// locate fills the tables of offsets.
func (c *winogradConv) locate() {
	w, m, unit := c.shape, c.tile, 1
	if c.vector != nil {
		unit = floatBytes
	}
	in, out := w.inStride(), w.outStride()
	inImage, outImage := w.inputSize(), w.outputSize()
	if c.images*max(inImage, outImage)*unit > math.MaxInt32 {
		panic(fmt.Sprintf("kernel: a convolution of %d×%d pixels of %d channels exceeds what offsets can reach",
			w.InH, w.InW, w.InC))
	}
	for y := 0; y < w.OutH; y += m {
		for x := 0; x < w.OutW; x += m {
			for i := y - w.Top; i < y-w.Top+m+2; i++ {
				for j := x - w.Left; j < x-w.Left+m+2; j++ {
					pixel := 0
					if i >= 0 && i < w.InH && j >= 0 && j < w.InW {
						pixel = 1 + i*w.InW + j
					}
					c.inputs = append(c.inputs, int32(pixel*in*unit))
				}
			}
			for i := y; i < y+m; i++ {
				for j := x; j < x+m; j++ {
					offset := -1
					if i < w.OutH && j < w.OutW {
						offset = (1 + i*w.OutW + j) * out * unit
					}
					c.outputs = append(c.outputs, int32(offset))
				}
			}
		}
	}
	perImage := [2]int{len(c.inputs), len(c.outputs)}
	for i := 1; i < c.images; i++ {
		for _, offset := range c.inputs[:perImage[0]] {
			if offset > 0 { // every image can do with the first one's padding pixel
				offset += int32(i * inImage * unit)
			}
			c.inputs = append(c.inputs, offset)
		}
		for _, offset := range c.outputs[:perImage[1]] {
			if offset >= 0 {
				offset += int32(i * outImage * unit)
			}
			c.outputs = append(c.outputs, offset)
		}
	}
	for t := range c.batch {
		c.rows = append(c.rows, int32(t*in*unit))
	}
}

func (c *winogradConv) packWeights(weight []float32) {
	for block := range c.blocks {
		c.packBlock(block, weight)
	}
}

// packBlock transforms a block's weights (of all of them, OIHW) and packs each plane of them
// as [depth][width].
func (c *winogradConv) packBlock(block int, weight []float32) {
	n := (c.tile + 2) * (c.tile + 2)
	transform := weights2
	if c.tile == 4 {
		transform = weights4
	}
	var row [36][2 * lanes]float32 // of one input channel: whole cache lines to write at once
	b := c.blocks[block]
	width := min(b.width, c.shape.OutC-b.out)
	for k := range min(b.depth, c.shape.InC) {
		for o := range width {
			transform(&row, o, (*[9]float32)(weight[((b.out+o)*c.shape.InC+k)*9:]))
		}
		for p := range n {
			copy(c.weights[p*c.plane+b.weights+k*b.width:], row[p][:max(width, 0)])
		}
	}
}

func (c *winogradConv) Run(out, in, residual, scratch []float32) {
	c.run(1, out, in, residual, scratch)
}

// run convolves so many images, at most as many as planned.
func (c *winogradConv) run(images int, out, in, residual, scratch []float32) {
	out, in, residual = c.operands(images, out, in, residual)
	s, n := &c.shape, (c.tile+2)*(c.tile+2)
	inPlane, outPlane := planeStride(c.batch, s.inStride()), planeStride(c.batch, c.stride)
	temporary, scratch := scratch[:n*lanes], scratch[n*lanes:]
	transformed, products := scratch[:n*inPlane], scratch[n*inPlane:][:n*outPlane]
	tiles := c.tiles / c.images * images
	for first := 0; first < tiles; first += c.batch {
		count := min(c.batch, tiles-first)
		c.transformInputs(transformed, in, temporary, first, count, inPlane)
		c.multiply(products, transformed, count, inPlane, outPlane)
		c.transformOutputs(out, products, residual, temporary, first, count, outPlane)
	}
	c.clearLanes(out)
}

func (c *winogradConv) transformInputs(planes, in, temporary []float32, first, count, plane int) {
	n, stride := (c.tile+2)*(c.tile+2), c.shape.inStride()
	for t := range count {
		offsets := c.inputs[(first+t)*n:][:n]
		if c.vector == nil {
			transformInput(c.tile, stride, planes[t*stride:], plane, in, offsets)
			continue
		}
		c.vector.winograd[c.tile].input(stride, &in[0], &planes[t*stride], &offsets[0], plane*floatBytes, &temporary[0])
	}
}

func (c *winogradConv) transformOutputs(out, planes, residual, temporary []float32, first, count, plane int) {
	n, stride := c.tile*c.tile, c.stride
	for t := range count {
		offsets := c.outputs[(first+t)*n:][:n]
		if c.vector == nil {
			c.transformOutput(out, planes[t*stride:], residual, plane, offsets)
			continue
		}
		c.vector.winograd[c.tile].output(stride, &planes[t*stride], &out[0], &offsets[0], plane*floatBytes,
			&c.bias[0], optional(residual, 0), c.lo, c.hi, &temporary[0])
	}
}

// multiply computes every plane's products, [tiles][outC] = [tiles][inC]·[inC][outC].
func (c *winogradConv) multiply(products, transformed []float32, count, inPlane, outPlane int) {
	in, out := c.shape.inStride(), c.stride
	height := portableTile
	if c.vector != nil {
		height = c.vector.floatPixels
	}
	runs := ceilDiv(count, height)
	for p := range (c.tile + 2) * (c.tile + 2) {
		for _, b := range c.blocks {
			weights := c.weights[p*c.plane+b.weights:]
			for r := range runs {
				first := count * r / runs
				rows := count*(r+1)/runs - first
				src, dst := transformed[p*inPlane+first*in:], products[p*outPlane+first*out+b.out:]
				if c.vector == nil {
					var sums [portableTile][portableWidth]float32
					accumulate(&sums, src, c.rows[:rows], 1, b.depth, weights)
					for i := range rows {
						copy(dst[i*out:], sums[i][:])
					}
					continue
				}
				c.vector.float[b.width/lanes][rows](1, b.depth, &src[0], &weights[0], &dst[0], &c.rows[0],
					out*floatBytes, &c.none[0], nil, float32(math.Inf(-1)), float32(math.Inf(1)))
			}
		}
	}
}
