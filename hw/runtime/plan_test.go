package runtime

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// truncated is the graph with a node's output as its own. Half the time the nodes that are not
// needed then remain.
func truncated(g *graph.Graph, node int) *graph.Graph {
	g = g.Clone()
	g.Output = g.Nodes[node].Output
	if node%2 == 0 {
		g.Prune()
	}
	return g
}

// run gives the output for one image, convolved directly: as accurate as the reference expects.
func run(t *testing.T, g *graph.Graph, isa kernel.ISA, image []float32) []float32 {
	t.Helper()
	p, err := Compile(g, Options{ISA: isa, Direct: true})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, p.OutputElements())
	w := p.NewWorker()
	// Whatever an image leaves in the arena must not show in the next one's result.
	w.Run(out, slices.Repeat([]float32{float32(math.NaN())}, len(image)))
	w.Run(out, image)
	return out
}

// TestPlanNodes compares every value of random graphs, as plans of the graph cut off
// there compute it, with the reference applied to the node's inputs.
func TestPlanNodes(t *testing.T) {
	for _, isa := range instructionSets(t) {
		t.Run(string(isa), func(t *testing.T) {
			for seed := range several(40) {
				s := randomGraph(seed, 12, false)
				image := s.Image()
				results := make([]*tensor, len(s.g.Values))
				input := tensorOf(graph.Value{Shape: s.g.Values[0].Shape}, image)
				results[0] = input.rounded(s.g.Values[0].Quant)
				for i, n := range s.g.Nodes {
					got := run(t, truncated(s.g, i), isa, image)
					in := make([]*tensor, len(n.Inputs))
					for j, id := range n.Inputs {
						in[j] = results[id]
					}
					v := s.g.Values[n.Output]
					if d := interpret(s.g, i, in).differs(v.Quant, got); d != "" {
						t.Fatalf("seed %d: %s node %d of %s: %s", seed, n.Op.Kind(), i, describe(s.g), d)
					}
					results[n.Output] = tensorOf(v, got)
				}
			}
		})
	}
}

// TestPlanExact runs whole graphs on numbers float32 is exact on: nothing may differ.
func TestPlanExact(t *testing.T) {
	for _, isa := range instructionSets(t) {
		t.Run(string(isa), func(t *testing.T) {
			for seed := range several(150) {
				s := randomGraph(seed, 14, true)
				got := run(t, s.g, isa, s.image)
				for i, want := range s.values[s.g.Output].real {
					if float64(got[i]) != want {
						t.Fatalf("seed %d: %s: element %d is %g, wants %g", seed, describe(s.g), i, got[i], want)
					}
				}
			}
		})
	}
}

// describe lists a graph's nodes for failure messages.
func describe(g *graph.Graph) string {
	text := ""
	for i, n := range g.Nodes {
		text += fmt.Sprintf("\n  %d: %s%v → %d %v", i, n.Op.Kind(), n.Inputs, n.Output, g.Values[n.Output].Shape)
		if q := g.Values[n.Output].Quant; q != nil {
			text += fmt.Sprintf(" %+v", *q)
		}
	}
	return text + "\n"
}
