package compress

import (
	"context"
	"fmt"
	"slices"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// Probe lists the values at which the parameters of one layer are measured, one parameter
// at a time.
type Probe struct {
	Sparsity                   []float64 // ascending, in [0,1); read for layers that decide their group's
	WeightBits, ActivationBits []int     // 1 to 8, or 32 for float
}

// SensitivityAround is [Compressor.Sensitivity] in a network that is compressed already: all
// layers are as the policy says, pruned and rounded to nearest without repair, but for one
// parameter of one layer, which takes the values of the layer's probe. Curves say how much
// further from the original that is than the policy by itself,
//
//	KL(original ‖ changed) − KL(original ‖ policy)
//
// in nats: below zero where the change takes compression back. Float and Int8 treat the layer's
// weights and activations alike, as in Sensitivity.
func (c *Compressor) SensitivityAround(ctx context.Context, p Policy, probes []Probe, images []float32, n int, progress func(done, total int) error) ([]Curve, error) {
	g := c.structure.Graph
	size := g.Values[g.Input].Shape.Elements()
	switch err := c.structure.Validate(p); {
	case err != nil:
		return nil, fmt.Errorf("measuring sensitivity: %w", err)
	case n < 1 || len(images) != n*size:
		return nil, fmt.Errorf("measuring sensitivity: %d numbers are not the pixels of %d images of %v", len(images), n, g.Values[g.Input].Shape)
	case len(probes) != len(p):
		return nil, fmt.Errorf("measuring sensitivity: %d layers are to be probed, the policy has %d", len(probes), len(p))
	}
	curves, err := c.settle(p).sensitivity(ctx, probes, images, n, progress)
	if err != nil {
		return nil, fmt.Errorf("measuring sensitivity: %w", err)
	}
	return curves, nil
}

func (s *settled) sensitivity(ctx context.Context, probes []Probe, images []float32, n int, progress func(done, total int) error) ([]Curve, error) {
	g := s.structure.Graph
	size := g.Values[g.Input].Shape.Elements()
	curves, changes := s.changes(probes)
	portion := max(1, s.portion(n)/2) // the original's tensors and the policy's
	tracer := s.newTracer()
	done, total := 0, (n+portion-1)/portion*len(changes)
	for first := 0; first < n; first += portion {
		count := min(portion, n-first)
		pixels := images[first*size : (first+count)*size]
		original, err := s.Compressor.trace(tracer, pixels, count)
		if err != nil {
			return nil, err
		}
		logits := original[s.logits()].Outputs()
		values := make([]*runtime.Batch, len(g.Values))
		values[g.Input] = original[g.Input]
		if err := s.trace(tracer, values); err != nil {
			return nil, err
		}
		before := klSum(logits, values[s.logits()].Outputs(), count)
		for _, ch := range changes {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			out, err := s.changed(tracer, ch, values)
			if err != nil {
				return nil, err
			}
			difference := klSum(logits, out.Outputs(), count) - before
			for _, point := range ch.points {
				*point += difference / float64(n)
			}
			if done++; progress != nil {
				if err := progress(done, total); err != nil {
					return nil, err
				}
			}
		}
	}
	return curves, nil
}

// settled is the network under a policy.
type settled struct {
	*Compressor
	policy  Policy
	removed []bool
	graph   *graph.Graph        // its weights are the policy's
	inputs  map[int]graph.Quant // by node: how layers round what they read
	layers  map[int]int         // by node: the layer
}

func (c *Compressor) settle(p Policy) *settled {
	s := &settled{
		Compressor: c, policy: p, removed: c.structure.Select(p, c.importance, c.options.RoundTo),
		graph: c.structure.Graph.Clone(), inputs: map[int]graph.Quant{}, layers: map[int]int{},
	}
	for l, info := range c.structure.Layers {
		s.layers[info.Node] = l
		n := &s.graph.Nodes[info.Node]
		n.Op = n.WithWeight(s.weight(l, s.removed, p[l].WeightBits), n.Bias())
		if p[l].ActivationBits != graph.FloatBits {
			s.inputs[info.Node] = c.seen[l].input.quant(p[l].ActivationBits, c.options.Calibration)
		}
	}
	return s
}

// weight is a layer's with some classes read as zeros, rounded to bits.
func (s *settled) weight(l int, removed []bool, bits int) graph.Weight {
	node := s.structure.Layers[l].Node
	w, masked := s.Compressor.weight(&variant{removed: removed}, node)
	if !masked {
		w = *s.structure.Graph.Nodes[node].Weight()
	}
	if bits != graph.FloatBits {
		w = s.crew.quantizeWeight(&w, bits, nil)
	}
	return w
}

// change is one thing that is different from the policy.
type change struct {
	points  []*float64 // where its divergence counts
	layer   int
	to      LayerPolicy
	removed []bool // classes, if the sparsity is what changes; nil: it is not
}

// changes lists what must be measured for all curves, each distinct change once.
func (s *settled) changes(probes []Probe) ([]Curve, []change) {
	curves := make([]Curve, len(probes))
	var changes []change
	for l, info := range s.structure.Layers {
		probe, curve, now := probes[l], &curves[l], s.policy[l]
		*curve = Curve{
			Sparsity:       make([]float64, len(probe.Sparsity)),
			ActivationBits: make([]float64, len(probe.ActivationBits)), WeightBits: make([]float64, len(probe.WeightBits)),
		}
		own := len(changes)
		bits := func(weights, activations int, point *float64) {
			to := now
			to.WeightBits, to.ActivationBits = weights, activations
			if weights == now.WeightBits && activations == now.ActivationBits {
				return
			}
			for i := range changes[own:] {
				if ch := &changes[own+i]; ch.removed == nil && ch.to.WeightBits == weights && ch.to.ActivationBits == activations {
					ch.points = append(ch.points, point)
					return
				}
			}
			changes = append(changes, change{points: []*float64{point}, layer: l, to: to})
		}
		if info.Root && info.Prunable {
			changes = append(changes, s.sparsities(l, probe.Sparsity, curve.Sparsity)...)
		} else {
			forbid(curve.Sparsity)
		}
		bits(8, 8, &curve.Int8)
		bits(graph.FloatBits, graph.FloatBits, &curve.Float)
		if !info.MayMix {
			forbid(curve.ActivationBits)
			forbid(curve.WeightBits)
			continue
		}
		for i, b := range probe.WeightBits {
			bits(b, now.ActivationBits, &curve.WeightBits[i])
		}
		for i, b := range probe.ActivationBits {
			bits(now.WeightBits, b, &curve.ActivationBits[i])
		}
	}
	return curves, changes
}

// sparsities are the changes of a root layer's group that change which channels there are.
func (s *settled) sparsities(l int, values, curve []float64) (changes []change) {
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

// trace computes all tensors under the policy from the input's.
func (s *settled) trace(tracer *runtime.Tracer, values []*runtime.Batch) error {
	for i := range s.graph.Nodes {
		n := &s.graph.Nodes[i]
		inputs := make([]*runtime.Batch, len(n.Inputs))
		for j, id := range n.Inputs {
			inputs[j] = values[id]
		}
		if q, ok := s.inputs[i]; ok {
			inputs[0] = s.crew.rounded(inputs[0], q)
		}
		var err error
		if values[n.Output], err = tracer.Node(s.graph, i, inputs); err != nil {
			return err
		}
	}
	return nil
}

// changed is the network's output under a change, given all tensors under the policy. Only
// nodes that depend on what changes are run.
func (s *settled) changed(tracer *runtime.Tracer, ch change, values []*runtime.Batch) (*runtime.Batch, error) {
	g := s.graph.Clone()
	t := newTrace(g, tracer, nil)
	differs := make([]bool, len(g.Values))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		dirty := false
		for _, id := range n.Inputs {
			dirty = dirty || differs[id]
			if !differs[id] {
				t.values[id] = values[id]
			}
		}
		q, rounds := s.inputs[i]
		if l, ok := s.layers[i]; ok {
			w, other := s.reweighed(l, ch)
			if other {
				n.Op, dirty = n.WithWeight(w, n.Bias()), true
			}
			if l == ch.layer && ch.to.ActivationBits != s.policy[l].ActivationBits {
				dirty, rounds = true, ch.to.ActivationBits != graph.FloatBits
				if rounds {
					q = s.seen[l].input.quant(ch.to.ActivationBits, s.options.Calibration)
				}
			}
		}
		if !dirty {
			continue
		}
		read := t.values[n.Inputs[0]]
		if rounds {
			t.values[n.Inputs[0]] = s.crew.rounded(read, q)
		}
		out, err := t.compute(i)
		if err != nil {
			return nil, err
		}
		t.values[n.Inputs[0]] = read
		differs[n.Output] = true
		t.keep(i, out)
		if n.Output == s.logits() {
			return out, nil
		}
	}
	return values[s.logits()], nil
}

// reweighed is a layer's weight under a change; false: it is the policy's.
func (s *settled) reweighed(l int, ch change) (graph.Weight, bool) {
	bits := s.policy[l].WeightBits
	if l == ch.layer {
		bits = ch.to.WeightBits
	}
	if ch.removed != nil {
		input := s.structure.Graph.Nodes[s.structure.Layers[l].Node].Inputs[0]
		if slices.ContainsFunc(s.structure.classes[input], func(class int) bool { return ch.removed[class] != s.removed[class] }) {
			return s.weight(l, ch.removed, bits), true
		}
	}
	if bits == s.policy[l].WeightBits {
		return graph.Weight{}, false
	}
	return s.weight(l, s.removed, bits), true
}
