package compress

import (
	"math"
	"testing"

	"galen/engine/compress/testnet"
	"galen/hw/graph"
)

// Every operator can stand in a network that is compressed and runs on integers.
func TestOperatorsAreCompressed(t *testing.T) {
	for _, e := range graph.Examples() {
		t.Run(e.Name, func(t *testing.T) {
			g := testnet.Around(t, e)
			c, err := New(g, testnet.Images(g, 6), 6, Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := compressed(t, c, c.structure.Uniform(0.3, 8))
			for i, y := range testnet.Outputs(t, r.Graph, testnet.Images(g, 6), 6) {
				if x := float64(y); math.IsNaN(x) || math.IsInf(x, 0) {
					t.Fatalf("output %d is %g", i, x)
				}
			}
		})
	}
}
