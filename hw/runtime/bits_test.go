package runtime

import (
	"slices"
	"testing"

	"galen/hw/kernel"
)

// TestBitsAreIntegers compares networks of few bits with the same ones whose weights, though no larger,
// are declared to have eight: those run on the portable int8 kernel, and nothing may differ.
func TestBitsAreIntegers(t *testing.T) {
	precisions := []precision{{1, 1}, {2, 2}}
	if testing.Short() {
		precisions = precisions[:1]
	}
	for _, p := range precisions {
		few := resnet(t, architecture{[]int{64, 128}, 1, true}, &p)
		many := resnet(t, architecture{[]int{64, 128}, 1, true}, &p)
		for _, node := range many.Layers() {
			many.Nodes[node].Weight().Bits = 8
		}
		counts := func(l LayerPlan) bool { return l.Kernel == "bits" }
		if slices.ContainsFunc(compiled(t, many, kernel.Portable).Layers(), counts) {
			t.Fatal("bits of 8-bit weights are counted")
		}
		x := images(few, 1)
		want := run(t, many, kernel.Portable, x)
		for _, isa := range instructionSets(t) {
			faster := isa != kernel.NEONDot || p.activations == 1 // than dot products
			if faster && !slices.ContainsFunc(compiled(t, few, isa).Layers(), counts) {
				t.Errorf("%s: no layer of w%da%d counts bits", isa, p.weights, p.activations)
			}
			if got := run(t, few, isa, x); !slices.Equal(got, want) {
				t.Errorf("%s w%da%d: counted bits give %v, int8 %v", isa, p.weights, p.activations, got, want)
			}
		}
	}
}
