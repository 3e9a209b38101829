package kernel

// intCost is what the time of integer products follows from, measured on a Zen 4 at 3.65 GHz.
type intCost struct {
	macs float64 // multiply-accumulates, of one bit by one bit where bits are counted, in a nanosecond
	tile float64 // nanoseconds that a tile takes beside them
}

var (
	wordCost       = intCost{80, 12}
	dotCost        = intCost{230, 38}
	nibbleCost     = intCost{417, 9.3} // counting with AVX2
	populationCost = intCost{1190, 14} // with AVX-512's instruction
)

// Nanoseconds that counting bits takes besides, a scalar and as a whole.
const (
	packCost   = 0.05 // of the input
	sumCost    = 0.08 // of the output: its sums go through memory
	narrowCost = 0.24 // the same with AVX2
	passCost   = 100.0
)

// BitsFaster tells whether [NewBitConv] convolves faster than [NewIntConv], packing included, inputs and
// weights of so many bits. It holds only where both can.
func BitsFaster(isa ISA, w Window, inC, outC, groups, weightBits, inBits int) bool {
	if groups != 1 || !BitsSupported(isa, inC) {
		return false
	}
	planes := max(weightBits, 2) * inBits
	v := vectorOf(isa)
	if v == nil {
		return planes <= 4 && inC >= 64 && outC >= 64
	}
	pixels, lanesOut := w.OutH*w.OutW, ChannelStride(outC)
	time := func(c intCost, channels, height, width int) float64 {
		tiles := ceilDiv(pixels, height) * ceilDiv(lanesOut, width)
		return float64(pixels*w.Taps()*channels*lanesOut)/c.macs + float64(tiles)*c.tile
	}
	integer, bits, end := dotCost, populationCost, sumCost
	if v.words {
		integer = wordCost
	}
	if v.bitWords > 0 {
		bits, end = nibbleCost, narrowCost
	}
	whole := time(integer, roundUp(inC, 4), v.intPixels, v.intWidth)
	counted := float64(planes)*time(bits, roundUp(inC, bitChannels), v.bitPixels, v.bitWidth) +
		float64(w.InH*w.InW*ChannelStride(inC))*packCost + float64(pixels*lanesOut)*end + passCost
	return counted < 0.88*whole
}
