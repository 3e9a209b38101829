package compress

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"galen/hw/graph"
)

// LayerPolicy says how one layer is compressed.
type LayerPolicy struct {
	Layer          string  `json:"layer"`           // the layer's name, as in the model
	Sparsity       float64 `json:"sparsity"`        // share of output channels to remove, in [0,1)
	WeightBits     int     `json:"weight_bits"`     // 1–8, or 32 for float
	ActivationBits int     `json:"activation_bits"` // of the layer's input: 1–8, or 32 for float

	// Kept lists the output channels that stay, ascending; then the sparsity says nothing.
	// nil: the least important ones leave, as many as the sparsity asks for.
	Kept []int `json:"kept,omitempty"`
}

// Float tells whether the layer computes in floating point.
func (p LayerPolicy) Float() bool { return p.WeightBits == graph.FloatBits }

// Policy says how every layer of a graph is compressed, one entry per layer in
// execution order. Its JSON form is an array of objects, one per layer, or a File:
//
//	[{"layer": "conv1", "sparsity": 0.25, "weight_bits": 8, "activation_bits": 8}, …]
//
// Layers that are pruned together take the sparsity of their group's root; the
// others' entries say the same or 0. If one of them lists its channels, the others
// may leave that out or must agree.
type Policy []LayerPolicy

// ParsePolicy reads a policy from its JSON form, the array or a File, refusing fields
// it does not know. Whether it suits a graph is for Validate to tell.
func ParsePolicy(data []byte) (Policy, error) {
	if d := bytes.TrimLeft(data, " \t\r\n"); len(d) > 0 && d[0] == '{' {
		f, err := ParseFile(data)
		if err != nil {
			return nil, err
		}
		return f.Policy(), nil
	}
	var p Policy
	if err := decode(data, &p); err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	return p, nil
}

// decode reads one JSON value, refusing fields that do not belong to it.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its end")
	}
	return nil
}

// Uniform is the policy that removes the same share of channels from every layer that
// can lose some and gives all the same bits (32: float). The classifier is given 8 bits
// where fewer are asked for. The graph must be valid.
func Uniform(g *graph.Graph, sparsity float64, bits int) Policy {
	return analyze(g).Uniform(sparsity, bits)
}

// Uniform is the package's Uniform for a graph that was analyzed before.
func (s *Structure) Uniform(sparsity float64, bits int) Policy {
	p := make(Policy, len(s.Layers))
	for l, info := range s.Layers {
		p[l] = LayerPolicy{Layer: info.Layer, WeightBits: bits, ActivationBits: bits}
		if info.Prunable {
			p[l].Sparsity = sparsity
		}
		if !info.MayMix && bits < 8 {
			p[l].WeightBits, p[l].ActivationBits = 8, 8
		}
	}
	return p
}

// Validate reports the first entry of a policy that does not suit the graph, and what
// would.
func (s *Structure) Validate(p Policy) error {
	if len(p) != len(s.Layers) {
		return fmt.Errorf("the policy has %d layers, the model %d", len(p), len(s.Layers))
	}
	for l, info := range s.Layers {
		if p[l].Layer != info.Layer {
			return fmt.Errorf("layer %d of the policy is %q, of the model %q", l+1, p[l].Layer, info.Layer)
		}
		if err := s.validate(p, l); err != nil {
			return fmt.Errorf("policy of layer %q: %w", info.Layer, err)
		}
	}
	return s.validateKept(p)
}

func (s *Structure) validate(p Policy, l int) error {
	info, want := s.Layers[l], p[l]
	root := s.Groups[info.Group].Layers[0]
	switch {
	case !(want.Sparsity >= 0 && want.Sparsity < 1):
		return fmt.Errorf("sparsity %v is not in [0, 1)", want.Sparsity)
	case want.Kept != nil:
		if err := ascending(want.Kept, info.Channels); err != nil {
			return fmt.Errorf("kept channels: %w", err)
		}
	case want.Sparsity > 0 && !info.Prunable:
		return fmt.Errorf("sparsity %v, but it cannot lose channels: %s; set it to 0", want.Sparsity, info.Why)
	case want.Sparsity > 0 && want.Sparsity != p[root].Sparsity:
		return fmt.Errorf("sparsity %v, but it is pruned together with %q, which decides: set it to 0 or to %v", want.Sparsity, p[root].Layer, p[root].Sparsity)
	}
	for _, b := range []struct {
		what string
		bits int
	}{{"weight", want.WeightBits}, {"activation", want.ActivationBits}} {
		if b.bits != graph.FloatBits && (b.bits < 1 || b.bits > 8) {
			return fmt.Errorf("%d %s bits; 1 to 8 are possible, or 32 for float", b.bits, b.what)
		}
	}
	if (want.WeightBits == graph.FloatBits) != (want.ActivationBits == graph.FloatBits) {
		return fmt.Errorf("%d weight bits with %d activation bits; either both are 32 (float) or both at most 8", want.WeightBits, want.ActivationBits)
	}
	return nil
}

// ascending checks a list of channels that are kept.
func ascending(list []int, channels int) error {
	if len(list) == 0 {
		return errors.New("the list is empty; at least one must stay")
	}
	for i, c := range list {
		if c < 0 || c >= channels {
			return fmt.Errorf("%d is not one of the channels 0 to %d", c, channels-1)
		}
		if i > 0 && c <= list[i-1] {
			return fmt.Errorf("%d comes after %d; list each once, ascending", c, list[i-1])
		}
	}
	return nil
}

// validateKept checks that lists of kept channels agree with each other, with what must
// stay, and leave something of every value.
func (s *Structure) validateKept(p Policy) error {
	groups, removed := s.listed(p)
	for l, info := range s.Layers {
		if p[l].Kept == nil {
			continue
		}
		classes := s.classes[s.Graph.Nodes[info.Node].Output]
		for _, c := range p[l].Kept {
			if removed[classes[c]] {
				return fmt.Errorf("policy of layer %q: channel %d is kept, but tied to one that is not, of this layer or of one that is pruned together with it", info.Layer, c)
			}
		}
	}
	for i, group := range s.Groups {
		for _, b := range group.Blocks {
			for _, class := range b.Classes {
				if groups[i] && removed[class] && b.Frozen != "" {
					return fmt.Errorf("policy of layer %q: removes channels that must stay: %s", s.Layers[group.Layers[0]].Layer, b.Frozen)
				}
			}
		}
	}
	for _, n := range s.Graph.Nodes {
		if len(s.positions(n.Output, removed)) == 0 {
			return fmt.Errorf("the policy leaves no channel of what %s %q gives", n.Op.Kind(), n.Name)
		}
	}
	return nil
}

// listed tells which groups have lists of kept channels, and which classes those remove.
func (s *Structure) listed(p Policy) (groups, removed []bool) {
	groups, removed = make([]bool, len(s.Groups)), make([]bool, s.count)
	for l, info := range s.Layers {
		if p[l].Kept == nil {
			continue
		}
		groups[info.Group] = true
		kept := p[l].Kept
		for c, class := range s.classes[s.Graph.Nodes[info.Node].Output] {
			if len(kept) > 0 && kept[0] == c {
				kept = kept[1:]
			} else {
				removed[class] = true
			}
		}
	}
	return groups, removed
}
