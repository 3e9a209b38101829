package kernel

import "testing"

// TestWinogradTile states what the costs come to.
func TestWinogradTile(t *testing.T) {
	for _, c := range []struct {
		layer
		tile int
	}{
		{square(64, 64, 56, 3, 1), 4},
		{square(64, 64, 32, 3, 1), 4},
		{square(128, 128, 28, 3, 1), 4},
		{square(16, 16, 32, 3, 1), 4},
		{square(512, 512, 4, 3, 1), 2}, // F(4×4) would read four times the weights for a single tile
		{square(64, 64, 1, 3, 1), 0},
		{square(1, 16, 28, 3, 1), 0},
		{square(64, 128, 56, 3, 2), 0},
		{square(64, 64, 56, 1, 1), 0},
	} {
		for _, isa := range []ISA{NEON, NEONDot} {
			if tile := winogradTile(isa, c.Shape); tile != c.tile {
				t.Errorf("%s %v: tiles of %d, want %d", isa, c.layer, tile, c.tile)
			}
		}
	}
}
