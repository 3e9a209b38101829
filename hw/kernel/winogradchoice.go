package kernel

// winogradCost is what the time of a convolution follows from, measured on a Zen 4 at 3.65 GHz.
type winogradCost struct {
	macs  float64 // multiply-accumulates in a nanosecond
	value float64 // nanoseconds to transform a number, input or output
	call  float64 // nanoseconds that the product of a run of tiles takes beside its arithmetic
}

var (
	winogradVector   = winogradCost{57, 0.12, 15} // AVX2 and AVX-512 alike
	winogradPortable = winogradCost{2.2, 3.9, 0}
)

// Weights that a network returns to once an image come from the cache if they are few, and
// from memory as far as they are more; bytes in a nanosecond.
const (
	cachedWeights = 2 << 20
	cacheRate     = 100.0
	memoryRate    = 25.0
)

// WinogradTile is the side of the tiles by which [Winograd] computes a convolution fastest, and 0
// where it can't or where [FloatConv] is about as fast.
func WinogradTile(isa ISA, w Window, inC, outC, groups int) int {
	if groups != 1 || !minimal(w) {
		return 0
	}
	cost, lanesOut := winogradPortable, roundUp(outC, portableWidth)
	if v := vectorOf(isa); v != nil {
		if v.winograd[2].input == nil {
			return 0
		}
		cost, lanesOut = winogradVector, ChannelStride(outC)
	}
	pairs := float64(roundUp(inC, 4) * lanesOut)
	best, tile := 0.87*cost.time(float64(w.OutH*w.OutW*9)*pairs, 9*pairs), 0
	for _, m := range []int{2, 4} {
		tiles, n := ceilDiv(w.OutH, m)*ceilDiv(w.OutW, m), (m+2)*(m+2)
		values, calls := tiles*n*(ChannelStride(inC)+ChannelStride(outC)), n*ceilDiv(tiles, 12)*ceilDiv(outC, 32)
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
	cached := min(bytes, cachedWeights)
	return macs/c.macs + cached/cacheRate + (bytes-cached)/memoryRate
}
