package refit

import (
	"math"
	"math/rand/v2"

	"galen/hw/graph"
)

// Unbalanced makes the channels between a graph's layers smaller by very different factors and
// their readers' weights larger, so that it computes what it did.
func Unbalanced(g *graph.Graph) *graph.Graph {
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
