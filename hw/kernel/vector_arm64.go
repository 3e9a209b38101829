package kernel

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

func detected() []ISA {
	// NEON is part of arm64; all of Apple's arm64 processors have dot products.
	if runtime.GOOS == "darwin" || cpu.ARM64.HasASIMDDP {
		return []ISA{NEON, NEONDot}
	}
	return []ISA{NEON}
}

// vectorOf is the assembly of an ISA, nil if there is none.
func vectorOf(isa ISA) *vector {
	switch isa {
	case NEON:
		return &neon
	case NEONDot:
		return &neonDot
	}
	return nil
}

var neon = vector{
	floatPixels: 6, floatWidth: 16,
	float: [3][]floatTile{1: {nil,
		floatTileNEONx1, floatTileNEONx2, floatTileNEONx3, floatTileNEONx4, floatTileNEONx5, floatTileNEONx6,
	}},
	intPixels: 4, intWidth: 16, pairs: true, intShift: 128,
	int: [5][]intTile{2: {nil, pairTileNEONx1, pairTileNEONx2, pairTileNEONx3, pairTileNEONx4}},

	bitPixels: 4, bitWidth: 16, bitWords: 31,
	bits:     [3][]bitTile{1: {nil, bitTileNEONx1, bitTileNEONx2, bitTileNEONx3, bitTileNEONx4}},
	packBits: packBitsNEON,

	depthwiseFloat: []depthwiseFloatTile{nil, depthwiseFloatNEONx1, depthwiseFloatNEONx2, depthwiseFloatNEONx3, depthwiseFloatNEONx4},
	depthwiseInt:   []depthwiseIntTile{nil, depthwiseIntNEONx1, depthwiseIntNEONx2, depthwiseIntNEONx3, depthwiseIntNEONx4},
	depthwiseBytes: true,

	winograd: [5]winogradTransforms{
		2: {winogradInput2x2NEON, winogradOutput2x2NEON},
		4: {winogradInput4x4NEON, winogradOutput4x4NEON},
	},

	requantizeSums: requantizeSumsNEON,
	addSums:        addSumsNEON,
	dequantizeSums: dequantizeSumsNEON,

	addFloat:      addFloatNEON,
	addUint8:      addUint8NEON,
	quantizeFloat: quantizeFloatNEON,
	dequantize:    dequantizeNEON,
	lookup:        lookupNEON,

	patchMaxFloat: maxFloatNEON,
	patchMaxUint8: maxUint8NEON,
	patchSumUint8: sumUint8NEON,
}

var neonDot = withDotProducts(neon)

func withDotProducts(v vector) vector {
	v.intPixels, v.pairs = 6, false
	v.int = [5][]intTile{2: {nil,
		dotTileNEONx1, dotTileNEONx2, dotTileNEONx3, dotTileNEONx4, dotTileNEONx5, dotTileNEONx6,
	}}
	v.bitWords = 0
	v.bits = [3][]bitTile{1: {nil, bitTileNEONDotx1, bitTileNEONDotx2, bitTileNEONDotx3, bitTileNEONDotx4}}
	return v
}
