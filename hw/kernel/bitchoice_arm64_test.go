package kernel

import "testing"

// TestBitsFaster states what the costs come to: up to how many pairs of planes bits are counted.
func TestBitsFasterOnARM(t *testing.T) {
	layers := []layer{
		square(128, 128, 16, 3, 1), square(128, 256, 16, 3, 2), square(256, 256, 8, 3, 1), square(512, 512, 4, 3, 1),
	}
	for isa, limit := range map[ISA]int{NEON: 8, NEONDot: 2} {
		for _, l := range layers {
			for weightBits := 1; weightBits <= 8; weightBits++ {
				for inBits := 1; inBits <= 8; inBits++ {
					planes := max(2, weightBits) * inBits
					if planes == limit+1 {
						continue // depends on the layer
					}
					if got := bitsFaster(isa, l.Shape, weightBits, inBits); got != (planes <= limit) {
						t.Errorf("%s %v: w%da%d counts bits: %t", isa, l, weightBits, inBits, got)
					}
				}
			}
		}
		if bitsFaster(isa, square(1, 128, 16, 3, 1).Shape, 2, 1) {
			t.Errorf("%s counts the bits of a single channel", isa)
		}
	}
}
