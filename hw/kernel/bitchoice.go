package kernel

// intCost is what the time of integer products follows from. Only ratios of times count, so that every
// family of processors may have a unit of its own.
type intCost struct {
	macs float64 // multiply-accumulates, of one bit by one bit where bits are counted, in a unit of time
	tile float64 // time that a tile takes beside them
}

// In nanoseconds, measured on a Zen 4 at 3.65 GHz.
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
	pairCost     = intCost{7, 130}
	byteCost     = intCost{75, 80}
	neonDotCost  = intCost{29.8, 110}
	neonBitsCost = intCost{79, 60}
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
	integer, bits, pack, end, pass := dotCost, populationCost, packCost, sumCost, passCost
	if v.words {
		integer = wordCost
	}
	if v.bitWords > 0 {
		bits, end = nibbleCost, narrowCost
	}
	switch isa {
	case NEON:
		integer, bits, pack, end, pass = pairCost, byteCost, neonPackCost, neonSumCost, neonPassCost
	case NEONDot:
		integer, bits, pack, end, pass = neonDotCost, neonBitsCost, neonPackCost, neonSumCost, neonPassCost
	}
	whole := time(integer, roundUp(inC, 4), v.intPixels, v.intWidth)
	counted := float64(planes)*time(bits, roundUp(inC, bitChannels), v.bitPixels, v.bitWidth) +
		float64(w.InH*w.InW*ChannelStride(inC))*pack + float64(pixels*lanesOut)*end + pass
	return counted < 0.88*whole
}
