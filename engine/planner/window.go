package planner

import (
	"slices"

	"galen/agents"
	"galen/engine/compress"
	"galen/engine/compress/structure"
)

// reach is how far an iterative agent moves a parameter in either direction, as a share of its range;
// farther where steps, of channels or bits, are coarse: three quarters of one, from the
// middle of one well into the next.
const (
	reach     = 0.1
	reachStep = 0.75
)

// windowAround is the neighbourhood of a base that an iterative agent chooses from.
func (p *Planner) windowAround(base structure.Policy) *agents.Window {
	w := &agents.Window{}
	for l, layer := range base {
		c := choiceOf(layer)
		c.Sparsity = middle(layer.Sparsity, p.layers[l].Out, p.settings.RoundTo)
		centre := p.space.Action(c)
		reaches := slices.Repeat([]float64{max(reach, reachStep*p.space.Step())}, len(centre))
		if p.space.Kind.Prunes() {
			step := min(float64(p.settings.RoundTo)/float64(p.layers[l].Out), 1)
			reaches[0] = max(reach, reachStep*step)
		}
		w.Centre, w.Reach = append(w.Centre, centre), append(w.Reach, reaches)
	}
	return w
}

// middle is that of the sparsities which keep as many of the channels as a given one.
func middle(sparsity float64, channels, roundTo int) float64 {
	steps := (structure.Kept(sparsity, channels, roundTo) + roundTo - 1) / roundTo
	step := float64(roundTo) / float64(channels)
	return (max(1-float64(steps)*step, 0) + 1 - float64(steps-1)*step) / 2
}

// levels are the values within a layer's window at which its sensitivities are measured: ten
// levels evenly from end to end.
func (p *Planner) levels(layer int) compress.Probe {
	var probe compress.Probe
	for level := range compress.Levels {
		action := slices.Repeat([]float64{float64(level) / (compress.Levels - 1)}, p.space.Actions())
		wide := p.window.Widen(layer, action)
		if p.space.Kind.Prunes() {
			probe.Sparsity = append(probe.Sparsity, wide[0])
			continue
		}
		probe.WeightBits = append(probe.WeightBits, p.space.Alone(wide[0]))
		probe.ActivationBits = append(probe.ActivationBits, p.space.Alone(wide[1]))
	}
	return probe
}
