package refit_test

import (
	"context"
	"testing"

	"galen/engine/compress"
	"galen/engine/compress/refit"
	"galen/engine/compress/testnet"
	"galen/hw/graph"
)

// A network whose channels differ in size by a factor of 50 must be quantized nearly as well
// as the balanced one that computes the same.
func TestEqualizationBalances(t *testing.T) {
	balanced := testnet.Separable(t)
	g := refit.Unbalanced(balanced)
	held := testnet.Images(g, 60)[48*g.Values[g.Input].Shape.Elements():]
	want := testnet.Outputs(t, balanced, held, 12)
	if d := testnet.RelativeError(testnet.Outputs(t, g, held, 12), want); d > 0.02 {
		t.Fatalf("the unbalanced network's outputs are off by %g", d)
	}
	off := func(g *graph.Graph, by refit.Equalization) float64 {
		c, err := compress.New(g, testnet.Images(g, 48), 48, compress.Options{Equalization: by})
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Compress(context.Background(), c.Structure().Uniform(0, 5))
		if err != nil {
			t.Fatal(err)
		}
		return testnet.RelativeError(testnet.Outputs(t, r.Graph, held, 12), want)
	}
	goal, none := off(balanced, refit.EqualizeNone), off(g, refit.EqualizeNone)
	for _, by := range []refit.Equalization{refit.EqualizeWeights, refit.EqualizeActivations} {
		is := off(g, by)
		t.Logf("%s: off by %.3f; without %.3f; balanced %.3f", by, is, none, goal)
		if is > (goal+none)/2 {
			t.Errorf("%s: outputs are off by %.3f, without equalization by %.3f, those of the balanced network by %.3f", by, is, none, goal)
		}
	}
}
