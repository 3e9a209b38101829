package kernel

import "sync"

//go:generate go run -C gen ./arm64 -out ../kernels_arm64.s -stubs ../kernels_arm64.go

// vector is one instruction set's assembly. Operations that find none for their
// ISA run the portable version.
//
// The tiles compute a run of output pixels for a block of channels. Tables are
// indexed by pixels, and by channels/16 where there are blocks of two widths, /8 of integers.
// stride is in bytes.
type vector struct {
	floatPixels, floatWidth int // of the largest tile
	float                   [3][]floatTile

	intPixels, intWidth int
	int                 [5][]intTile
	intStrips           bool  // integer tiles work along strips and add residuals
	words               bool  // integer weights are 16 bits wide, see wordTile in gen
	pairs               bool  // integer weights come in twos of input channels, see pairTile in gen/arm64
	intShift            int32 // what tiles subtract from activations before they multiply

	pixelLanes pixelKernels // none: only channels lie across lanes

	bitPixels, bitWidth int // of the largest tile; no tiles: bits can't be counted
	bits                [3][]bitTile
	bitWords            int // most taps × words of a tile; 0: any
	packBits            func(pixels, bits int, out, in *uint8, outStride, inStride, plane int)

	ternary, binary [3][]digitTile // in place of bits, of the same sizes
	packWords       func(rows, pixels, bits int, out, in *uint8, outStride, inStride, rowGap, plane int, present uint64)

	depthwiseFloat []depthwiseFloatTile
	depthwiseTiles []depthwiseTiles // nil: depthwiseFloat convolves
	sliding        slidingKernels
	depthwiseInt   []depthwiseIntTile
	depthwiseBytes bool // integer weights are 8 bits wide and activations shifted by intShift; otherwise 32 bits

	winograd [5]winogradTransforms // by the side of a tile, 2 or 4

	requantizeSums func(pixels, channels int, out *uint8, sums *int32, stride int, scale *float32, lo, hi float32, zero int32)
	addSums        func(pixels, channels int, out *uint8, sums *int32, stride int, residual *uint8, scale, c *float32)
	dequantizeSums func(pixels, channels int, out *float32, sums *int32, stride int, residual, scale *float32, lo, hi float32)

	// Element-wise operations take a multiple of 16 scalars.
	addFloat      func(n int, out, a, b *float32, lo, hi float32)
	addUint8      func(n int, out, a, b *uint8, c *float32)
	quantizeFloat func(n int, out *uint8, in *float32, scale, lo, hi float32, zero int32)
	dequantize    func(n int, out *float32, in *uint8, scale float32, zero int32)
	lookup        func(n int, out, in *uint8, table *[256]uint8)
	quantizeMeans func(n int, out *uint8, sums *int32, offset int32, factor, zero, limit float64) // nil: portable
	activations   [functions]func(n int, out, in *float32, alpha, beta float32)                   // nil: portable

	mapWidth    int                                                                                 // lanes of a vector of mapChannels
	mapChannels func(pixels int, out, a, b *float32, outStride, aStride, bStride int, table *int32) // nil: portable

	gather func(pixels int, out, in *uint8, offsets *int32, stride int, table *uint8, add int) // nil: portable

	// By channels, for multiples of 16 pixels out of planes; nil: portable. plane and stride are in bytes.
	toPixels       [5]func(n int, out, in *float32, plane, stride int)
	quantizePixels [5]func(n int, out *uint8, in *float32, plane int, scale, lo, hi float32, zero int32)

	maxFloat func(pixels, taps, channels int, out, in *float32, offsets *int32, stride int) // nil: by patches
	maxUint8 func(pixels, taps, channels int, out, in *uint8, offsets *int32, stride int)   // nil: by patches

	// Operations on patches take a multiple of 16 channels; nil: portable.
	patchMaxFloat func(rows, columns, channels int, out, in *float32, rowStep, columnStep int)
	patchMaxUint8 func(rows, columns, channels int, out, in *uint8, rowStep, columnStep int)
	patchSumUint8 func(rows, columns, channels int, out *int32, in *uint8, rowStep, columnStep int)
}

type (
	floatTile func(taps, depth int, in, weights, out *float32, offsets *int32, stride int, bias, residual *float32, lo, hi float32)
	intTile   func(tiles, offsetStep, taps, depth int, in *uint8, weights *int8, out *uint8, offsets *int32, stride int, bias *int32, scale *float32, lo, hi float32, zero int32, residual *uint8, add *float32)

	bitTile func(taps, words int, in *uint8, weights *uint32, sums *int32, offsets, from *int32, fromStride int, shift, sign int64)

	digitTile func(taps, words int, in *uint8, weights *uint32, out *uint8, offsets *int32, passes *int, count, stride int, bias *int32, scale *float32, lo, hi float32, zero int32)

	depthwiseFloatTile func(taps, channels int, in, weights, out *float32, offsets *int32, stride, weightStride int, bias, residual *float32, lo, hi float32)
	depthwiseTiles     func(tiles, offsetStep, taps, channels int, in, weights, out *float32, offsets *int32, stride, weightStride int, bias, residual *float32, lo, hi float32)
	depthwiseIntTile   func(taps, channels int, in *uint8, weights *int8, out *int32, offsets *int32, stride, weightStride int, bias *int32)

	winogradTransforms struct {
		input  func(channels int, src, dst *float32, offsets *int32, plane int, scratch *float32)
		output func(channels int, src, dst *float32, offsets *int32, plane int, bias, residual *float32, lo, hi float32, scratch *float32)
	}
)

// intUnit is what the widths of blocks of integers are multiples of.
func (v *vector) intUnit() int {
	if v != nil && v.int[1] != nil {
		return lanes / 2
	}
	return lanes
}

// intTiles are the tiles for a block, by their pixels.
func (v *vector) intTiles(b block) []intTile { return v.int[b.width/8] }

// cover calls f for the whole vectors among n scalars and returns how many those are;
// none without assembly. The pieces are short: assembly can't be pre-empted.
func (v *vector) cover(n int, f func(from, n int)) int {
	const piece = 1 << 16
	if v == nil {
		return 0
	}
	whole := n / lanes * lanes
	for from := 0; from < whole; from += piece {
		f(from, min(piece, whole-from))
	}
	return whole
}

// addConstants are what a quantized addition needs, in the order assembly reads
// them. Limits are without their zero.
type addConstants struct {
	lo, hi, scale float32 // of the first operand, when it comes from sums
	inputZero     int32
	inputScale    float32
	outScale      float32
	outLo, outHi  float32
	outZero       int32
	zero          int32   // of the first operand, when it is quantized
	inverse, rest float32 // of outScale: see reciprocal
}

// scratch is what one call needs beside its operands: pointers handed to assembly
// through a table escape, so that it can't live on the stack.
type scratch struct {
	sums [scratchSums]int32 // [pixel][channel] of a tile
	add  addConstants

	planes           []uint32                        // of pixelLanes
	pixels, residual [pixelVector * pixelBytes]uint8 // of the last, incomplete vector

	offsets [depthwiseTile]int32 // of the pixels of a tile of ScaleChannels

	integers [256]uint8 // a piece of a plane that is quantized
}

const scratchSums = 12 * 32

var scratches = sync.Pool{New: func() any { return new(scratch) }}
