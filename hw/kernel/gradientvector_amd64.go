package kernel

// gradientsOf is the assembly of an ISA for training.
func gradientsOf(isa ISA) *gradientVector {
	switch isa {
	case AVX2:
		return &avx2Gradients
	case AVX512, AVX512VNNI:
		return &avx512Gradients
	}
	return &noGradients
}

var avx2Gradients = gradientVector{
	outerRows: 4, outerWidth: 16,
	outer:            [3]outerProduct{1: outerTileAVX2x4x16},
	winogradGradient: winogradGradient4x4AVX2,
	moments:          channelMomentsAVX2,
	affine:           channelAffineAVX2,
	products:         channelProductsAVX2,
	normGradient:     normGradientAVX2,
	passPositive:     passPositiveAVX2,
}

var avx512Gradients = gradientVector{
	outerRows: 8, outerWidth: 32,
	outer:            [3]outerProduct{1: outerTileAVX512x8x16, 2: outerTileAVX512x8x32},
	winogradGradient: winogradGradient4x4AVX512,
	moments:          channelMomentsAVX512,
	affine:           channelAffineAVX512,
	products:         channelProductsAVX512,
	normGradient:     normGradientAVX512,
	passPositive:     passPositiveAVX512,
}
