package structure

import (
	"math"

	"galen/hw/graph"
)

// Size is what a policy leaves of a layer.
type Size struct {
	MACs     int64 // multiply-accumulates on one image
	Channels int   // outputs
}

// Sizes are those of all layers under a policy, without compressing anything: how many channels
// stay follows from the sparsities, which ones does not matter.
func (s *Structure) Sizes(p Policy, roundTo int) []Size {
	share := s.shares(p, roundTo)
	sizes := make([]Size, len(s.Layers))
	for l, info := range s.Layers {
		n := &s.Graph.Nodes[info.Node]
		outputs := average(share, s.classes[n.Output])
		left := outputs
		if c, ok := n.Op.(*graph.Conv); !ok || !losesGroups(c) {
			left *= average(share, s.classes[n.Inputs[0]])
		}
		sizes[l] = Size{
			MACs:     int64(math.Round(left * float64(s.Graph.MACs(info.Node)))),
			Channels: int(math.Round(outputs * float64(info.Channels))),
		}
	}
	return sizes
}

// shares is, per class, the share of its block that stays.
func (s *Structure) shares(p Policy, roundTo int) []float64 {
	groups, removed := s.listed(p)
	share := make([]float64, s.count)
	for class := range share {
		if !removed[class] {
			share[class] = 1
		}
	}
	for i, group := range s.Groups {
		for _, b := range group.Blocks {
			if b.Frozen != "" || groups[i] {
				continue
			}
			all := len(b.Classes) * b.Channels
			kept := Kept(p[group.Layers[0]].Sparsity, all, roundTo)
			classes := (kept + b.Channels - 1) / b.Channels
			for _, class := range b.Classes {
				share[class] = float64(classes) / float64(len(b.Classes))
			}
		}
	}
	return share
}

// average is the mean share over a value's channels.
func average(share []float64, classes []int) float64 {
	sum := 0.0
	for _, class := range classes {
		sum += share[class]
	}
	return sum / float64(len(classes))
}
