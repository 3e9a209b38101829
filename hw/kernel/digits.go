package kernel

import (
	"fmt"
	"math/bits"
)

// digitPlanes are the weights of a [NewBitConv] as digits −1, 0 and 1: a weight of n bits, symmetric as
// they are, is one for each of the n−1 bits of its magnitude, all of its sign; a weight of
// one bit is a single digit. Of a bit x and a digit with sign s and magnitude m,
// the product is
//
//	x·d = ((x XOR s) AND m) − (s AND m)
//
// where the subtrahend depends on the weight alone. So one count of ones a pair of planes suffices,
//
//	Σ x·w = Σᵢ Σⱼ 2^(i+j) · ones((xᵢ XOR s) AND mⱼ) − (2^inputs − 1) · Σ max(−w, 0),
//
// of which weights of one and of two bits need the same few.
type digitPlanes struct {
	binary bool           // without magnitudes: all weights are −1 or 1
	passes [3][]digitPass // by a block's width in vectors
	spans  []tile         // the runs of taps that tiles sum over
	biases [][]int32      // of each span: the bias less what is subtracted above
	span   []int          // of each tile
}

// digitPass is the work on a pair of planes, in the order that assembly reads: where they lie, in
// bytes, and whether the sums so far double before.
type digitPass struct{ input, weights, double int }

// countsDigits tells whether there are tiles for digits.
func (v *vector) countsDigits() bool { return v != nil && v.ternary[1] != nil }

// digitTiles are the tiles and passes for a block.
func (c *IntConv) digitTiles(b block) ([]digitTile, []digitPass) {
	tiles := &c.vector.ternary
	if c.bits.digits.binary {
		tiles = &c.vector.binary
	}
	return tiles[b.width/lanes], c.bits.digits.passes[b.width/lanes]
}

// weightsAt is where a block's weights for a tile's first tap begin.
func (p *bitPlanes) weightsAt(b block, i tile) *uint32 {
	return &p.packed[b.weights+p.plane(i.tap, b.width)]
}

// biasAt is the bias of a block's channels in the nth tile.
func (d *digitPlanes) biasAt(b block, n int) *int32 { return &d.biases[d.span[n]][b.out] }

// planDigits packs the weights and lays out the passes.
func (c *IntConv) planDigits(weight []int8) {
	p, n, taps := c.bits, c.bits.digits, c.shape.Taps()
	negative := make([]int32, len(c.bias)*taps) // Σ max(−w, 0) of each output channel and tap
	for _, b := range c.blocks {
		for o := range min(b.width, c.shape.OutC-b.out) {
			c.packDigits(b, o, weight, negative[(b.out+o)*taps:][:taps])
		}
		if n.passes[b.width/lanes] == nil {
			n.passes[b.width/lanes] = p.digitPasses(4 * p.plane(taps, b.width))
		}
	}
	for _, i := range c.tiling.tiles {
		n.span = append(n.span, c.spanOf(i, negative))
	}
}

// digitPasses pairs the planes in falling order of what their ones count.
func (p *bitPlanes) digitPasses(plane int) []digitPass {
	var passes []digitPass
	for shift := p.inputs + p.weights - 2; shift >= 0; shift-- {
		double := 1
		for j := max(0, shift-p.inputs+1); j <= min(shift, p.weights-1); j++ {
			passes = append(passes, digitPass{(shift - j) * 4 * p.words, j * plane, double})
			double = 0
		}
	}
	return passes
}

// packDigits packs the weights of a block's output channel o as [plane][tap][word][sign, magnitude][width], without
// the magnitude if they are binary, and sums up the negative ones.
func (c *IntConv) packDigits(b block, o int, weight []int8, negative []int32) {
	p, inC, taps := c.bits, c.shape.InC, c.shape.Taps()
	weight = weight[(b.out+o)*inC*taps:][:inC*taps]
	plane, width := p.plane(taps, b.width), b.width
	dst := p.packed[b.weights:]
	for word := range p.words {
		channels := min(bitChannels, inC-word*bitChannels)
		for tap := range taps {
			var sign uint32
			var magnitudes [8]uint32
			for from := 0; from < channels; from += 8 {
				q := eightBytes(weight[(word*bitChannels+from)*taps+tap:], taps, channels-from)
				negative := q >> 7 & lowBits
				magnitude := (q ^ negative*0xff) + negative
				sign |= gatherBits(q>>7) << from
				for j := range magnitudes {
					magnitudes[j] |= gatherBits(magnitude>>j) << from
					if j >= p.weights {
						break
					}
				}
			}
			if magnitudes[p.weights] != 0 {
				panic(fmt.Sprintf("kernel: weights of output channel %d have a magnitude of more than %d bits", b.out+o, p.weights))
			}
			for j := range p.weights {
				negative[tap] += int32(bits.OnesCount32(sign&magnitudes[j])) << j
			}
			at := tap*p.words + word
			if p.digits.binary {
				dst[at*width+o] = sign
				continue
			}
			for j := range p.weights {
				dst[j*plane+2*at*width+o], dst[j*plane+(2*at+1)*width+o] = sign, magnitudes[j]
			}
		}
	}
}

const lowBits = 0x0101010101010101 // of eight bytes

// eightBytes gathers up to n bytes, the first lowest.
func eightBytes(from []int8, distance, n int) (all uint64) {
	if n >= 8 {
		a := from[:7*distance+1]
		return uint64(uint8(a[0])) | uint64(uint8(a[distance]))<<8 | uint64(uint8(a[2*distance]))<<16 | uint64(uint8(a[3*distance]))<<24 |
			uint64(uint8(a[4*distance]))<<32 | uint64(uint8(a[5*distance]))<<40 | uint64(uint8(a[6*distance]))<<48 | uint64(uint8(a[7*distance]))<<56
	}
	for i := range n {
		all |= uint64(uint8(from[i*distance])) << (8 * i)
	}
	return all
}

// gatherBits puts the lowest bits of eight bytes side by side: the product moves that of byte i to bit
// 56+i, and no two meet.
func gatherBits(q uint64) uint32 { return uint32((q & lowBits) * 0x0102040810204080 >> 56) }

// spanOf is the position of a tile's run of taps among the spans, added if need be.
func (c *IntConv) spanOf(i tile, negative []int32) int {
	n, taps := c.bits.digits, c.shape.Taps()
	for at, s := range n.spans {
		if s.tap == i.tap && s.taps == i.taps {
			return at
		}
	}
	bias := aligned[int32](len(c.bias))
	for o := range bias {
		sum := int32(0)
		for _, v := range negative[o*taps+i.tap:][:i.taps] {
			sum += v
		}
		bias[o] = c.bias[o] - sum*(1<<c.bits.inputs-1)
	}
	n.spans, n.biases = append(n.spans, i), append(n.biases, bias)
	return len(n.spans) - 1
}
