package testnet

import (
	"math"
	"math/rand/v2"
	"testing"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// Images are n smooth random images of a graph's input shape.
func Images(g *graph.Graph, n int) []float32 {
	rng := rand.New(rand.NewPCG(11, 12))
	s := g.Values[g.Input].Shape
	pixels := make([]float32, 0, n*s.Elements())
	for range n {
		for range s[0] {
			a, b, c := 2*rng.Float64(), 2*rng.Float64(), 2*rng.Float64()-1
			for y := range s[1] {
				for x := range s[2] {
					pixels = append(pixels, float32(c+math.Sin(a*float64(x))+math.Cos(b*float64(y))+0.4*rng.Float64()))
				}
			}
		}
	}
	return pixels
}

// Outputs runs a graph through the plan that is deployed.
func Outputs(t testing.TB, g *graph.Graph, images []float32, n int) []float32 {
	t.Helper()
	plan, err := runtime.Compile(g, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, n*plan.OutputElements())
	plan.RunBatch(out, images, n, 1)
	return out
}

// RelativeError is ‖a−b‖ ÷ ‖b‖.
func RelativeError(a, b []float32) float64 {
	var d, s float64
	for i := range a {
		d += float64(a[i]-b[i]) * float64(a[i]-b[i])
		s += float64(b[i]) * float64(b[i])
	}
	return math.Sqrt(d / s)
}
