package kernel

import "golang.org/x/sys/cpu"

//go:generate go run -C gen . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg kernel
//go:generate go run -C gen . -dots -out ../dots_amd64.s -stubs ../dots_amd64.go -pkg kernel
//go:generate go run -C gen . -pixels -out ../pixellanes_amd64.s -stubs ../pixellanes_amd64.go -pkg kernel
//go:generate go run -C gen . -operators -out ../operators_amd64.s -stubs ../operators_amd64.go -pkg kernel

func detected() []ISA {
	x := cpu.X86
	if !x.HasAVX2 || !x.HasFMA {
		return nil
	}
	if !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL {
		return []ISA{AVX2}
	}
	if !x.HasAVX512VNNI {
		return []ISA{AVX2, AVX512}
	}
	return []ISA{AVX2, AVX512, AVX512VNNI}
}

// vectorOf is the assembly of an ISA, nil if there is none.
func vectorOf(isa ISA) *vector {
	switch isa {
	case AVX2:
		return &avx2
	case AVX512:
		return &avx512
	case AVX512VNNI:
		return &avx512vnni
	}
	return nil
}

var avx2 = vector{
	floatPixels: 6, floatWidth: 16,
	float: [3][]floatTile{1: {nil,
		floatTileAVX2x1x16, floatTileAVX2x2x16, floatTileAVX2x3x16,
		floatTileAVX2x4x16, floatTileAVX2x5x16, floatTileAVX2x6x16,
	}},
	intPixels: 4, intWidth: 16, words: true,
	int: [5][]intTile{2: {nil, wordTileAVX2x1x16, wordTileAVX2x2x16, wordTileAVX2x3x16, wordTileAVX2x4x16}},

	bitPixels: 4, bitWidth: 16, bitWords: 31,
	bits:     [3][]bitTile{1: {nil, bitTileAVX2x1x16, bitTileAVX2x2x16, bitTileAVX2x3x16, bitTileAVX2x4x16}},
	packBits: packBitsAVX2,

	depthwiseFloat: []depthwiseFloatTile{nil, depthwiseFloatAVX2x1, depthwiseFloatAVX2x2, depthwiseFloatAVX2x3, depthwiseFloatAVX2x4},
	depthwiseTiles: []depthwiseTiles{nil,
		depthwiseTilesAVX2x1, depthwiseTilesAVX2x2, depthwiseTilesAVX2x3, depthwiseTilesAVX2x4,
		depthwiseTilesAVX2x5, depthwiseTilesAVX2x6, depthwiseTilesAVX2x7, depthwiseTilesAVX2x8,
	},
	sliding: slidingKernels{
		{3, 1, 4}: depthwiseSlide3by1AVX2x4, {3, 1, 7}: depthwiseSlide3by1AVX2x7, {3, 1, 8}: depthwiseSlide3by1AVX2x8,
		{3, 2, 4}: depthwiseSlide3by2AVX2x4, {3, 2, 7}: depthwiseSlide3by2AVX2x7, {3, 2, 8}: depthwiseSlide3by2AVX2x8,
		{5, 1, 4}: depthwiseSlide5by1AVX2x4, {5, 1, 7}: depthwiseSlide5by1AVX2x7, {5, 1, 8}: depthwiseSlide5by1AVX2x8,
		{5, 2, 4}: depthwiseSlide5by2AVX2x4, {5, 2, 7}: depthwiseSlide5by2AVX2x7, {5, 2, 8}: depthwiseSlide5by2AVX2x8,
	},
	depthwiseInt: []depthwiseIntTile{nil, depthwiseIntAVX2x1, depthwiseIntAVX2x2, depthwiseIntAVX2x3, depthwiseIntAVX2x4},

	winograd: [5]winogradTransforms{
		2: {winogradInput2x2AVX2, winogradOutput2x2AVX2},
		4: {winogradInput4x4AVX2, winogradOutput4x4AVX2},
	},

	requantizeSums: requantizeSumsAVX2,
	addSums:        addSumsAVX2,
	dequantizeSums: dequantizeSumsAVX2,

	addFloat:      addFloatAVX2,
	addUint8:      addUint8AVX2,
	quantizeFloat: quantizeFloatAVX2,
	dequantize:    dequantizeAVX2,
	lookup:        lookupAVX2,
	quantizeMeans: quantizeMeansAVX2,
	activations: [functions]func(n int, out, in *float32, alpha, beta float32){
		Sigmoid: sigmoidAVX2, Silu: siluAVX2, Tanh: tanhAVX2,
		HardSigmoid: hardSigmoidAVX2, HardSwish: hardSwishAVX2, LeakyRelu: leakyReluAVX2,
	},

	mapWidth: 8, mapChannels: mapChannelsAVX2,

	gather: gatherAVX2,

	toPixels: [5]func(n int, out, in *float32, plane, stride int){nil, pixelsAVX2x1, pixelsAVX2x2, pixelsAVX2x3, pixelsAVX2x4},
	quantizePixels: [5]func(n int, out *uint8, in *float32, plane int, scale, lo, hi float32, zero int32){
		nil, quantizePixelsAVX2x1, quantizePixelsAVX2x2, quantizePixelsAVX2x3, quantizePixelsAVX2x4,
	},

	maxFloat: maxFloatAVX2,
	maxUint8: maxUint8AVX2,

	patchSumUint8: patchSumUint8AVX2,
}

var avx512 = withPopulationCounts(vector{
	floatPixels: 12, floatWidth: 32,
	float: [3][]floatTile{
		1: {nil,
			floatTileAVX512x1x16, floatTileAVX512x2x16, floatTileAVX512x3x16, floatTileAVX512x4x16,
			floatTileAVX512x5x16, floatTileAVX512x6x16, floatTileAVX512x7x16, floatTileAVX512x8x16,
			floatTileAVX512x9x16, floatTileAVX512x10x16, floatTileAVX512x11x16, floatTileAVX512x12x16,
		},
		2: {nil,
			floatTileAVX512x1x32, floatTileAVX512x2x32, floatTileAVX512x3x32, floatTileAVX512x4x32,
			floatTileAVX512x5x32, floatTileAVX512x6x32, floatTileAVX512x7x32, floatTileAVX512x8x32,
			floatTileAVX512x9x32, floatTileAVX512x10x32, floatTileAVX512x11x32, floatTileAVX512x12x32,
		},
	},
	// Without VNNI, 512-bit integers would gain little over AVX2's.
	intPixels: avx2.intPixels, intWidth: avx2.intWidth, words: true, int: avx2.int,

	depthwiseFloat: []depthwiseFloatTile{nil, depthwiseFloatAVX512x1, depthwiseFloatAVX512x2, depthwiseFloatAVX512x3, depthwiseFloatAVX512x4},
	depthwiseTiles: []depthwiseTiles{nil,
		depthwiseTilesAVX512x1, depthwiseTilesAVX512x2, depthwiseTilesAVX512x3, depthwiseTilesAVX512x4,
		depthwiseTilesAVX512x5, depthwiseTilesAVX512x6, depthwiseTilesAVX512x7, depthwiseTilesAVX512x8,
	},
	sliding: slidingKernels{
		{3, 1, 4}: depthwiseSlide3by1AVX512x4, {3, 1, 7}: depthwiseSlide3by1AVX512x7, {3, 1, 8}: depthwiseSlide3by1AVX512x8,
		{3, 2, 4}: depthwiseSlide3by2AVX512x4, {3, 2, 7}: depthwiseSlide3by2AVX512x7, {3, 2, 8}: depthwiseSlide3by2AVX512x8,
		{5, 1, 4}: depthwiseSlide5by1AVX512x4, {5, 1, 7}: depthwiseSlide5by1AVX512x7, {5, 1, 8}: depthwiseSlide5by1AVX512x8,
		{5, 2, 4}: depthwiseSlide5by2AVX512x4, {5, 2, 7}: depthwiseSlide5by2AVX512x7, {5, 2, 8}: depthwiseSlide5by2AVX512x8,
	},
	depthwiseInt: []depthwiseIntTile{nil, depthwiseIntAVX512x1, depthwiseIntAVX512x2, depthwiseIntAVX512x3, depthwiseIntAVX512x4},

	winograd: [5]winogradTransforms{
		2: {winogradInput2x2AVX512, winogradOutput2x2AVX512},
		4: {winogradInput4x4AVX512, winogradOutput4x4AVX512},
	},

	requantizeSums: requantizeSumsAVX512,
	addSums:        addSumsAVX512,
	dequantizeSums: dequantizeSumsAVX512,

	addFloat:      addFloatAVX512,
	addUint8:      addUint8AVX512,
	quantizeFloat: quantizeFloatAVX512,
	dequantize:    dequantizeAVX512,
	lookup:        permutingLookup(),
	quantizeMeans: quantizeMeansAVX512,
	activations: [functions]func(n int, out, in *float32, alpha, beta float32){
		Sigmoid: sigmoidAVX512, Silu: siluAVX512, Tanh: tanhAVX512,
		HardSigmoid: hardSigmoidAVX512, HardSwish: hardSwishAVX512, LeakyRelu: leakyReluAVX512,
	},

	mapWidth: 16, mapChannels: mapChannelsAVX512,

	gather: gatherAVX2,

	toPixels: [5]func(n int, out, in *float32, plane, stride int){nil, pixelsAVX2x1, pixelsAVX2x2, pixelsAVX2x3, pixelsAVX2x4},
	quantizePixels: [5]func(n int, out *uint8, in *float32, plane int, scale, lo, hi float32, zero int32){
		nil, quantizePixelsAVX512x1, quantizePixelsAVX512x2, quantizePixelsAVX512x3, quantizePixelsAVX512x4,
	},

	maxFloat: maxFloatAVX512,
	maxUint8: maxUint8AVX2,

	patchSumUint8: patchSumUint8AVX512,
})

// withPopulationCounts uses AVX-512's instruction where there is one, else AVX2's table.
func withPopulationCounts(v vector) vector {
	if !cpu.X86.HasAVX512VPOPCNTDQ {
		v.bitPixels, v.bitWidth, v.bitWords, v.bits, v.packBits = avx2.bitPixels, avx2.bitWidth, avx2.bitWords, avx2.bits, avx2.packBits
		return v
	}
	v.bitPixels, v.bitWidth, v.packWords = 8, 32, packBitsAVX512
	v.ternary = [3][]digitTile{
		1: {nil,
			ternaryTileAVX512x1x16, ternaryTileAVX512x2x16, ternaryTileAVX512x3x16, ternaryTileAVX512x4x16,
			ternaryTileAVX512x5x16, ternaryTileAVX512x6x16, ternaryTileAVX512x7x16, ternaryTileAVX512x8x16,
		},
		2: {nil,
			ternaryTileAVX512x1x32, ternaryTileAVX512x2x32, ternaryTileAVX512x3x32, ternaryTileAVX512x4x32,
			ternaryTileAVX512x5x32, ternaryTileAVX512x6x32, ternaryTileAVX512x7x32, ternaryTileAVX512x8x32,
		},
	}
	v.binary = [3][]digitTile{
		1: {nil,
			binaryTileAVX512x1x16, binaryTileAVX512x2x16, binaryTileAVX512x3x16, binaryTileAVX512x4x16,
			binaryTileAVX512x5x16, binaryTileAVX512x6x16, binaryTileAVX512x7x16, binaryTileAVX512x8x16,
		},
		2: {nil,
			binaryTileAVX512x1x32, binaryTileAVX512x2x32, binaryTileAVX512x3x32, binaryTileAVX512x4x32,
			binaryTileAVX512x5x32, binaryTileAVX512x6x32, binaryTileAVX512x7x32, binaryTileAVX512x8x32,
		},
	}
	return v
}

var avx512vnni = withDotProducts(avx512)

func withDotProducts(v vector) vector {
	v.intPixels, v.intWidth, v.intStrips, v.words = 12, 32, true, false
	v.pixelLanes = pixelKernels{
		split: [5]func(int, *uint8, *uint32, int){nil, splitPixelsAVX512x4, splitPixelsAVX512x8, splitPixelsAVX512x12, splitPixelsAVX512x16},
		shift: shiftPixelsAVX512, three: splitNeighboursAVX512,
		tiles: [5][]pixelTiles{
			1: {{4, pixelTileAVX512x64x4}, {1, pixelTileAVX512x16x4}},
			2: {{2, pixelTileAVX512x32x8}, {1, pixelTileAVX512x16x8}},
			3: {{1, pixelTileAVX512x16x12}},
			4: {{1, pixelTileAVX512x16x16}},
		},
	}
	v.int = [5][]intTile{
		1: {nil,
			dotTileAVX512x1x8, dotTileAVX512x2x8, dotTileAVX512x3x8, dotTileAVX512x4x8,
			dotTileAVX512x5x8, dotTileAVX512x6x8, dotTileAVX512x7x8, dotTileAVX512x8x8,
			dotTileAVX512x9x8, dotTileAVX512x10x8, dotTileAVX512x11x8, dotTileAVX512x12x8,
		},
		2: {nil,
			dotTileAVX512x1x16, dotTileAVX512x2x16, dotTileAVX512x3x16, dotTileAVX512x4x16,
			dotTileAVX512x5x16, dotTileAVX512x6x16, dotTileAVX512x7x16, dotTileAVX512x8x16,
			dotTileAVX512x9x16, dotTileAVX512x10x16, dotTileAVX512x11x16, dotTileAVX512x12x16,
		},
		3: {nil,
			dotTileAVX512x1x24, dotTileAVX512x2x24, dotTileAVX512x3x24, dotTileAVX512x4x24,
			dotTileAVX512x5x24, dotTileAVX512x6x24, dotTileAVX512x7x24, dotTileAVX512x8x24,
			dotTileAVX512x9x24, dotTileAVX512x10x24, dotTileAVX512x11x24, dotTileAVX512x12x24,
		},
		4: {nil,
			dotTileAVX512x1x32, dotTileAVX512x2x32, dotTileAVX512x3x32, dotTileAVX512x4x32,
			dotTileAVX512x5x32, dotTileAVX512x6x32, dotTileAVX512x7x32, dotTileAVX512x8x32,
			dotTileAVX512x9x32, dotTileAVX512x10x32, dotTileAVX512x11x32, dotTileAVX512x12x32,
		},
	}
	return v
}

// permutingLookup needs byte permutations (VBMI), which AVX-512 does not imply.
func permutingLookup() func(n int, out, in *uint8, table *[256]uint8) {
	if cpu.X86.HasAVX512VBMI {
		return lookupAVX512
	}
	return lookupAVX2
}
