package kernel

// block is a run of output channels computed together, with the input channels
// they depend on: all of them, or those of their groups. Both runs start at a
// multiple of 4, so that reads never leave a pixel's stride.
type block struct {
	out, width int // first output channel, number of lanes
	in, depth  int // first input channel, number (a multiple of 4)
	weights    int // where the block starts in the packed weights
}

// filter is the shape of a convolution's weights, OIHW with I = inC/groups.
type filter struct{ inC, outC, groups, taps int }

// blocks cuts the output channels (padded to whole vectors) into blocks of the
// given width and a last one of what is left; width is a multiple or a divisor of 16.
// It also returns the number of packed weights.
func (f filter) blocks(width int) ([]block, int) {
	var blocks []block
	total := 0
	inPer, outPer := f.inC/f.groups, f.outC/f.groups
	for out := 0; out < ChannelStride(f.outC); out += width {
		b := block{out: out, width: min(width, ChannelStride(f.outC)-out), weights: total}
		if out < f.outC {
			first, last := out/outPer, (min(out+b.width, f.outC)-1)/outPer
			b.in = first * inPer / 4 * 4
			b.depth = roundUp((last+1)*inPer-b.in, 4)
		}
		blocks = append(blocks, b)
		total += f.taps * b.depth * b.width
	}
	return blocks, total
}

// inOrder and alternating are where each of four input channels stands within packed weights.
var (
	inOrder     = [4]int{0, 1, 2, 3}
	alternating = [4]int{0, 2, 1, 3}
)

// pack writes the weights of a block as [tap][depth/unit][width][unit]: unit (1, 2 or 4) input
// channels of one output channel side by side, output channels across lanes, every
// four input channels in the given order. dst is zero before.
func pack[D, S int8 | int16 | float32](f filter, b block, dst []D, weight []S, unit int, order [4]int) {
	inPer, outPer := f.inC/f.groups, f.outC/f.groups
	for k := range b.depth {
		in := b.in + k/4*4 + order[k%4]
		group := in / inPer
		from, to := max(b.out, group*outPer), min(b.out+b.width, (group+1)*outPer)
		if in >= f.inC || from >= to {
			continue
		}
		at := (k/unit*b.width+from-b.out)*unit + k%unit
		for tap := range f.taps {
			d, s := dst[tap*b.depth*b.width+at:], weight[(from*inPer+in%inPer)*f.taps+tap:]
			for o := range to - from {
				d[o*unit] = D(s[o*inPer*f.taps])
			}
		}
	}
}

// depthwise tells whether each channel is convolved alone.
func (f filter) depthwise() bool { return f.groups > 1 && f.groups == f.inC && f.groups == f.outC }
