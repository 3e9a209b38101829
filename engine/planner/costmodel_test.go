package planner

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"galen/engine/compress/structure"
)

// TestCostModel checks predictions for a device whose layers cost something always and
// something per multiply-accumulate, at eight bits and at four.
func TestCostModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	base, slope, rest := []float64{0.01, 0.02, 0.04}, []float64{3e-4, 1e-4, 2e-4}, 0.03
	episode := func(bits int) Episode {
		e := Episode{Latency: rest}
		var layers []float64
		for l := range base {
			macs := int64(100 + rng.IntN(900))
			e.Policy = append(e.Policy, structure.LayerPolicy{WeightBits: bits, ActivationBits: bits})
			e.Sizes = append(e.Sizes, structure.Size{MACs: macs})
			layers = append(layers, base[l]+slope[l]*float64(macs)*float64(bits)/8)
			e.Latency += layers[l]
		}
		e.Spend(Times{Whole: e.Latency, Layers: layers}) // of an original that takes a millisecond
		return e
	}
	var episodes []Episode
	for range 6 {
		episodes = append(episodes, episode(8), episode(4))
	}
	m := newCostModel(episodes)
	for _, bits := range []int{8, 4} {
		e := episode(bits)
		if got := m.predict(e.Policy, e.Sizes); math.Abs(got-e.Latency) > 1e-9 {
			t.Errorf("%d bits: predicted %.6f, takes %.6f", bits, got, e.Latency)
		}
		for l := range e.Policy {
			e.Policy[l].WeightBits = 7 // never tried
		}
		if got := m.predict(e.Policy, e.Sizes); bits == 8 && math.Abs(got-e.Latency) > 1e-9 {
			t.Errorf("an untried representation is predicted to take %.6f, eight bits take %.6f", got, e.Latency)
		}
	}
	tried := &episodes[0]
	tried.Shares[0] += 0.5 // the same work again costs what it did, whatever the line says
	tried.Latency += 0.5
	m = newCostModel(episodes)
	known := m.predict(tried.Policy, tried.Sizes)
	other := slices.Clone(tried.Sizes)
	other[0].Channels++
	if line := m.predict(tried.Policy, other); math.Abs(known-tried.Latency) > 0.02 || known-line < 0.2 {
		t.Errorf("predicted %.3f for what took %.3f, %.3f for as many multiply-accumulates with other channels", known, tried.Latency, line)
	}
	if newCostModel(nil) != nil {
		t.Error("costs are known of no episodes")
	}
}

func TestFitLine(t *testing.T) {
	for _, c := range []struct {
		name   string
		points []point
		want   line
	}{
		{"a line", []point{{1, 3}, {2, 5}, {4, 9}}, line{1, 2}},
		{"falling is level", []point{{1, 5}, {3, 1}}, line{3, 0}},
		{"negative at 0 is proportional", []point{{2, 1}, {4, 5}}, line{0, 1}},
		{"one place", []point{{2, 3}, {2, 5}}, line{2, 1}},
		{"no work", []point{{0, 3}}, line{3, 0}},
	} {
		if got := fitLine(c.points); math.Abs(got.base-c.want.base) > 1e-9 || math.Abs(got.slope-c.want.slope) > 1e-9 {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
