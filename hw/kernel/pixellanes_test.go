package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPixelLanes meets every width of pixels across lanes, in whole vectors, parts of them and bands of several kinds.
func TestPixelLanes(t *testing.T) {
	if !slices.Contains(Supported(), AVX512VNNI) {
		t.Skipf("this machine does not support %s", AVX512VNNI)
	}
	random := rand.New(rand.NewPCG(2, 3))
	one, three, five := [2]int{1, 1}, [2]int{3, 3}, [2]int{5, 5}
	cases := []layer{
		square(3, 8, 32, 3, 1), square(8, 4, 40, 3, 1), square(16, 16, 1, 3, 1), square(16, 16, 1, 1, 1), square(4, 4, 4, 1, 1),
		convolution(4, 7, 1, 1, 19, three, one, one, [4]int{1, 1, 1, 1}),
		convolution(16, 3, 1, 70, 33, three, one, one, [4]int{1, 1, 1, 1}),
		convolution(5, 12, 1, 3, 400, five, one, one, [4]int{2, 2, 2, 2}),
		convolution(9, 1, 1, 11, 7, three, one, [2]int{2, 2}, [4]int{2, 2, 2, 2}),
		convolution(8, 8, 1, 9, 6, three, one, [2]int{1, 3}, [4]int{0, 3, 4, 3}),
		convolution(4, 4, 1, 2, 5, [2]int{3, 1}, one, one, [4]int{5, 0, 4, 0}),
		convolution(4, 4, 1, 6, 3, [2]int{1, 2}, one, one, [4]int{0, 1, 0, 0}),
	}
	for in := 1; in <= 16; in++ {
		for out := 1; out <= 16; out++ {
			cases = append(cases, convolution(in, out, 1, 1+random.IntN(9), 1+random.IntN(24), three, one, one, [4]int{1, 1, 1, 1}))
		}
	}
	for _, l := range cases {
		checkIntConv(t, random, l, func(isa ISA, s Shape) IntPlan {
			p := planInt(isa, s)
			if pixelLanesFit(isa, s) {
				p.algorithm = pixelLanes
			}
			return p
		})
	}
}
