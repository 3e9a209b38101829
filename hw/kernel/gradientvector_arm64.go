package kernel

// gradientsOf is the assembly of an ISA for training.
func gradientsOf(isa ISA) *gradientVector {
	if isa == Portable {
		return &noGradients
	}
	return &neonGradients
}

var neonGradients = gradientVector{
	outerRows: 4, outerWidth: 16,
	outer: [3]outerProduct{1: outerTileNEON4x16},
}
