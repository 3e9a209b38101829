package structure

import (
	"errors"
	"fmt"

	"galen/hw/graph"
)

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
			return fmt.Errorf("%d %s bits; 1 to 8 are possible, or %d for float", b.bits, b.what, graph.FloatBits)
		}
	}
	if (want.WeightBits == graph.FloatBits) != (want.ActivationBits == graph.FloatBits) {
		return fmt.Errorf("%d weight bits with %d activation bits; either both are %d (float) or both at most 8",
			want.WeightBits, want.ActivationBits, graph.FloatBits)
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
