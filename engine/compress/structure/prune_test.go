package structure

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"galen/engine/compress/testnet"
	"galen/hw/graph"
)

// checkMasked prunes a graph by a random policy and compares it with the original
// graph that reads zeros where channels were removed. It returns how many channels went.
func checkMasked(t *testing.T, g *graph.Graph, rng *rand.Rand) int {
	t.Helper()
	s, err := Analyze(g)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Uniform(0, graph.FloatBits)
	for l, info := range s.Layers {
		if info.Root && info.Prunable {
			p[l].Sparsity = rng.Float64()
		}
	}
	if err := s.Validate(p); err != nil {
		t.Fatal(err)
	}
	scores := s.Scores([]Importance{GroupL2, RootL1}[rng.IntN(2)])
	roundTo := 1 + rng.IntN(3)
	removed := s.Select(p, scores, roundTo)
	pruned, err := s.Prune(removed)
	if err != nil {
		t.Fatal(err)
	}
	for l, size := range s.Sizes(p, roundTo) {
		node := s.Layers[l].Node
		if want := pruned.MACs(node); size.MACs != want {
			t.Fatalf("%s is predicted %d MACs and has %d", s.Layers[l].Layer, size.MACs, want)
		}
		if want := pruned.Nodes[node].Weight().Shape[0]; size.Channels != want {
			t.Fatalf("%s is predicted %d channels and has %d", s.Layers[l].Layer, size.Channels, want)
		}
	}
	gone := 0
	for l, kept := range s.Kept(removed) {
		w := pruned.Nodes[s.Layers[l].Node].Weight()
		if w.Shape[0] != len(kept) {
			t.Fatalf("%s has %d channels, wants %d", s.Layers[l].Layer, w.Shape[0], len(kept))
		}
		if len(kept) == 0 || p[l].Sparsity == 0 && s.Layers[l].Root && len(kept) != s.Layers[l].Channels {
			t.Fatalf("%s keeps %d of %d channels at sparsity %v", s.Layers[l].Layer, len(kept), s.Layers[l].Channels, p[l].Sparsity)
		}
		gone += s.Layers[l].Channels - len(kept)
	}
	image := make([]float32, g.Values[g.Input].Shape.Elements())
	for i := range image {
		image[i] = float32(rng.NormFloat64())
	}
	want := testnet.Interpret(g, image, func(id graph.ValueID, c int) bool { return removed[s.classes[id][c]] })
	got := testnet.Interpret(pruned, image, nil)
	// Zeros that are left out change no sum, not even by rounding.
	if !slices.Equal(got, want) {
		t.Fatalf("pruned graph gives %v, masked one %v", got, want)
	}
	return gone
}

func TestPrunedEqualsMasked(t *testing.T) {
	all := testnet.Topologies(t)
	maps.Copy(all, testnet.Networks(t))
	for name, g := range all {
		t.Run(name, func(t *testing.T) {
			gone := 0
			for seed := range uint64(10) {
				gone += checkMasked(t, g, rand.New(rand.NewPCG(seed, 7)))
			}
			if gone == 0 {
				t.Error("nothing was pruned")
			}
		})
	}
}

func TestPrunedEqualsMaskedOnRandomGraphs(t *testing.T) {
	pruned := 0
	const graphs = 300
	for seed := range uint64(graphs) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			if checkMasked(t, testnet.Random(t, seed), rand.New(rand.NewPCG(seed, 8))) > 0 {
				pruned++
			}
		})
	}
	if pruned < graphs/2 {
		t.Errorf("only %d of %d random graphs could be pruned: the test shows little", pruned, graphs)
	}
}

func TestPrunedEqualsMaskedOnMixedTopologies(t *testing.T) {
	pruned := 0
	const graphs = 150
	for seed := range uint64(graphs) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			if checkMasked(t, testnet.Mixed(t, seed), rand.New(rand.NewPCG(seed, 9))) > 0 {
				pruned++
			}
		})
	}
	if pruned < graphs*9/10 {
		t.Errorf("only %d of %d mixed graphs could be pruned: the test shows little", pruned, graphs)
	}
}

func TestKept(t *testing.T) {
	for _, c := range []struct {
		sparsity          float64
		channels, r, want int
	}{
		{0, 64, 1, 64}, {0.5, 64, 1, 33}, {0.999, 64, 1, 1}, {0.25, 64, 16, 64}, {0.26, 64, 16, 48},
		{0.5, 64, 32, 64}, {0.51, 64, 32, 32}, {0.99, 64, 32, 32},
		{0.9, 16, 32, 16}, {0, 48, 32, 48}, {0.3, 48, 32, 48}, {0.4, 48, 32, 32}, {0.9, 1, 1, 1}, {0.9, 5, 0, 1},
	} {
		if got := Kept(c.sparsity, c.channels, c.r); got != c.want {
			t.Errorf("Kept(%v, %d, %d) = %d, want %d", c.sparsity, c.channels, c.r, got, c.want)
		}
	}
	for channels := 1; channels <= 70; channels++ {
		for r := range 40 {
			before := channels
			for i := range 100 {
				kept := Kept(float64(i)/100, channels, r)
				if kept < 1 || kept > before || i == 0 && kept != channels {
					t.Fatalf("Kept(%v, %d, %d) = %d after %d", float64(i)/100, channels, r, kept, before)
				}
				before = kept
			}
		}
	}
}

func TestSparsityKeepingIsTheInverseOfKept(t *testing.T) {
	for _, channels := range []int{1, 3, 10, 16, 64, 100, 512, 2048} {
		for _, roundTo := range []int{0, 1, 4, 32} {
			for kept := 1; kept <= channels; kept++ {
				s := SparsityKeeping(kept, channels, roundTo)
				r := max(roundTo, 1)
				want := min(channels, (kept+r-1)/r*r)
				if got := Kept(s, channels, roundTo); s < 0 || s >= 1 || got != want {
					t.Fatalf("%d of %d channels in multiples of %d: sparsity %v keeps %d, want %d", kept, channels, roundTo, s, got, want)
				}
			}
		}
	}
}
