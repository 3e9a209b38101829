package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"galen/hw"
	"galen/hw/graph"
)

// TimeLayer times what each choice would cost a layer, by itself on this machine, and publishes it.
// It takes a moment between two steps; the course of the search stays the same.
func (s *Search) TimeLayer(name string) error {
	if err := hw.TimesLayers(s.settings.Device); err != nil {
		return err
	}
	at := slices.IndexFunc(s.layers, func(l Layer) bool { return l.Name == name })
	if at < 0 {
		return fmt.Errorf("the model has no layer %q", name)
	}
	if s.planner == nil {
		return errors.New("layers can be timed when the episodes have begun")
	}
	layer, g := s.layers[at], s.workload.Graph
	channels := []int{layer.Out}
	if layer.Prunable {
		for _, quarters := range []int{3, 2, 1} {
			kept := max(layer.Out*quarters/4/s.settings.RoundTo, 1) * s.settings.RoundTo
			if kept < channels[len(channels)-1] {
				channels = append(channels, kept)
			}
		}
	}
	bits := []int{graph.FloatBits, 8}
	if layer.Mixable {
		for b := min(s.settings.MaxBits, 7); b > 0; b-- {
			bits = append(bits, b)
		}
	}
	costs, err := hw.LayerCosts(context.Background(), g, g.Layers()[at], channels, bits)
	if err != nil {
		return err
	}
	known := maps.Clone(s.timed) // snapshots share the former one
	if known == nil {
		known = map[string][]hw.LayerCost{}
	}
	known[name] = costs
	s.timed = known
	s.publish()
	return nil
}
