package structure

import (
	"encoding/binary"
	"fmt"

	"galen/hw/graph"
)

// Analyze follows every channel of a graph from the layer that computes it to the
// layers that consume it.
func Analyze(g *graph.Graph) (*Structure, error) {
	if err := g.Clone().InferShapes(); err != nil {
		return nil, fmt.Errorf("finding channel groups: %w", err)
	}
	if len(g.Layers()) == 0 {
		return nil, fmt.Errorf("finding channel groups: the graph %q has no convolution or fully connected layer", g.Name)
	}
	return analyze(g), nil
}

// analyze is Analyze for graphs whose shapes are known to fit.
func analyze(g *graph.Graph) *Structure {
	t := &ties{}
	channels := make([][]int, len(g.Values))
	channels[g.Input] = t.fresh(g.Values[g.Input].Shape[0])
	for _, n := range g.Nodes {
		inputs := make([][]int, len(n.Inputs))
		for i, id := range n.Inputs {
			inputs[i] = channels[id]
		}
		channels[n.Output] = t.follow(g, n, inputs)
	}
	// The first reason given for a class is the one that is told: the output's is the most telling.
	t.frozen = append([]freeze{
		{channels[g.Output], outputReason},
		{channels[g.Input], "its channels are tied to the network's input"},
	}, t.frozen...)
	s := &Structure{Graph: g, classes: channels}
	reasons := s.number(t)
	s.group(reasons)
	s.describe()
	return s
}

const (
	outputReason = "its channels are the network's output"
	aloneReason  = "its channels could only leave all together"
)

// number replaces the channels of every value by their classes, numbered from 0, and
// returns why each class must stay; empty if it need not.
func (s *Structure) number(t *ties) (reasons []string) {
	numbers := make(map[int]int)
	number := func(channel int) int {
		root := t.find(channel)
		class, ok := numbers[root]
		if !ok {
			class = len(numbers)
			numbers[root] = class
		}
		return class
	}
	for v, channels := range s.classes {
		classes := make([]int, len(channels))
		for i, c := range channels {
			classes[i] = number(c)
		}
		s.classes[v] = classes
	}
	for _, f := range t.frozen {
		for _, c := range f.channels {
			class := number(c)
			for len(reasons) <= class {
				reasons = append(reasons, "")
			}
			if reasons[class] == "" {
				reasons[class] = f.reason
			}
		}
	}
	s.count = len(numbers)
	for len(reasons) < s.count {
		reasons = append(reasons, "")
	}
	return reasons
}

// group gathers the layers that share classes, and their classes in blocks.
func (s *Structure) group(reasons []string) {
	layers := s.Graph.Layers()
	t := &ties{}
	t.fresh(len(layers))
	owner := make([]int, s.count) // the first layer that computes a class; −1: none does
	width := make([]int, s.count) // its channels there
	for class := range owner {
		owner[class] = -1
	}
	for l, node := range layers {
		for _, class := range s.classes[s.Graph.Nodes[node].Output] {
			if owner[class] < 0 {
				owner[class] = l
			}
			t.tie(owner[class], l)
			if owner[class] == l {
				width[class]++
			}
		}
	}
	index := make([]int, len(layers))
	for l := range layers {
		root := t.find(l)
		if root == l {
			index[l] = len(s.Groups)
			s.Groups = append(s.Groups, Group{})
		}
		group := &s.Groups[index[root]]
		group.Layers = append(group.Layers, l)
	}
	type key struct {
		group  int
		places string
	}
	blocks := make(map[key]int)
	places := s.places()
	for class := range s.count {
		if owner[class] < 0 {
			continue
		}
		k := key{index[t.find(owner[class])], places[class] + reasons[class]}
		group := &s.Groups[k.group]
		b, ok := blocks[k]
		if !ok {
			b = len(group.Blocks)
			blocks[k] = b
			group.Blocks = append(group.Blocks, Block{Channels: width[class], Frozen: reasons[class]})
		}
		group.Blocks[b].Classes = append(group.Blocks[b].Classes, class)
	}
	for i := range s.Groups {
		for j := range s.Groups[i].Blocks {
			if b := &s.Groups[i].Blocks[j]; b.Frozen == "" && len(b.Classes) == 1 {
				b.Frozen = aloneReason
			}
		}
	}
}

// places gives each class's signature: the values it lives in and its channels there.
func (s *Structure) places() []string {
	signatures := make([][]byte, s.count)
	counts := make([]int, s.count)
	for v, classes := range s.classes {
		for _, class := range classes {
			counts[class]++
		}
		for _, class := range classes {
			if counts[class] > 0 {
				signatures[class] = binary.AppendUvarint(signatures[class], uint64(v))
				signatures[class] = binary.AppendUvarint(signatures[class], uint64(counts[class]))
				counts[class] = 0
			}
		}
	}
	places := make([]string, s.count)
	for class, signature := range signatures {
		places[class] = string(signature)
	}
	return places
}

func (s *Structure) describe() {
	layers := s.Graph.Layers()
	s.Layers = make([]LayerInfo, len(layers))
	for i, group := range s.Groups {
		prunable, why := false, ""
		for _, b := range group.Blocks {
			prunable = prunable || b.Frozen == ""
			if why == "" {
				why = b.Frozen
			}
		}
		if prunable {
			why = ""
		}
		for j, l := range group.Layers {
			n := &s.Graph.Nodes[layers[l]]
			conv, ok := n.Op.(*graph.Conv)
			s.Layers[l] = LayerInfo{
				Layer: n.Name, Node: layers[l], Group: i, Root: j == 0, Coupled: len(group.Layers) > 1,
				Prunable: prunable, MayMix: true, Why: why,
				Grouped: ok && conv.Groups > 1, Channels: n.Weight().Shape[0],
			}
		}
	}
	if l := s.classifier(); l >= 0 {
		s.Layers[l].MayMix = false
	}
}

// classifier is the last layer whose channels are the network's output; −1 if there is none.
func (s *Structure) classifier() int {
	output := make(map[int]bool)
	for _, class := range s.classes[s.Graph.Output] {
		output[class] = true
	}
	for l := len(s.Layers) - 1; l >= 0; l-- {
		for _, class := range s.classes[s.Graph.Nodes[s.Layers[l].Node].Output] {
			if output[class] {
				return l
			}
		}
	}
	return -1
}
