package engine

import (
	"errors"
	"fmt"
	"slices"

	"galen/engine/compress"
	"galen/hw/graph"
	"galen/store"
)

// Nudge is the command that pins a layer a step away from what a policy did to it, or from
// where it is pinned: channels steps fewer channels, bits steps more bits of weights and
// activations.
func (s *Snapshot) Nudge(layer int, from *store.LayerResult, channels, bits int) (Command, error) {
	l := s.Layers[layer]
	c := Command{Kind: Bound, Name: l.Name}
	now := s.Settings.Limits[l.Name]
	if channels != 0 {
		kept := from.Kept
		if p := now.Sparsity; p != nil && p.Least == p.Most {
			kept = compress.Kept(p.Least, l.Out, s.Settings.RoundTo)
		}
		step := max(s.Settings.RoundTo, 1)
		next := kept - channels*step
		if kept%step != 0 && channels > 0 {
			next = kept / step * step
		}
		if next < 1 || kept >= l.Out && channels < 0 {
			return c, fmt.Errorf("%s keeps %d of %d channels: that is as far as it goes", l.Name, kept, l.Out)
		}
		sparsity := compress.SparsityKeeping(min(next, l.Out), l.Out, s.Settings.RoundTo)
		c.Limits.Sparsity = &Span[float64]{sparsity, sparsity}
	}
	if bits != 0 {
		w, a := from.WeightBits, from.ActivationBits
		if p := now.Weights; p != nil && p.Least == p.Most {
			w = p.Least
		}
		if p := now.Activations; p != nil && p.Least == p.Most {
			a = p.Least
		}
		w, a = s.nudgeBits(w, bits), s.nudgeBits(a, bits)
		if w == graph.FloatBits || a == graph.FloatBits {
			w, a = max(w, a), max(w, a)
		}
		c.Limits.Weights, c.Limits.Activations = &Span[int]{w, w}, &Span[int]{a, a}
		if now.Weights != nil && *now.Weights == *c.Limits.Weights && now.Activations != nil && *now.Activations == *c.Limits.Activations {
			return c, fmt.Errorf("%s has no more bits to go", l.Name)
		}
	}
	return c, nil
}

// nudgeBits is a number of bits some steps up the ladder of those an agent may choose.
func (s *Snapshot) nudgeBits(bits, by int) int {
	var ladder []int
	for b := 1; b <= s.Settings.MaxBits; b++ {
		ladder = append(ladder, b)
	}
	if s.Settings.MaxBits < 8 {
		ladder = append(ladder, 8)
	}
	ladder = append(ladder, graph.FloatBits)
	at, _ := slices.BinarySearch(ladder, bits)
	return ladder[min(max(at+by, 0), len(ladder)-1)]
}

// PinAs is the command that pins a layer to what a policy did to it, or, if it has limits,
// the one that releases it.
func (s *Snapshot) PinAs(layer int, from *store.LayerResult) (Command, error) {
	l := s.Layers[layer]
	if !s.Settings.Limits[l.Name].Free() {
		return Command{Kind: Release, Name: l.Name}, nil
	}
	c := Command{Kind: Bound, Name: l.Name}
	if s.Settings.kind().Prunes() && l.Prunable && l.Root {
		sparsity := compress.SparsityKeeping(from.Kept, l.Out, s.Settings.RoundTo)
		c.Limits.Sparsity = &Span[float64]{sparsity, sparsity}
	}
	if s.Settings.kind().Quantizes() {
		c.Limits.Weights = &Span[int]{from.WeightBits, from.WeightBits}
		c.Limits.Activations = &Span[int]{from.ActivationBits, from.ActivationBits}
	}
	if c.Limits.Free() {
		return c, errors.New("the agent decides nothing about this layer")
	}
	return c, nil
}
