package planner

import (
	"context"
	"slices"

	"galen/agents"
	"galen/engine/compress"
	"galen/engine/compress/structure"
)

// wantedBase is the policy that decisions are to start from.
func (p *Planner) wantedBase() structure.Policy {
	if p.settings.Base == nil {
		return original(p.layers)
	}
	return p.settings.Base.Policy
}

// applyBase lets the base that the settings name take effect: from then on decisions start from
// it, and the layers' sensitivities are those in the network it makes.
func (p *Planner) applyBase(ctx context.Context) error {
	for first := true; first || !slices.EqualFunc(p.base, p.wantedBase(), sameLayerPolicy); first = false { // it may be steered meanwhile
		p.base = p.wantedBase()
		if p.settings.Iterative() {
			p.window = p.windowAround(p.base)
		}
		curves, err := p.sensitivities(ctx, p.base, p.probes())
		if err != nil {
			return err
		}
		p.layers = slices.Clone(p.layers)
		for l, curve := range curves {
			p.layers[l].Sensitivity = curve
		}
		p.features = &features{p.space.Kind, p.layers, p.original}
	}
	return nil
}

func sameLayerPolicy(a, b structure.LayerPolicy) bool {
	return a.Layer == b.Layer && a.Sparsity == b.Sparsity && a.WeightBits == b.WeightBits && a.ActivationBits == b.ActivationBits && slices.Equal(a.Kept, b.Kept)
}

// probes are the values at which the layers' sensitivities are measured; none: those of the original, at the usual
// levels.
func (p *Planner) probes() (probes []compress.Probe) {
	switch {
	case p.settings.Iterative() && !p.beginning():
		for l := range p.base {
			probes = append(probes, p.levels(l))
		}
		return probes
	case p.settings.Base == nil:
		return nil
	}
	var levels compress.Probe
	for level := range compress.Levels {
		x := float64(level) / compress.Levels
		levels.Sparsity = append(levels.Sparsity, x)
		levels.WeightBits = append(levels.WeightBits, agents.Bits(x, p.settings.MaxBits))
	}
	levels.ActivationBits = levels.WeightBits
	return slices.Repeat([]compress.Probe{levels}, len(p.base))
}

// beginning tells whether an iterative agent's first base is still being searched.
func (p *Planner) beginning() bool {
	return p.settings.Base == nil && p.settings.Preset != Paper && p.progress.Round == 0
}
