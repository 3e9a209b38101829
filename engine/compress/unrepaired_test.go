package compress

import (
	"context"
	"math"
	"slices"
	"testing"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/engine/compress/testnet"
	"galen/hw/graph"
)

// everywhere gives all layers the same probe.
func everywhere(layers int, p Probe) []Probe { return slices.Repeat([]Probe{p}, layers) }

// TestAroundAPolicy compares curves with networks that are really pruned and then have really
// rounded weights, run by the naive interpreter.
func TestAroundAPolicy(t *testing.T) {
	const n = 6
	for _, name := range []string{"plain", "residual A", "separable"} {
		t.Run(name, func(t *testing.T) {
			g := testnet.Networks(t)[name]
			c := newCompressor(t, g, Options{RoundTo: 2})
			pixels := testnet.Images(g, n)
			run := func(g *graph.Graph) [][]float64 { return testnet.InterpretAll(g, pixels, n) }
			original := run(g)
			// Weights alone are rounded here: the interpreter rounds no activations.
			really := func(p structure.Policy) float64 {
				pruned, err := c.structure.Prune(c.structure.Select(p, c.importance, 2))
				if err != nil {
					t.Fatal(err)
				}
				layer := 0
				for i := range pruned.Nodes {
					node := &pruned.Nodes[i]
					if node.Weight() == nil {
						continue
					}
					if bits := p[layer].WeightBits; bits != graph.FloatBits {
						node.Op = node.WithWeight(refit.RoundNearest(refit.Workers{Count: 1}, node.Weight(), bits, refit.SquaredError, nil), node.Bias())
					}
					layer++
				}
				return divergence(original, run(pruned))
			}
			base := structure.Uniform(g, 0.3, graph.FloatBits)
			for l, info := range c.Layers() { // Validate would not let the activations be float
				if info.MayMix && l%2 == 0 {
					base[l].WeightBits = 4
				}
			}
			probe := Probe{Sparsity: []float64{0, 0.3, 0.6}, WeightBits: []int{graph.FloatBits, 4, 2}, ActivationBits: []int{graph.FloatBits}}
			curves, err := c.withoutRepair(base).sensitivity(context.Background(), everywhere(len(base), probe), pixels, n, nil)
			if err != nil {
				t.Fatal(err)
			}
			before := really(base)
			for l, info := range c.Layers() {
				if info.Root && info.Prunable {
					for i, sparsity := range probe.Sparsity {
						p := slices.Clone(base)
						p[l].Sparsity = sparsity
						if got, want := curves[l].Sparsity[i], really(p)-before; math.Abs(got-want) > 1e-5+1e-3*math.Abs(want) {
							t.Errorf("%s: sparsity %v has %v, want %v", info.Layer, sparsity, got, want)
						}
					}
				}
				if !info.MayMix {
					continue
				}
				for i, bits := range probe.WeightBits {
					p := slices.Clone(base)
					p[l].WeightBits = bits
					if got, want := curves[l].WeightBits[i], really(p)-before; math.Abs(got-want) > 1e-5+1e-3*math.Abs(want) {
						t.Errorf("%s: %d weight bits have %v, want %v", info.Layer, bits, got, want)
					}
				}
			}
		})
	}
}

// TestAroundIsRelative compares a change of a policy with the change back, in the network
// where it was made.
func TestAroundIsRelative(t *testing.T) {
	const n = 6
	g := testnet.Networks(t)["residual A"]
	c := newCompressor(t, g, Options{RoundTo: 2})
	pixels := testnet.Images(g, n)
	measure := func(p structure.Policy, probe Probe) []Curve {
		curves, err := c.SensitivityAround(context.Background(), p, everywhere(len(p), probe), pixels, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		return curves
	}
	base := structure.Uniform(g, 0.4, 4)
	from := Probe{Sparsity: []float64{0.7}, WeightBits: []int{2}, ActivationBits: []int{3}}
	back := Probe{Sparsity: []float64{0.4}, WeightBits: []int{4}, ActivationBits: []int{4}}
	there := measure(base, from)
	opposite := func(what string, l int, got, want float64) {
		if got == 0 || math.Abs(got+want) > 1e-9 {
			t.Errorf("layer %d, %s: %v there and %v back", l, what, got, want)
		}
	}
	for l, info := range c.Layers() {
		if info.Root && info.Prunable {
			p := slices.Clone(base)
			for m, other := range c.Layers() {
				if other.Group == info.Group && p[m].Sparsity > 0 {
					p[m].Sparsity = 0.7
				}
			}
			opposite("sparsity", l, there[l].Sparsity[0], measure(p, back)[l].Sparsity[0])
		}
		if !info.MayMix {
			continue
		}
		p := slices.Clone(base)
		p[l].WeightBits = 2
		opposite("weights", l, there[l].WeightBits[0], measure(p, back)[l].WeightBits[0])
		p = slices.Clone(base)
		p[l].ActivationBits = 3
		opposite("activations", l, there[l].ActivationBits[0], measure(p, back)[l].ActivationBits[0])
	}
}
