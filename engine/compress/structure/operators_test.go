package structure

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"galen/engine/compress/testnet"
	"galen/hw/graph"
)

// mixing lists the operators in front of which no channel may leave, and why.
var mixing = map[string]string{
	"LRN":        "go through LRN",
	"LogSoftmax": "go through LogSoftmax",
	"Softmax":    "go through Softmax",
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
			g := testnet.Around(t, e)
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
