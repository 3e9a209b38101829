package kernel

// digitPlanes are the weights of a [NewBitConv] as digits −1, 0 and 1: a weight of n bits, symmetric as
// they are, is one for each of the n−1 bits of its magnitude, all of its sign; a weight of
// one bit, −1 or 1, is a single digit. Of a bit x and a digit with sign s and magnitude m,
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
	binary bool           // without magnitudes: weights have one bit
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

// planDigits packs the weights and lays out the passes.
func (c *IntConv) planDigits(weight []int8) {
	p, f := c.bits, c.filter
	n := p.digits
	for _, b := range c.blocks {
		for o := range min(b.width, f.outC-b.out) {
			c.packDigits(p.packed[b.weights:], b.width, o, weight[(b.out+o)*f.inC*f.taps:][:f.inC*f.taps])
		}
		if n.passes[b.width/lanes] == nil {
			n.passes[b.width/lanes] = p.digitPasses(4 * p.plane(f.taps, b.width))
		}
	}
	for _, i := range c.tiling.tiles {
		n.span = append(n.span, c.spanOf(i, weight))
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
// the magnitude if they are binary.
func (c *IntConv) packDigits(dst []uint32, width, o int, weight []int8) {
	f, p := c.filter, c.bits
	plane := p.plane(f.taps, width)
	for tap := range f.taps {
		for word := range p.words {
			var sign uint32
			var magnitudes [7]uint32
			for k := range min(bitChannels, f.inC-word*bitChannels) {
				q := int32(weight[(word*bitChannels+k)*f.taps+tap])
				negative := q >> 31
				magnitude := uint32((q ^ negative) - negative)
				sign |= uint32(negative) & 1 << k
				for j := range p.weights {
					magnitudes[j] |= magnitude >> j & 1 << k
				}
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

// spanOf is the position of a tile's run of taps among the spans, added if need be.
func (c *IntConv) spanOf(i tile, weight []int8) int {
	n, f := c.bits.digits, c.filter
	for at, s := range n.spans {
		if s.tap == i.tap && s.taps == i.taps {
			return at
		}
	}
	bias := aligned[int32](len(c.bias))
	copy(bias, c.bias)
	for o := range f.outC {
		negative := int32(0)
		for k := range f.inC {
			for _, q := range weight[(o*f.inC+k)*f.taps+i.tap:][:i.taps] {
				negative += int32(q) & (int32(q) >> 31)
			}
		}
		bias[o] += negative * (1<<c.bits.inputs - 1)
	}
	n.spans, n.biases = append(n.spans, i), append(n.biases, bias)
	return len(n.spans) - 1
}
