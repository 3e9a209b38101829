package kernel

import "testing"

// TestPlans states which algorithm computes what, on every instruction set where there is nothing to weigh up.
func TestPlans(t *testing.T) {
	alone := convolution(24, 24, 24, 8, 8, [2]int{3, 3}, [2]int{1, 1}, [2]int{1, 1}, [4]int{1, 1, 1, 1})
	grouped := convolution(32, 32, 2, 8, 8, [2]int{3, 3}, [2]int{1, 1}, [2]int{1, 1}, [4]int{1, 1, 1, 1})
	for _, isa := range Supported() {
		for _, c := range []struct {
			layer
			bits    int
			integer algorithm
			float   algorithm
		}{
			{square(128, 128, 16, 1, 1), 8, channelLanes, channelLanes},
			{square(128, 128, 16, 3, 1), 8, channelLanes, winograd},
			{square(128, 128, 16, 3, 1), 1, bitSerial, winograd},
			{square(64, 128, 16, 3, 2), 8, channelLanes, channelLanes},
			{grouped, 1, channelLanes, channelLanes},
			{alone, 1, depthwise, depthwise},
		} {
			if got := PlanInt(isa, c.Shape, c.bits, c.bits).algorithm; got != c.integer {
				t.Errorf("%s %v: integers of %d bits by algorithm %d, want %d", isa, c.layer, c.bits, got, c.integer)
			}
			if got := PlanFloat(isa, c.Shape, true).algorithm; got != c.float {
				t.Errorf("%s %v: floats by algorithm %d, want %d", isa, c.layer, got, c.float)
			}
			if p := PlanFloat(isa, c.Shape, false); p.algorithm == winograd || p.Scratch() != 0 {
				t.Errorf("%s %v: transforms that were not asked for", isa, c.layer)
			}
		}
		few, fits := square(8, 4, 32, 3, 1).Shape, pixelLanes
		if !pixelLanesFit(isa, few) {
			fits = channelLanes
		}
		if got := PlanInt(isa, few, 8, 8).algorithm; got != fits {
			t.Errorf("%s: four output channels by algorithm %d, want %d", isa, got, fits)
		}
	}
}
