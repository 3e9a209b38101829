package compress

import (
	"math"
	"math/rand/v2"
	"testing"

	"galen/engine/compress/testnet"
	"galen/hw/graph"
)

// unbalanced makes the channels between a graph's layers smaller by very different factors and
// their readers' weights larger, so that it computes what it did.
func unbalanced(g *graph.Graph) *graph.Graph {
	g = g.Clone()
	rng := rand.New(rand.NewPCG(21, 22))
	for _, l := range links(g) {
		factors := make([]float32, g.Values[l.value].Shape[0])
		for ch := range factors {
			factors[ch] = float32(math.Exp(-4 * rng.Float64()))
		}
		l.rescale(g, factors)
	}
	return g
}

func TestEqualizedNetworksComputeTheSame(t *testing.T) {
	for name, g := range testnet.Networks(t) {
		want := testnet.Outputs(t, g, testnet.Images(g, 20), 20)
		c := newCompressor(t, g, Options{})
		for _, by := range []Equalization{EqualizeWeights, EqualizeActivations} {
			equal, err := c.equalized(g, c.input, by)
			if err != nil {
				t.Fatal(err)
			}
			if d := testnet.RelativeError(testnet.Outputs(t, equal, testnet.Images(g, 20), 20), want); d > 1e-5 {
				t.Errorf("%s, %s: outputs are off by %g", name, by, d)
			}
		}
	}
}

// A network whose channels differ in size by a factor of 50 must be quantized nearly as well
// as the balanced one that computes the same.
func TestEqualizationBalances(t *testing.T) {
	balanced := testnet.Separable(t)
	g := unbalanced(balanced)
	held := testnet.Images(g, 60)[48*g.Values[g.Input].Shape.Elements():]
	want := testnet.Outputs(t, balanced, held, 12)
	if d := testnet.RelativeError(testnet.Outputs(t, g, held, 12), want); d > 0.02 {
		t.Fatalf("the unbalanced network's outputs are off by %g", d)
	}
	off := func(g *graph.Graph, by Equalization) float64 {
		c := newCompressor(t, g, Options{Equalization: by})
		return testnet.RelativeError(testnet.Outputs(t, compressed(t, c, c.structure.Uniform(0, 5)).Graph, held, 12), want)
	}
	goal, none := off(balanced, EqualizeNone), off(g, EqualizeNone)
	for _, by := range []Equalization{EqualizeWeights, EqualizeActivations} {
		is := off(g, by)
		t.Logf("%s: off by %.3f; without %.3f; balanced %.3f", by, is, none, goal)
		if is > (goal+none)/2 {
			t.Errorf("%s: outputs are off by %.3f, without equalization by %.3f, those of the balanced network by %.3f", by, is, none, goal)
		}
	}
}
