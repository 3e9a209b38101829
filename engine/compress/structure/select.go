package structure

import (
	"math"
	"slices"

	"galen/hw/graph"
)

// Kept is how many of a number of channels stay at a sparsity when they are kept in
// multiples of roundTo:
//
//	min(C, clip(⌊(1−s)·C/r⌋+1, 1, ⌈C/r⌉)·r)
//
// which is the paper's formula where C is a multiple of r. Where it is not, the last
// multiple stands for all C channels; so fewer than r channels all stay, since no
// multiple of r is smaller. At s = 0 all stay, and at least one does.
func Kept(sparsity float64, channels, roundTo int) int {
	r := max(roundTo, 1)
	most := (channels + r - 1) / r
	units := int(math.Floor((1-sparsity)*float64(channels)/float64(r))) + 1
	return min(channels, max(1, min(units, most))*r)
}

// SparsityKeeping is the sparsity, to three digits, at which [Kept] keeps so many of the
// channels, or the next multiple of roundTo.
func SparsityKeeping(kept, channels, roundTo int) float64 {
	r := max(roundTo, 1)
	units := (kept + r - 1) / r
	if units*r >= channels {
		return 0
	}
	// The middle of the range that keeps so many.
	s := 1 - (float64(units)-0.5)*float64(r)/float64(channels)
	if rounded := math.Round(s*1000) / 1000; rounded < 1 && Kept(rounded, channels, roundTo) == Kept(s, channels, roundTo) {
		return rounded
	}
	return s
}

// Select decides which channel classes a policy removes: those it does not list as kept
// or, where it lists none, in every block of a group the least important ones. Importance
// is per class; ties fall on the later class.
func (s *Structure) Select(p Policy, importance []float64, roundTo int) (removed []bool) {
	groups, removed := s.listed(p)
	for i, group := range s.Groups {
		for _, b := range group.Blocks {
			if b.Frozen != "" || groups[i] {
				continue
			}
			kept := Kept(p[group.Layers[0]].Sparsity, len(b.Classes)*b.Channels, roundTo)
			classes := (kept + b.Channels - 1) / b.Channels
			ranked := slices.Clone(b.Classes)
			slices.SortStableFunc(ranked, func(x, y int) int {
				switch {
				case importance[x] > importance[y]:
					return -1
				case importance[x] < importance[y]:
					return 1
				}
				return 0
			})
			for _, class := range ranked[classes:] {
				removed[class] = true
			}
		}
	}
	return removed
}

// Kept lists, per layer, the output channels that stay when classes are removed.
func (s *Structure) Kept(removed []bool) [][]int {
	kept := make([][]int, len(s.Layers))
	for l, info := range s.Layers {
		kept[l] = s.positions(s.Graph.Nodes[info.Node].Output, removed)
	}
	return kept
}

// positions lists the channels of a value that stay.
func (s *Structure) positions(id graph.ValueID, removed []bool) []int {
	kept := make([]int, 0, len(s.classes[id]))
	for i, class := range s.classes[id] {
		if !removed[class] {
			kept = append(kept, i)
		}
	}
	return kept
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
