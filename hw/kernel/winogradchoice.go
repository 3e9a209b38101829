package kernel

// winogradCost is what the time of a convolution follows from. Only ratios of times count.
type winogradCost struct {
	macs          float64 // multiply-accumulates in a unit of time
	value         float64 // time to transform a number, input or output
	call          float64 // time that the product of a run of tiles takes beside its arithmetic
	height, width int     // tiles and output channels of a run

	// Weights that a network returns to once an image come from the cache if they are few, and from
	// memory as far as they are more; bytes in a unit of time.
	cachedWeights         float64
	cacheRate, memoryRate float64
}

var (
	// In nanoseconds, measured on a Zen 4 at 3.65 GHz; AVX2 and AVX-512 alike.
	winogradVector   = winogradCost{57, 0.12, 15, 12, 32, 2 << 20, 100, 25}
	winogradPortable = winogradCost{2.2, 3.9, 0, 12, 32, 2 << 20, 100, 25}

	// In cycles of a Cortex-A72, counted from the loops in kernels_arm64.s; nothing was measured. Its float
	// instructions take both pipes for four lanes. A step of the float tile has 96 FMLA for 384 products;
	// bias, limits and stores of its 24 sums take 80 cycles with the call. The transforms of 4×4 tiles
	// have 168 cycles of arithmetic for 144 numbers, input or output, and llvm-mca gives them 234 to
	// 266; those of 2×2 tiles take half as many a number. A Cortex-A76 has twice the float
	// throughput in all of that, so that the ratios stand. The 1 MB of cache and the memory are those of a
	// Raspberry Pi 4.
	winogradNEON = winogradCost{4, 1.7, 80, 6, 16, 1 << 20, 8, 3}
)

// winogradTile is the side of the tiles by which Winograd's transforms compute a convolution fastest, and 0
// where they can't or where direct convolution is about as fast.
func winogradTile(isa ISA, s Shape) int {
	if !s.minimal() {
		return 0
	}
	cost, lanesOut := winogradPortable, roundUp(s.OutC, portableWidth)
	if v := vectorOf(isa); v != nil {
		if v.winograd[2].input == nil {
			return 0
		}
		cost, lanesOut = winogradVector, s.outStride()
		if isa == NEON || isa == NEONDot {
			cost = winogradNEON
		}
	}
	pairs := float64(roundUp(s.InC, 4) * lanesOut)
	best, tile := 0.87*cost.time(float64(s.OutH*s.OutW*9)*pairs, 9*pairs), 0
	for _, m := range []int{2, 4} {
		tiles, n := ceilDiv(s.OutH, m)*ceilDiv(s.OutW, m), (m+2)*(m+2)
		values, calls := tiles*n*(ChannelStride(s.InC)+s.outStride()), n*ceilDiv(tiles, cost.height)*ceilDiv(s.OutC, cost.width)
		t := cost.time(float64(tiles*n)*pairs, float64(n)*pairs) + float64(values)*cost.value + float64(calls)*cost.call
		if t < best {
			best, tile = t, m
		}
	}
	return tile
}

// time is what products take whose weights are read once.
func (c winogradCost) time(macs, weights float64) float64 {
	bytes := weights * floatBytes
	cached := min(bytes, c.cachedWeights)
	return macs/c.macs + cached/c.cacheRate + (bytes-cached)/c.memoryRate
}
