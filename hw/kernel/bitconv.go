package kernel

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// bitConv is an integer convolution in one group by counting ones. Its input, see [PackBits], and its weights are taken
// apart into bits:
//
//	Σ x·w = Σᵢ Σⱼ ±2^(i+j) · ones(xᵢ AND wⱼ)
//
// over the planes i of the activations and j of the weights, in two's complement: the last
// of these counts negative. Output channels lie across lanes. Where three operands meet in one instruction, [digitConv]
// needs fewer planes.
type bitConv struct {
	bitLayer
	vector *vector
}

func newBitConv(v *vector, p IntPlan, weight []int8, bias []int32, zero uint8) *bitConv {
	c := &bitConv{bitLayer: newBitLayer(p, weight, bias, zero), vector: v}
	c.tile(v.bitPixels, zero == 0)
	c.layOut(v.bitWidth, weightPlanes(v, p.weightBits), 1)
	c.packWeights(weight)
	return c
}

func (c *bitConv) RunUint8(out, in []uint8, r *Requantize) {
	out, in = c.uint8Operands(out, in, r)
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	end := newUint8End(c.vector, s, out, c.stride, r)
	c.eachTile(in, s, end.tile)
}

func (c *bitConv) RunFloat(out []float32, in []uint8, r Rescale) {
	out, in = c.floatOperands(out, in, r)
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	end := floatEnd{c.vector, s, out, c.stride, r}
	c.eachTile(in, s, end.tile)
	c.clearLanes(out, r)
}

// eachTile calls end as channelLaneInt's does.
func (c *bitConv) eachTile(in []uint8, s *scratch, end func(first, pixels, channel, channels int)) {
	t := c.tiling
	group := t.taps // taps whose counts the kernel can hold
	if c.vector.bitWords > 0 {
		group = c.vector.bitWords / c.words
	}
	for _, b := range c.blocks {
		tiles := c.vector.bits[b.width/lanes]
		plane := c.plane(t.taps, b.width)
		for _, i := range t.tiles {
			from, stride := &c.bias[b.out], 0
			for j := range c.planes {
				sign := int64(0)
				if j == c.planes-1 {
					sign = -1
				}
				for tap := i.tap; tap < i.tap+i.taps; tap += group {
					weights := &c.packed[b.weights+j*plane+c.plane(tap, b.width)]
					offsets := &t.offsets[i.first*t.taps+tap*i.pixels]
					for x := range c.inPlanes {
						tiles[i.pixels](min(group, i.tap+i.taps-tap), c.words, &in[4*x*c.words], weights, &s.sums[0], offsets,
							from, stride, int64(x+j), sign)
						from, stride = &s.sums[0], 4*b.width
					}
				}
			}
			end(i.first, i.pixels, b.out, b.width)
		}
	}
}

// portableBitConv is the same in plain Go.
type portableBitConv struct{ bitLayer }

func newPortableBitConv(p IntPlan, weight []int8, bias []int32, zero uint8) *portableBitConv {
	c := &portableBitConv{newBitLayer(p, weight, bias, zero)}
	c.tile(portableTile, false)
	c.layOut(portableWidth, weightPlanes(nil, p.weightBits), 1)
	c.packWeights(weight)
	return c
}

func (c *portableBitConv) RunUint8(out, in []uint8, r *Requantize) {
	out, in = c.uint8Operands(out, in, r)
	c.eachPixel(in, func(sums [portableWidth]int32, at, channel int) { r.end(out, &sums, at, channel) })
}

func (c *portableBitConv) RunFloat(out []float32, in []uint8, r Rescale) {
	out, in = c.floatOperands(out, in, r)
	c.eachPixel(in, func(sums [portableWidth]int32, at, channel int) { r.end(out, &sums, at, channel) })
	c.clearLanes(out, r)
}

// eachPixel calls end as portableInt's does.
func (c *portableBitConv) eachPixel(in []uint8, end func(sums [portableWidth]int32, at, channel int)) {
	t := c.tiling
	for _, b := range c.blocks {
		for _, i := range t.tiles {
			for pixel := range i.pixels {
				sums := [portableWidth]int32(c.bias[b.out:])
				for j := range c.planes {
					for tap := range t.taps {
						offset := int(t.offsets[i.first*t.taps+tap*i.pixels+pixel])
						weights := c.packed[b.weights+c.plane(j*t.taps+tap, b.width):]
						for x := range c.inPlanes {
							counts := countOnes(in[offset+4*x*c.words:][:4*c.words], weights)
							for o, n := range counts {
								if j == c.planes-1 {
									n = -n
								}
								sums[o] += n << (x + j)
							}
						}
					}
				}
				end(sums, (1+i.first+pixel)*c.stride+b.out, b.out)
			}
		}
	}
}

// countOnes counts the ones that a plane of a pixel has in common with those of four channels' weights.
func countOnes(plane []uint8, weights []uint32) (counts [portableWidth]int32) {
	for ; len(plane) >= 4; plane, weights = plane[4:], weights[portableWidth:] {
		x := binary.LittleEndian.Uint32(plane)
		for o, w := range weights[:portableWidth] {
			counts[o] += int32(bits.OnesCount32(x & w))
		}
	}
	return counts
}

// bitLayer is what all convolutions by counting ones know of their layer, whose shape is that of the packed input.
type bitLayer struct {
	intLayer
	tiling   tiling
	blocks   []block
	inPlanes int
	words    int      // of 32 input channels, [bitChannels]
	planes   int      // of the weights
	parts    int      // words of weights that meet a word of input
	packed   []uint32 // weights: [block][plane][tap][word][part][width]
}

func newBitLayer(p IntPlan, weight []int8, bias []int32, zero uint8) bitLayer {
	c := bitLayer{intLayer: newIntLayer(p.shape.packed(), weight, bias, int32(zero)), inPlanes: p.inputBits}
	c.inputs = PackedSize(p.shape, p.inputBits)
	c.words = ceilDiv(p.shape.InC, bitChannels)
	return c
}

// tile cuts the output into tiles of at most so many pixels; skip as for newTiling.
func (c *bitLayer) tile(pixels int, skip bool) {
	c.tiling = newTiling(c.shape.Window, pixels, packedPixel(c.shape.InC, c.inPlanes), skip)
}

// layOut makes room for weights, in blocks of so many output channels.
func (c *bitLayer) layOut(width, planes, parts int) {
	c.planes, c.parts = planes, parts
	size := 0
	for out := 0; out < c.stride; out += width {
		b := block{out: out, width: min(width, c.stride-out), weights: size}
		c.blocks = append(c.blocks, b)
		size += planes * c.plane(c.tiling.taps, b.width)
	}
	c.packed = packed[uint32](size)
}

// plane is the length of a plane of a block's weights.
func (c *bitLayer) plane(taps, width int) int { return taps * c.words * c.parts * width }

// packWeights packs all weights in two's complement.
func (c *bitLayer) packWeights(weight []int8) {
	for _, b := range c.blocks {
		for o := range min(b.width, c.shape.OutC-b.out) {
			for word := range c.words {
				c.packWord(b, o, word, weight)
			}
		}
	}
}

// packWord packs the weights of 32 input channels and a block's output channel o.
func (c *bitLayer) packWord(b block, o, word int, weight []int8) {
	inC, taps := c.shape.InC, c.tiling.taps
	from := ((b.out+o)*inC + word*bitChannels) * taps
	channels := min(bitChannels, inC-word*bitChannels)
	for tap := range taps {
		var planes [8]uint32
		for k := range channels {
			q := weight[from+k*taps+tap]
			if q>>(c.planes-1) != q>>7 {
				panic(fmt.Sprintf("kernel: the weight %d does not fit into %d bits", q, c.planes))
			}
			for j := range c.planes {
				planes[j] |= uint32(q>>j&1) << k
			}
		}
		for j := range c.planes {
			c.packed[b.weights+((j*taps+tap)*c.words+word)*b.width+o] = planes[j]
		}
	}
}
