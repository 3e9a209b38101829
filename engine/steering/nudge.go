package steering

import (
	"errors"
	"fmt"
	"slices"

	"galen/engine/compress/structure"
	"galen/engine/planner"
	"galen/hw/graph"
	"galen/store"
)

// Nudge is the command that pins a layer a step away from what a policy did to it, or from
// where it is pinned: channels steps fewer channels, bits steps more bits of weights and
// activations.
func (on Course) Nudge(layer int, from *store.LayerResult, channels, bits int) (Command, error) {
	l := on.Layers[layer]
	c := Command{Kind: Pin, Name: l.Name}
	now := on.Settings.Limits[l.Name]
	if channels != 0 {
		kept := from.Kept
		if p := now.Sparsity; p != nil && p.Least == p.Most {
			kept = structure.Kept(p.Least, l.Out, on.Settings.RoundTo)
		}
		step := max(on.Settings.RoundTo, 1)
		next := kept - channels*step
		if kept%step != 0 && channels > 0 {
			next = kept / step * step
		}
		if next < 1 || kept >= l.Out && channels < 0 {
			return c, fmt.Errorf("%s keeps %d of %d channels: that is as far as it goes", l.Name, kept, l.Out)
		}
		sparsity := structure.SparsityKeeping(min(next, l.Out), l.Out, on.Settings.RoundTo)
		c.Limits.Sparsity = &planner.Span[float64]{Least: sparsity, Most: sparsity}
	}
	if bits != 0 {
		w, a := from.WeightBits, from.ActivationBits
		if p := now.Weights; p != nil && p.Least == p.Most {
			w = p.Least
		}
		if p := now.Activations; p != nil && p.Least == p.Most {
			a = p.Least
		}
		w, a = on.nudgeBits(w, bits), on.nudgeBits(a, bits)
		if w == graph.FloatBits || a == graph.FloatBits {
			w, a = max(w, a), max(w, a)
		}
		c.Limits.Weights, c.Limits.Activations = &planner.Span[int]{Least: w, Most: w}, &planner.Span[int]{Least: a, Most: a}
		if now.Weights != nil && *now.Weights == *c.Limits.Weights && now.Activations != nil && *now.Activations == *c.Limits.Activations {
			return c, fmt.Errorf("%s has no more bits to go", l.Name)
		}
	}
	return c, nil
}

// nudgeBits is a number of bits some steps up the ladder of those an agent may choose.
func (on Course) nudgeBits(bits, by int) int {
	var ladder []int
	for b := 1; b <= on.Settings.MaxBits; b++ {
		ladder = append(ladder, b)
	}
	if on.Settings.MaxBits < 8 {
		ladder = append(ladder, 8)
	}
	ladder = append(ladder, graph.FloatBits)
	at, _ := slices.BinarySearch(ladder, bits)
	return ladder[min(max(at+by, 0), len(ladder)-1)]
}

// PinAs is the command that pins a layer to what a policy did to it, or, if it has limits,
// the one that releases it.
func (on Course) PinAs(layer int, from *store.LayerResult) (Command, error) {
	l := on.Layers[layer]
	if !on.Settings.Limits[l.Name].Free() {
		return Command{Kind: Release, Name: l.Name}, nil
	}
	c := Command{Kind: Pin, Name: l.Name}
	if on.Settings.Kind().Prunes() && l.Prunable && l.Root {
		sparsity := structure.SparsityKeeping(from.Kept, l.Out, on.Settings.RoundTo)
		c.Limits.Sparsity = &planner.Span[float64]{Least: sparsity, Most: sparsity}
	}
	if on.Settings.Kind().Quantizes() {
		c.Limits.Weights = &planner.Span[int]{Least: from.WeightBits, Most: from.WeightBits}
		c.Limits.Activations = &planner.Span[int]{Least: from.ActivationBits, Most: from.ActivationBits}
	}
	if c.Limits.Free() {
		return c, errors.New("the agent decides nothing about this layer")
	}
	return c, nil
}
