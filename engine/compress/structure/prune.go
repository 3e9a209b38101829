package structure

import (
	"fmt"
	"slices"

	"galen/hw/graph"
)

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
		c.Weight, c.Bias = op.Weight.Select(outputs, inputs), pick(op.Bias, outputs)
		return &c
	case *graph.Gemm:
		c := *op
		c.Weight, c.Bias = op.Weight.Select(outputs, inputs), pick(op.Bias, outputs)
		return &c
	case graph.ChannelKeeper:
		return op.KeepChannels(s.Graph.Values[n.Inputs[0]].Shape, inputs, outputs)
	}
	return n.Op
}

// FilterInputs are the channels that a layer's filters still read when classes are removed, counted as in
// the filters: those of a grouped convolution count within their group.
func (s *Structure) FilterInputs(layer int, removed []bool) []int {
	n := &s.Graph.Nodes[s.Layers[layer].Node]
	return filterInputs(n.Op, s.positions(n.Inputs[0], removed))
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
