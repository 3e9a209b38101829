package kernel

// block is a run of output channels computed together, with the input channels
// they depend on: all of them, or those of their groups. Both runs start at a
// multiple of 4, so that reads never leave a pixel's stride.
type block struct {
	out, width int // first output channel, number of lanes
	in, depth  int // first input channel, number (a multiple of 4)
	weights    int // where the block starts in the packed weights
}

// paired tells whether tiles compute the block in pairs of lanes, see eightTile in gen.
func (b block) paired() bool { return b.width == 8 && b.depth > 4 }

// blocks cuts the output channels, padded to a multiple of unit, into blocks of the
// given width and a last one of what is left; width is a multiple of unit or a divisor of 16.
// It also returns the number of packed weights.
func (s Shape) blocks(width, unit int) ([]block, int) {
	var blocks []block
	total, taps := 0, s.Taps()
	inPer, outPer := s.InC/s.Groups, s.OutC/s.Groups
	channels := roundUp(s.OutC, unit)
	for out := 0; out < channels; out += width {
		b := block{out: out, width: min(width, channels-out), weights: total}
		if out < s.OutC {
			first, last := out/outPer, (min(out+b.width, s.OutC)-1)/outPer
			b.in = first * inPer / 4 * 4
			b.depth = roundUp((last+1)*inPer-b.in, 4)
			if b.paired() {
				b.in = b.in / 8 * 8
				b.depth = roundUp((last+1)*inPer-b.in, 8)
			}
		}
		blocks = append(blocks, b)
		total += taps * b.depth * b.width
	}
	return blocks, total
}

// inOrder and alternating are where each of four input channels stands within packed weights.
var (
	inOrder     = [4]int{0, 1, 2, 3}
	alternating = [4]int{0, 2, 1, 3}
)

// pack writes the weights of a block as [tap][depth/unit][width][unit]: unit (1, 2, 4 or 8) input
// channels of one output channel side by side, output channels across lanes, every
// four input channels in the given order. dst is zero before.
func pack[D, W int8 | int16 | float32](s Shape, b block, dst []D, weight []W, unit int, order [4]int) {
	inPer, outPer, taps := s.InC/s.Groups, s.OutC/s.Groups, s.Taps()
	for k := range b.depth {
		in := b.in + k/4*4 + order[k%4]
		group := in / inPer
		from, to := max(b.out, group*outPer), min(b.out+b.width, (group+1)*outPer)
		if in >= s.InC || from >= to {
			continue
		}
		// Channel by channel, as the weights lie; what is written meanwhile stays in the cache.
		row, at := b.depth*b.width, (k/unit*b.width+from-b.out)*unit+k%unit
		for o := from; o < to; o++ {
			d := dst[at:]
			for tap, w := range weight[(o*inPer+in%inPer)*taps:][:taps] {
				d[tap*row] = D(w)
			}
			at += unit
		}
	}
}

// packOnes is pack for a unit of 1 without groups. Like packFours it is for the most weights of
// most networks: it fills whole lines of the cache before it writes them, since those of all taps
// would compete for the same places there.
func packOnes(s Shape, b block, dst, weight []float32) {
	taps, filter, outputs := s.Taps(), s.InC*s.Taps(), min(b.width, s.OutC-b.out)
	if outputs <= 0 {
		return
	}
	weight = weight[b.out*filter:][:outputs*filter]
	rows := make([]float32, taps*b.width)
	for in := range s.InC {
		packChannel(rows, weight[in*taps:], taps, b.width, outputs, filter)
		for tap := range taps {
			copy(dst[(tap*b.depth+in)*b.width:], rows[tap*b.width:][:b.width])
		}
	}
}

// packChannel writes an input channel's weights of some filters, each of the given length, as [tap][width]. Its loops
// want all registers for themselves.
//
//go:noinline
func packChannel(rows, weight []float32, taps, width, filters, length int) {
	for o := range filters {
		at := o
		for _, w := range weight[o*length:][:taps] {
			rows[at] = w
			at += width
		}
	}
}

// packFours is pack for units of 4 in order without groups; dst holds a unit in each scalar, the
// first channel lowest.
func packFours(s Shape, b block, dst []uint32, weight []int8) {
	inC, taps, width := s.InC, s.Taps(), b.width
	outputs := min(width, s.OutC-b.out)
	if outputs <= 0 {
		return
	}
	rows := make([]uint32, taps*width)
	for in := 0; in < inC; in += 4 {
		for o := range outputs {
			w, at := weight[((b.out+o)*inC+in)*taps:], o
			if in+4 > inC {
				for tap := range taps {
					rows[at] = 0
					for k := range inC - in {
						rows[at] |= uint32(uint8(w[k*taps+tap])) << (8 * k)
					}
					at += width
				}
				continue
			}
			first, second, third, fourth := w[:taps], w[taps:][:taps], w[2*taps:][:taps], w[3*taps:][:taps]
			for tap, q := range first {
				rows[at] = uint32(uint8(q)) | uint32(uint8(second[tap]))<<8 | uint32(uint8(third[tap]))<<16 | uint32(uint8(fourth[tap]))<<24
				at += width
			}
		}
		for tap := range taps {
			copy(dst[(tap*b.depth+in)/4*width:], rows[tap*width:][:width])
		}
	}
}
