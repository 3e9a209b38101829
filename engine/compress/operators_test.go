package compress

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"galen/hw/graph"
)

// mixing lists the operators in front of which no channel may leave, and why.
var mixing = map[string]string{
	"LRN":        "go through LRN",
	"LogSoftmax": "go through LogSoftmax",
	"Softmax":    "go through Softmax",
}

// around is a network that computes what an operator reads by layers of its own, and a class from what it gives.
func around(t testing.TB, e graph.Example) *graph.Graph {
	b := newBuilder(t, 5, 3, 6, 5)
	inputs := make([]graph.ValueID, len(e.Inputs))
	for i, shape := range e.Inputs {
		inputs[i] = b.feed(shape)
		if e.Positive {
			inputs[i] = b.add(graph.Clip{Min: 0.25, Max: 4}, inputs[i])
		}
	}
	x := b.add(e.Op, inputs...)
	if len(b.shape(x)) == 3 {
		return b.end(b.conv(x, 8, 1, 1, 1))
	}
	b.gemm(x, 10)
	return b.g
}

// feed computes a tensor from the network's input by a layer.
func (b *builder) feed(shape graph.Shape) graph.ValueID {
	if len(shape) == 1 {
		return b.gemm(b.add(graph.Flatten{}, b.add(graph.GlobalAveragePool{}, 0)), shape[0])
	}
	x := b.conv(0, shape[0], 1, 1, 1)
	if slices.Equal(shape, b.shape(x)) {
		return x
	}
	return b.add(&graph.Slice{Start: []int{0, 0, 0}, End: shape, Step: []int{1, 1, 1}}, x)
}

// Around every operator channels leave exactly, or all must stay for a reason that people are told.
func TestOperatorsArePruned(t *testing.T) {
	examples := graph.Examples()
	for name := range mixing {
		if !slices.ContainsFunc(examples, func(e graph.Example) bool { return e.Name == name }) {
			t.Errorf("%s is no operator", name)
		}
	}
	for _, e := range examples {
		t.Run(e.Name, func(t *testing.T) {
			g := around(t, e)
			s, err := Analyze(g)
			if err != nil {
				t.Fatal(err)
			}
			first, reason := s.Layers[0], mixing[e.Name]
			if first.Prunable != (reason == "") || !strings.Contains(first.Why, reason) {
				t.Errorf("may the layer in front be pruned: %v (%s)", first.Prunable, first.Why)
			}
			gone := 0
			for seed := range uint64(10) {
				gone += checkMasked(t, g, rand.New(rand.NewPCG(seed, 7)))
			}
			if gone == 0 && mixing[e.Name] == "" {
				t.Error("no channel left")
			}
		})
	}
}

// Every operator can stand in a network that is compressed and runs on integers.
func TestOperatorsAreCompressed(t *testing.T) {
	for _, e := range graph.Examples() {
		t.Run(e.Name, func(t *testing.T) {
			g := around(t, e)
			c, err := New(g, images(g, 6), 6, Options{})
			if err != nil {
				t.Fatal(err)
			}
			r := compressed(t, c, c.structure.Uniform(0.3, 8))
			for i, y := range outputs(t, r.Graph, images(g, 6), 6) {
				if x := float64(y); math.IsNaN(x) || math.IsInf(x, 0) {
					t.Fatalf("output %d is %g", i, x)
				}
			}
		})
	}
}
