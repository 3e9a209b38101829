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

// time is what a convolution takes by tiles of so many pixels and output channels; its channels are rounded up.
func (c intCost) time(s Shape, pixels, width, passes int) float64 {
	tiles, visits := 0, 0
	for _, run := range pixelRuns(s.Window, true) {
		tiles += ceilDiv(run.pixels, pixels) * ceilDiv(s.OutC, width)
		visits += run.pixels * run.taps
	}
	return float64(visits*s.InC*s.OutC*passes)/c.macs + float64(tiles)*(c.tile+float64(passes)*c.pass)
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

// bitsFaster tells whether counting ones convolves faster than multiplying, packing included, inputs and
// weights of so many bits.
func bitsFaster(isa ISA, s Shape, weightBits, inBits int) bool {
	if s.Groups != 1 || !bitsSupported(isa, s.InC) {
		return false
	}
	v := vectorOf(isa)
	passes := weightPlanes(v, weightBits) * inBits
	if v == nil {
		return passes <= 4 && s.InC >= 64 && s.OutC >= 64
	}
	integer, bits, pack, sum, pass := dotCost, nibbleCost, narrowPackCost, narrowSumCost, narrowPassCost
	switch {
	case isa == NEON:
		integer, bits, pack, sum, pass = pairCost, byteCost, neonPackCost, neonSumCost, neonPassCost
	case isa == NEONDot:
		integer, bits, pack, sum, pass = neonDotCost, neonBitsCost, neonPackCost, neonSumCost, neonPassCost
	case v.words:
		integer = wordCost
	}
	whole := integer.time(s.withChannels(roundUp(s.InC, 4), roundUp(s.OutC, v.intUnit())), v.intPixels, v.intWidth, 1)
	channels, lanesOut := roundUp(s.InC, bitChannels), s.outStride()
	if !v.countsDigits() {
		counted := bits.time(s.withChannels(channels, lanesOut), v.bitPixels, v.bitWidth, passes) +
			float64(s.InH*s.InW*ChannelStride(s.InC))*pack + float64(s.OutH*s.OutW*lanesOut)*sum + pass
		return counted < 0.88*whole
	}
	bits = ternaryCost
	if weightBits == 1 {
		bits = binaryCost
	}
	packed := s.packed()
	counted := bits.time(packed.withChannels(channels, lanesOut), v.bitPixels, v.bitWidth, passes) +
		float64(packed.InH*packed.InW*roundUp(s.InC, 64)*inBits)*packCost + passCost
	return counted < whole
}

func (s Shape) withChannels(in, out int) Shape {
	s.InC, s.OutC = in, out
	return s
}

// bitsSupported tells whether there is what counting ones needs, apart from plain Go.
func bitsSupported(isa ISA, inC int) bool {
	v := vectorOf(isa)
	return v == nil || v.countsDigits() || v.bits[1] != nil && (v.bitWords == 0 || ceilDiv(inC, bitChannels) <= v.bitWords)
}

// countsDigits tells whether there are tiles for digits.
func (v *vector) countsDigits() bool { return v != nil && v.ternary[1] != nil }

// weightPlanes is the number of planes that an instruction set takes weights apart into.
func weightPlanes(v *vector, bits int) int {
	if v.countsDigits() {
		return max(bits-1, 1)
	}
	return max(bits, 2) // −1 and 1 take two
}
