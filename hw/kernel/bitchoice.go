package kernel

// intCost is what the time of integer products follows from, measured on a Zen 4 at 3.65 GHz.
type intCost struct {
	macs float64 // multiply-accumulates, of one bit by one digit where bits are counted, in a nanosecond
	tile float64 // nanoseconds that a tile takes beside them
	pass float64 // and a tile's pair of planes
}

var (
	wordCost    = intCost{80, 12, 0}
	dotCost     = intCost{235, 33, 0}
	nibbleCost  = intCost{417, 0, 9.3} // counting with AVX2
	binaryCost  = intCost{1244, 29, 2} // with AVX-512's instruction
	ternaryCost = intCost{1008, 29, 2}
)

// time is what a convolution takes whose tiles are so large, its channels rounded up.
func (c intCost) time(w Window, channels, lanesOut, height, width, passes int) float64 {
	tiles, visits := 0, 0
	for _, run := range pixelRuns(w, true) {
		tiles += ceilDiv(run.pixels, height) * ceilDiv(lanesOut, width)
		visits += run.pixels * run.taps
	}
	return float64(visits*channels*lanesOut*passes)/c.macs + float64(tiles)*(c.tile+float64(passes)*c.pass)
}

// Nanoseconds that counting bits takes besides, a scalar and as a whole; with AVX-512 and with AVX2.
const (
	packCost       = 0.45 / 64 // of the input and a bit
	passCost       = 127.0
	narrowPackCost = 0.05 // of the input
	narrowSumCost  = 0.24 // of the output: its sums go through memory
	narrowPassCost = 100.0
)

// BitsFaster tells whether [NewBitConv] convolves faster than [NewIntConv], packing included, inputs and
// weights of so many bits. It holds only where both can.
func BitsFaster(isa ISA, w Window, inC, outC, groups, weightBits, inBits int) bool {
	if groups != 1 || !BitsSupported(isa, inC) {
		return false
	}
	v := vectorOf(isa)
	passes := weightPlanes(v, weightBits) * inBits
	if v == nil {
		return passes <= 4 && inC >= 64 && outC >= 64
	}
	channels, lanesOut := roundUp(inC, bitChannels), ChannelStride(outC)
	integer := dotCost
	if v.words {
		integer = wordCost
	}
	whole := integer.time(w, roundUp(inC, 4), lanesOut, v.intPixels, v.intWidth, 1)
	if !v.countsDigits() {
		counted := nibbleCost.time(w, channels, lanesOut, v.bitPixels, v.bitWidth, passes) +
			float64(w.InH*w.InW*ChannelStride(inC))*narrowPackCost + float64(w.OutH*w.OutW*lanesOut)*narrowSumCost + narrowPassCost
		return counted < 0.88*whole
	}
	cost := ternaryCost
	if weightBits == 1 {
		cost = binaryCost
	}
	packed := packedWindow(w)
	counted := cost.time(packed, channels, lanesOut, v.bitPixels, v.bitWidth, passes) +
		float64(packed.InH*packed.InW*roundUp(inC, 64)*inBits)*packCost + passCost
	return counted < whole
}
