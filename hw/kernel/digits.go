package kernel

import (
	"fmt"
	"math/bits"
	"slices"
	"unsafe"
)

// digitConv is [bitConv] with weights taken apart into digits −1, 0 and 1: a weight of n bits, symmetric as
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
type digitConv struct {
	bitLayer
	vector *vector
	tiles  *[3][]digitTile // by a block's width in vectors
	passes [3][]digitPass  // by the same
	spans  []tile          // the runs of taps that tiles sum over
	biases [][]int32       // of each span: the bias less what is subtracted above
	span   []int           // of each tile
}

// digitPass is the work on a pair of planes, in the order that assembly reads: where they lie, in
// bytes, and whether the sums so far double before.
type digitPass struct{ input, weights, double int }

func newDigitConv(v *vector, p IntPlan, weight []int8, bias []int32, zero uint8) *digitConv {
	c := &digitConv{bitLayer: newBitLayer(p, weight, bias, zero), vector: v}
	c.tile(v.bitPixels, zero == 0)
	if p.weightBits == 1 && !slices.Contains(weight, 0) {
		c.tiles = &v.binary // without magnitudes: all weights are −1 or 1
		c.layOut(v.bitWidth, 1, 1)
	} else {
		c.tiles = &v.ternary
		c.layOut(v.bitWidth, weightPlanes(v, p.weightBits), 2)
	}
	c.planDigits(weight)
	return c
}

// RunUint8 has tiles requantize what they have counted; without a residual, which they don't add.
func (c *digitConv) RunUint8(out, in []uint8, r *Requantize) {
	out, in = c.uint8Operands(out, in, r)
	if r.Residual != nil {
		c.addToSums(out, in, r)
		return
	}
	lo, hi := r.limits()
	t := c.tiling
	for _, b := range c.blocks {
		tiles, passes := c.tiles[b.width/lanes], c.passes[b.width/lanes]
		for n, i := range t.tiles {
			tiles[i.pixels](i.taps, c.words, &in[0], c.weightsAt(b, i), &out[(1+i.first)*c.stride+b.out],
				t.at(i), &passes[0].input, len(passes), c.stride, c.biasAt(b, n), &r.Scale[b.out], lo, hi, int32(r.Zero))
		}
	}
}

func (c *digitConv) addToSums(out, in []uint8, r *Requantize) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	end := newUint8End(c.vector, s, out, c.stride, r)
	c.eachTile(in, s, end.tile)
}

func (c *digitConv) RunFloat(out []float32, in []uint8, r Rescale) {
	out, in = c.floatOperands(out, in, r)
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	end := floatEnd{c.vector, s, out, c.stride, r}
	c.eachTile(in, s, end.tile)
	c.clearLanes(out, r)
}

// eachTile calls end as channelLaneInt's does.
func (c *digitConv) eachTile(in []uint8, s *scratch, end func(first, pixels, channel, channels int)) {
	t, sums := c.tiling, (*uint8)(unsafe.Pointer(&s.sums[0]))
	for _, b := range c.blocks {
		tiles, passes := c.tiles[b.width/lanes], c.passes[b.width/lanes]
		for n, i := range t.tiles {
			tiles[i.pixels](i.taps, c.words, &in[0], c.weightsAt(b, i), sums,
				t.at(i), &passes[0].input, len(passes), b.width*4, c.biasAt(b, n), nil, 0, 0, 0)
			end(i.first, i.pixels, b.out, b.width)
		}
	}
}

// weightsAt is where a block's weights for a tile's first tap begin.
func (c *digitConv) weightsAt(b block, i tile) *uint32 {
	return &c.packed[b.weights+c.plane(i.tap, b.width)]
}

// biasAt is the bias of a block's channels in the nth tile.
func (c *digitConv) biasAt(b block, n int) *int32 { return &c.biases[c.span[n]][b.out] }

// planDigits packs the weights and lays out the passes.
func (c *digitConv) planDigits(weight []int8) {
	taps := c.tiling.taps
	negative := make([]int32, len(c.bias)*taps) // Σ max(−w, 0) of each output channel and tap
	for _, b := range c.blocks {
		for o := range min(b.width, c.shape.OutC-b.out) {
			c.packDigits(b, o, weight, negative[(b.out+o)*taps:][:taps])
		}
		if c.passes[b.width/lanes] == nil {
			c.passes[b.width/lanes] = c.pairPlanes(4 * c.plane(taps, b.width))
		}
	}
	for _, i := range c.tiling.tiles {
		c.span = append(c.span, c.spanOf(i, negative))
	}
}

// pairPlanes pairs the planes in falling order of what their ones count.
func (c *digitConv) pairPlanes(plane int) []digitPass {
	var passes []digitPass
	for shift := c.inPlanes + c.planes - 2; shift >= 0; shift-- {
		double := 1
		for j := max(0, shift-c.inPlanes+1); j <= min(shift, c.planes-1); j++ {
			passes = append(passes, digitPass{(shift - j) * 4 * c.words, j * plane, double})
			double = 0
		}
	}
	return passes
}

// packDigits packs the weights of a block's output channel o as [plane][tap][word][sign, magnitude][width], without
// the magnitude if they are binary, and sums up the negative ones.
func (c *digitConv) packDigits(b block, o int, weight []int8, negative []int32) {
	inC, taps := c.shape.InC, c.tiling.taps
	weight = weight[(b.out+o)*inC*taps:][:inC*taps]
	plane, width := c.plane(taps, b.width), b.width
	dst := c.packed[b.weights:]
	for word := range c.words {
		channels := min(bitChannels, inC-word*bitChannels)
		for tap := range taps {
			sign, magnitudes := c.digits(weight[word*bitChannels*taps+tap:], channels)
			if magnitudes[c.planes] != 0 {
				panic(fmt.Sprintf("kernel: weights of output channel %d have a magnitude of more than %d bits", b.out+o, c.planes))
			}
			for j := range c.planes {
				negative[tap] += int32(bits.OnesCount32(sign&magnitudes[j])) << j
			}
			at := tap*c.words + word
			if c.parts == 1 {
				dst[at*width+o] = sign
				continue
			}
			for j := range c.planes {
				dst[j*plane+2*at*width+o], dst[j*plane+(2*at+1)*width+o] = sign, magnitudes[j]
			}
		}
	}
}

// digits gathers the signs and the bits of the magnitudes of up to 32 weights, one of every input channel.
func (c *digitConv) digits(weight []int8, channels int) (sign uint32, magnitudes [8]uint32) {
	taps := c.tiling.taps
	for from := 0; from < channels; from += 8 {
		q := eightBytes(weight[from*taps:], taps, channels-from)
		negative := q >> 7 & lowBits
		magnitude := (q ^ negative*0xff) + negative
		sign |= gatherBits(q>>7) << from
		for j := range magnitudes {
			magnitudes[j] |= gatherBits(magnitude>>j) << from
			if j >= c.planes {
				break
			}
		}
	}
	return sign, magnitudes
}

// spanOf is the position of a tile's run of taps among the spans, added if need be.
func (c *digitConv) spanOf(i tile, negative []int32) int {
	for at, s := range c.spans {
		if s.tap == i.tap && s.taps == i.taps {
			return at
		}
	}
	taps, bias := c.tiling.taps, aligned[int32](len(c.bias))
	for o := range bias {
		sum := int32(0)
		for _, v := range negative[o*taps+i.tap:][:i.taps] {
			sum += v
		}
		bias[o] = c.bias[o] - sum*(1<<c.inPlanes-1)
	}
	c.spans, c.biases = append(c.spans, i), append(c.biases, bias)
	return len(c.spans) - 1
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
