package kernel

// intCost is what the time of integer products follows from. Only ratios of times count, so that every
// family of processors may have a unit of its own.
type intCost struct {
	macs float64 // multiply-accumulates, of one bit by one digit where bits are counted, in a unit of time
	tile float64 // time that a tile takes beside them
	pass float64 // and a tile's pair of planes
}

// In nanoseconds, measured on a Zen 4 at 3.65 GHz.
var (
	wordCost    = intCost{80, 12, 0}
	dotCost     = intCost{235, 24, 0}
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

// In cycles of a Cortex-A72, without dot products, and a Cortex-A76, with them: counted from the loops in
// kernels_arm64.s and the throughputs in Arm's optimization guides, in agreement with llvm-mca; nothing was
// measured.
//
// Both have two vector pipes. To count bits, 4 pixels × 16 channels × 32 input channels take 16 each of
// AND, CNT and ADD or UDOT and 4 duplicating loads, all on either pipe: 26 cycles for 2048 products.
// Clearing a tile's counters takes 8, its end 32 for 16 MLA on one pipe, and the call about 20; on the
// A72 also 16 for pairwise additions. The A72 counts in bytes, which it has to empty after 31 words:
// that costs it another 5 %.
//
// The A72 multiplies on one pipe and adds pairs on the other: 128 SMULL and as many SADALP for 1024
// products leave no room for 32 DUP and 5 instructions to shift activations, 147 cycles in all. The A76
// takes 52 for 1536 products: 96 SDOT and 7 others on either pipe. Requantizing takes five float
// instructions for four sums, a cycle each on the former and half a cycle on the latter.
var (
	pairCost     = intCost{7, 130, 0}
	byteCost     = intCost{75, 0, 80}
	neonDotCost  = intCost{29.8, 110, 0}
	neonBitsCost = intCost{79, 0, 60}
)

// Cycles that counting bits takes besides on both: packing takes 6 instructions and a store for a plane of
// sixteen channels.
const (
	neonPackCost = 0.4
	neonSumCost  = 1.8
	neonPassCost = 200.0
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
	integer, bits, pack, sum, pass := dotCost, nibbleCost, narrowPackCost, narrowSumCost, narrowPassCost
	switch {
	case isa == NEON:
		integer, bits, pack, sum, pass = pairCost, byteCost, neonPackCost, neonSumCost, neonPassCost
	case isa == NEONDot:
		integer, bits, pack, sum, pass = neonDotCost, neonBitsCost, neonPackCost, neonSumCost, neonPassCost
	case v.words:
		integer = wordCost
	}
	whole := integer.time(w, roundUp(inC, 4), roundUp(outC, v.intUnit()), v.intPixels, v.intWidth, 1)
	if !v.countsDigits() {
		counted := bits.time(w, channels, lanesOut, v.bitPixels, v.bitWidth, passes) +
			float64(w.InH*w.InW*ChannelStride(inC))*pack + float64(w.OutH*w.OutW*lanesOut)*sum + pass
		return counted < 0.88*whole
	}
	bits = ternaryCost
	if weightBits == 1 {
		bits = binaryCost
	}
	packed := packedWindow(w)
	counted := bits.time(packed, channels, lanesOut, v.bitPixels, v.bitWidth, passes) +
		float64(packed.InH*packed.InW*roundUp(inC, 64)*inBits)*packCost + passCost
	return counted < whole
}
