package compress

import (
	"fmt"
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

// Prune returns the graph without the channels of the given classes: smaller weights,
// shorter tensors. Nodes and values keep their places. Layers that lose nothing share
// their weights with the original.
func (s *Structure) Prune(removed []bool) (*graph.Graph, error) {
	g := s.Graph.Clone()
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if len(n.Inputs) == 0 {
			continue
		}
		n.Op = s.shrink(n, removed)
	}
	if err := g.InferShapes(); err != nil {
		return nil, fmt.Errorf("removing channels: %w", err)
	}
	return g, nil
}

// shrink is a node's operator for what is left of its input and output.
func (s *Structure) shrink(n *graph.Node, removed []bool) graph.Op {
	all := s.classes[n.Inputs[0]]
	inputs, outputs := s.positions(n.Inputs[0], removed), s.positions(n.Output, removed)
	whole := len(inputs) == len(all) && len(outputs) == len(s.classes[n.Output])
	if whole {
		return n.Op
	}
	switch op := n.Op.(type) {
	case *graph.Conv:
		c := *op
		if op.Groups > 1 {
			if losesGroups(op) {
				c.Groups = len(inputs) * op.Groups / len(all)
			}
			inputs = filterInputs(op, inputs)
		}
		c.Weight, c.Bias = sliceWeight(&op.Weight, inputs, outputs), pick(op.Bias, outputs)
		return &c
	case *graph.Gemm:
		c := *op
		c.Weight, c.Bias = sliceWeight(&op.Weight, inputs, outputs), pick(op.Bias, outputs)
		return &c
	case graph.ChannelKeeper:
		return op.KeepChannels(s.Graph.Values[n.Inputs[0]].Shape, inputs, outputs)
	}
	return n.Op
}

// filterInputs gives, of the channels left of what a layer reads, those that its filters read: of a
// grouped convolution, the places within a group, which are the same for all groups left.
func filterInputs(op graph.Op, left []int) []int {
	c, ok := op.(*graph.Conv)
	if !ok || c.Groups == 1 {
		return left
	}
	reads := c.Weight.Shape[1]
	if losesGroups(c) {
		return upTo(reads)
	}
	first, _ := slices.BinarySearch(left, reads)
	return left[:first]
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// pick takes the numbers at the given places; nil stays nil.
func pick(from []float32, places []int) []float32 {
	if from == nil {
		return nil
	}
	picked := make([]float32, len(places))
	for i, p := range places {
		picked[i] = from[p]
	}
	return picked
}

// sliceWeight takes the given input and output channels of a float weight.
func sliceWeight(w *graph.Weight, inputs, outputs []int) graph.Weight {
	shape := slices.Clone(w.Shape)
	shape[0], shape[1] = len(outputs), len(inputs)
	taps := graph.Shape(shape[2:]).Elements() // weights per pair of input and output channel
	per := w.Channel()
	sliced := make([]float32, 0, graph.Shape(shape).Elements())
	for _, o := range outputs {
		for _, i := range inputs {
			at := o*per + i*taps
			sliced = append(sliced, w.Float[at:at+taps]...)
		}
	}
	return graph.Weight{Shape: shape, Float: sliced}
}
