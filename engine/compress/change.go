package compress

import (
	"slices"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// change is one thing that is different from the policy of an unrepaired network.
type change struct {
	points  []*float64 // where its divergence counts
	layer   int
	to      structure.LayerPolicy
	removed []bool        // classes, if the sparsity is what changes; nil: it is not
	weight  *graph.Weight // the layer's, if its bits are what changes; nil: they are not
}

// changes lists what must be measured for all curves, each distinct change once.
func (s *unrepaired) changes(probes []Probe) ([]Curve, []change) {
	curves := make([]Curve, len(probes))
	var changes []change
	for l, info := range s.structure.Layers {
		probe, curve, now := probes[l], &curves[l], s.policy[l]
		*curve = Curve{
			Sparsity:       make([]float64, len(probe.Sparsity)),
			ActivationBits: make([]float64, len(probe.ActivationBits)), WeightBits: make([]float64, len(probe.WeightBits)),
		}
		if info.Root && info.Prunable {
			changes = append(changes, s.sparsities(l, probe.Sparsity, curve.Sparsity)...)
		} else {
			forbid(curve.Sparsity)
		}
		bits := requantization{unrepaired: s, layer: l}
		bits.request(8, 8, &curve.Int8)
		bits.request(graph.FloatBits, graph.FloatBits, &curve.Float)
		if info.MayMix {
			for i, b := range probe.WeightBits {
				bits.request(b, now.ActivationBits, &curve.WeightBits[i])
			}
			for i, b := range probe.ActivationBits {
				bits.request(now.WeightBits, b, &curve.ActivationBits[i])
			}
		} else {
			forbid(curve.ActivationBits)
			forbid(curve.WeightBits)
		}
		changes = append(changes, bits.changes...)
	}
	return curves, changes
}

func forbid(curve []float64) {
	for i := range curve {
		curve[i] = NotAllowed
	}
}

// sparsities are the changes of a root layer's group that change which channels there are.
func (s *unrepaired) sparsities(l int, values, curve []float64) (changes []change) {
	for i, sparsity := range values {
		p := slices.Clone(s.policy)
		p[l].Sparsity = sparsity
		removed := s.structure.Select(p, s.importance, s.options.RoundTo)
		last := len(changes) - 1
		switch {
		case slices.Equal(removed, s.removed):
		case last >= 0 && slices.Equal(removed, changes[last].removed):
			changes[last].points = append(changes[last].points, &curve[i])
		default:
			changes = append(changes, change{points: []*float64{&curve[i]}, layer: l, to: p[l], removed: removed})
		}
	}
	return changes
}

// requantization collects the changes of one layer's bits.
type requantization struct {
	*unrepaired
	layer   int
	changes []change
}

// request asks for the divergence with these bits.
func (r *requantization) request(weightBits, activationBits int, point *float64) {
	now := r.policy[r.layer]
	if weightBits == now.WeightBits && activationBits == now.ActivationBits {
		return
	}
	for i := range r.changes {
		if ch := &r.changes[i]; ch.to.WeightBits == weightBits && ch.to.ActivationBits == activationBits {
			ch.points = append(ch.points, point)
			return
		}
	}
	ch := change{points: []*float64{point}, layer: r.layer, to: now}
	ch.to.WeightBits, ch.to.ActivationBits = weightBits, activationBits
	if weightBits != now.WeightBits {
		w := r.weight(r.layer, r.removed, weightBits)
		ch.weight = &w
	}
	r.changes = append(r.changes, ch)
}

// changed is the network's output under a change, given all tensors without it. Only nodes that
// depend on what changes are run. Any number of goroutines may call it, each with a tracer of its
// own.
func (s *unrepaired) changed(tracer *runtime.Tracer, ch *change, values []*runtime.Batch) (*runtime.Batch, error) {
	g, end := s.graph.Clone(), s.logits()
	t := refit.NewTrace(g, tracer, nil)
	differs := make([]bool, len(g.Values))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		dirty := false
		for _, id := range n.Inputs {
			dirty = dirty || differs[id]
			if !differs[id] {
				t.Values[id] = values[id]
			}
		}
		q := s.inputs[i]
		if l, ok := s.layers[i]; ok {
			if w, other := s.changedWeight(l, ch); other {
				n.Op, dirty = n.WithWeight(w, n.Bias()), true
			}
			if l == ch.layer && ch.to.ActivationBits != s.policy[l].ActivationBits {
				q, dirty = s.inputQuant(l, ch.to.ActivationBits), true
			}
		}
		if !dirty {
			continue
		}
		out, err := t.ComputeRounded(s.workers.Alone(), i, q)
		if err != nil {
			return nil, err
		}
		differs[n.Output] = true
		t.Keep(i, out)
		if n.Output == end {
			return out, nil
		}
	}
	return values[end], nil
}

// changedWeight is a layer's weight under a change; false: it is the policy's.
func (s *unrepaired) changedWeight(l int, ch *change) (graph.Weight, bool) {
	switch {
	case ch.weight != nil && l == ch.layer:
		return *ch.weight, true
	case ch.removed == nil:
		return graph.Weight{}, false
	}
	if !slices.ContainsFunc(s.structure.Reads(l), func(class int) bool { return ch.removed[class] != s.removed[class] }) {
		return graph.Weight{}, false
	}
	return s.weight(l, ch.removed, s.policy[l].WeightBits), true
}
