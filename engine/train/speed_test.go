package train

import (
	"os"
	"path/filepath"
	"testing"

	"galen/hw/graph"
)

// normalized puts a BatchNorm behind every convolution of a network, in place of its bias, as it
// was before it was folded for inference.
func normalized(t testing.TB, g *graph.Graph) *graph.Graph {
	out := graph.NewGraph(g.Name, "images", g.Values[g.Input].Shape)
	values := make([]graph.ValueID, len(g.Values))
	values[g.Input] = out.Input
	add := func(op graph.Op, inputs ...graph.ValueID) graph.ValueID {
		id, err := out.Append("", op, "", inputs...)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	for _, n := range g.Nodes {
		inputs := make([]graph.ValueID, len(n.Inputs))
		for i, id := range n.Inputs {
			inputs[i] = values[id]
		}
		c, ok := n.Op.(*graph.Conv)
		if !ok {
			values[n.Output] = add(n.Op, inputs...)
			continue
		}
		plain := *c
		plain.Bias = nil
		norm := &graph.BatchNorm{Shift: make([]float32, c.Weight.Shape[0]), Mean: make([]float32, c.Weight.Shape[0]), Epsilon: 1e-5}
		for range norm.Mean {
			norm.Scale, norm.Variance = append(norm.Scale, 1), append(norm.Variance, 1)
		}
		values[n.Output] = add(norm, add(&plain, inputs...))
	}
	return out
}

// BenchmarkStep is of one step on 128 images: forward, backward and descent.
func BenchmarkStep(b *testing.B) {
	shared := os.Getenv("GALEN_SHARED")
	if shared == "" {
		b.Skip("needs networks: set GALEN_SHARED to a folder with models/resnet18-cifar10.onnx and models/resnet20-cifar10.onnx")
	}
	for _, name := range []string{"resnet20", "resnet18"} {
		b.Run(name, func(b *testing.B) {
			const n = 128
			g := load(b, filepath.Join(shared, "models", name+"-cifar10.onnx"))
			t, err := New(normalized(b, g), Options{Batch: n})
			if err != nil {
				b.Fatal(err)
			}
			_, images, labels := batch(g, n)
			step := func() {
				if _, _, err := t.Step(images, labels); err != nil {
					b.Fatal(err)
				}
			}
			step() // allocates
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
