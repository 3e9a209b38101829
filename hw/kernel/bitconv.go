package kernel

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
)

// bitPlanes are an IntConv's weights taken apart into bits, for sums by AND and counting ones:
//
//	Σ x·w = Σᵢ Σⱼ ±2^(i+j) · ones(xᵢ AND wⱼ)
//
// over the planes i of the activations and j of the weights, in two's complement: the last
// of these counts negative. Where three operands meet in one instruction, digits take fewer.
type bitPlanes struct {
	inputs, weights int          // planes
	words           int          // of 32 channels
	packed          []uint32     // [block][plane][tap][word][width]; digits add a dimension
	digits          *digitPlanes // nil: two's complement
}

// NewBitConv plans the same convolution as [NewIntConv], in one group, of inputs that [PackBits] has
// taken apart: their integers have inBits bits, both 1 to 8, and the magnitude of weights is below
// 2^(weightBits−1), or 1 at one bit. It gives the same integers. Where the ISA has nothing for
// it, see [BitsSupported], it computes portably.
func NewBitConv(isa ISA, s Shape, weight []int8, weightBits, inBits int, bias []int32, inZero uint8) *IntConv {
	s.check()
	c := &IntConv{vector: vectorOf(isa), shape: s.packed()}
	if !BitsSupported(isa, s.InC) {
		c.vector = nil
	}
	c.setBias(weight, bias, int32(inZero))
	tile, width := portableTile, portableWidth
	if c.vector != nil {
		tile, width = c.vector.bitPixels, c.vector.bitWidth
	}
	words := ceilDiv(s.InC, bitChannels)
	c.tiling = newTiling(c.shape.Window, tile, packedPixel(s.InC, inBits), inZero == 0 && c.vector != nil)
	c.bits = &bitPlanes{inputs: inBits, weights: weightPlanes(c.vector, weightBits), words: words}
	if c.vector.countsDigits() {
		c.bits.digits = &digitPlanes{binary: weightBits == 1 && !slices.Contains(weight, 0)}
	}
	var size int
	for out := 0; out < s.outStride(); out += width {
		b := block{out: out, width: min(width, s.outStride()-out), weights: size}
		c.blocks = append(c.blocks, b)
		size += c.bits.weights * c.bits.plane(s.Taps(), b.width)
	}
	c.bits.packed = packed[uint32](size)
	if c.bits.digits != nil {
		c.planDigits(weight)
		return c
	}
	for _, b := range c.blocks {
		c.packPlanes(b, weight)
	}
	return c
}

// weightPlanes is the number of planes that an instruction set takes weights apart into.
func weightPlanes(v *vector, bits int) int {
	if v.countsDigits() {
		return max(bits-1, 1)
	}
	return max(bits, 2) // −1 and 1 take two
}

// plane is the length of a plane of a block's weights.
func (p *bitPlanes) plane(taps, width int) int {
	if p.digits != nil && !p.digits.binary {
		width *= 2 // a sign and a magnitude
	}
	return taps * p.words * width
}

func (c *IntConv) packPlanes(b block, weight []int8) {
	p, inC, taps := c.bits, c.shape.InC, c.shape.Taps()
	for o := range min(b.width, c.shape.OutC-b.out) {
		for word := range p.words {
			from := ((b.out+o)*inC + word*bitChannels) * taps
			channels := min(bitChannels, inC-word*bitChannels)
			for tap := range taps {
				var planes [8]uint32
				for k := range channels {
					q := weight[from+k*taps+tap]
					if q>>(p.weights-1) != q>>7 {
						panic(fmt.Sprintf("kernel: the weight %d does not fit into %d bits", q, p.weights))
					}
					for j := range p.weights {
						planes[j] |= uint32(q>>j&1) << k
					}
				}
				for j := range p.weights {
					p.packed[b.weights+((j*taps+tap)*p.words+word)*b.width+o] = planes[j]
				}
			}
		}
	}
}

// BitsSupported tells whether [NewBitConv] has what the ISA needs.
func BitsSupported(isa ISA, inC int) bool {
	v := vectorOf(isa)
	return v == nil || v.countsDigits() || v.bits[1] != nil && (v.bitWords == 0 || ceilDiv(inC, bitChannels) <= v.bitWords)
}

// eachTileBits is eachTile for bits.
func (c *IntConv) eachTileBits(in []uint8, s *scratch, end func(first, pixels, channel, channels int)) {
	t, p := c.tiling, c.bits
	group := t.taps // taps whose counts the kernel can hold
	if c.vector.bitWords > 0 {
		group = c.vector.bitWords / p.words
	}
	for _, b := range c.blocks {
		tiles := c.vector.bits[b.width/lanes]
		plane := t.taps * p.words * b.width
		for _, i := range t.tiles {
			from, stride := &c.bias[b.out], 0
			for j := range p.weights {
				sign := int64(0)
				if j == p.weights-1 {
					sign = -1
				}
				for tap := i.tap; tap < i.tap+i.taps; tap += group {
					weights := &p.packed[b.weights+j*plane+tap*p.words*b.width]
					offsets := &t.offsets[i.first*t.taps+tap*i.pixels]
					for x := range p.inputs {
						tiles[i.pixels](min(group, i.tap+i.taps-tap), p.words, &in[4*x*p.words], weights, &s.sums[0], offsets,
							from, stride, int64(x+j), sign)
						from, stride = &s.sums[0], 4*b.width
					}
				}
			}
			end(i.first, i.pixels, b.out, b.width)
		}
	}
}

// eachPixelBits is eachPixel for bits.
func (c *IntConv) eachPixelBits(in []uint8, end func(sums [portableWidth]int32, at, channel int)) {
	stride, t, p := c.shape.outStride(), c.tiling, c.bits
	for _, b := range c.blocks {
		for _, i := range t.tiles {
			for pixel := range i.pixels {
				sums := [portableWidth]int32(c.bias[b.out:])
				for j := range p.weights {
					for tap := range t.taps {
						offset := int(t.offsets[i.first*t.taps+tap*i.pixels+pixel])
						weights := p.packed[b.weights+(j*t.taps+tap)*p.words*b.width:]
						for x := range p.inputs {
							counts := countOnes(in[offset+4*x*p.words:][:4*p.words], weights)
							for o, n := range counts {
								if j == p.weights-1 {
									n = -n
								}
								sums[o] += n << (x + j)
							}
						}
					}
				}
				end(sums, (1+i.first+pixel)*stride+b.out, b.out)
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
