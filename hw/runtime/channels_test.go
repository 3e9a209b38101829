package runtime

import (
	"math/rand/v2"
	"slices"
	"testing"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// TestChannelMoves runs chains of operators that move channels, some of which are looked through, and
// compares with moving them one by one.
func TestChannelMoves(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	for range 40 {
		b := newResnetBuilder(t, graph.Shape{1 + rng.IntN(60), 3, 5})
		known := []graph.ValueID{0, b.relu(0)}
		for range 12 {
			x, y := known[rng.IntN(len(known))], known[rng.IntN(len(known))]
			channels := b.g.Values[x].Shape[0]
			switch rng.IntN(4) {
			case 0:
				if channels+b.g.Values[y].Shape[0] <= 200 {
					x = b.append(graph.Concat{Axis: 0}, nil, x, y)
				}
			case 1:
				index := rng.Perm(channels)
				if channels%2 == 0 && rng.IntN(2) == 0 {
					for i := range index {
						index[i] = i%2*channels/2 + i/2
					}
				}
				x = b.append(&graph.Gather{Axis: 0, Index: index}, nil, x)
			case 2:
				start, end := rng.IntN(channels), channels
				x = b.append(&graph.Slice{Start: []int{start, 0, 0}, End: []int{end, 3, 5}, Step: []int{1 + rng.IntN(2), 1, 1}}, nil, x)
			case 3:
				x = b.append(graph.Clip{Min: -1, Max: 1}, nil, x)
			}
			known = append(known, x)
		}
		b.append(graph.Concat{Axis: 0}, nil, known[len(known)-1], known[len(known)-2], known[len(known)-3])
		x := images(b.g, 1)
		want := traced(t, b.g, x)
		for _, isa := range kernel.Supported() {
			plan, err := Compile(b.g, Options{ISA: isa})
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, plan.OutputElements())
			plan.NewWorker().Run(got, x)
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %v is %v, want %v", isa, b.g.Nodes, got, want)
			}
		}
	}
}

// traced is the output of a graph for one image, computed node by node.
func traced(t *testing.T, g *graph.Graph, image []float32) []float32 {
	t.Helper()
	tracer := NewTracer(kernel.Portable, 1)
	values := make([]*Batch, len(g.Values))
	if err := tracer.Run(g, tracer.Input(g, image, 1), 0, values, nil); err != nil {
		t.Fatal(err)
	}
	return values[g.Output].Outputs()
}
