// Package structure decides which channels of a network stay. It follows every channel through the graph,
// says which can only be removed together, reads and checks the policies that ask for it, prunes the graph,
// and places its integers. It knows weights as far as removing and ranking channels needs them, and never
// runs a network.
package structure

import (
	"slices"

	"galen/hw/graph"
)

// Group is a set of layers whose output channels are removed together because
// residual additions, depthwise convolutions or shortcuts tie them.
type Group struct {
	Layers []int // positions in Graph.Layers(), in execution order; the first is the root, whose sparsity the group takes
	Blocks []Block
}

// Block is a set of channel classes that live in the same values. A class is the
// smallest set of channels, one or more in each of several values, that can only be
// removed as a whole. Sparsity applies to each block by itself: then a ResNet
// whose shortcut pads 16 channels to 32 and 64 stays one whose shortcut pads evenly,
// and no value ever loses all of its channels.
type Block struct {
	Classes  []int  // ascending
	Channels int    // channels of one class in the first of the group's layers that has any; more than one in grouped convolutions
	Frozen   string // why its channels must all stay, for people; empty: they may go
}

// LayerInfo is what may be done to a layer.
type LayerInfo struct {
	Layer    string // the node's name
	Node     int    // index in Graph.Nodes
	Group    int    // index of its channel group; groups are in execution order of their roots
	Root     bool   // decides its group's sparsity
	Coupled  bool   // its group has other layers
	Prunable bool   // at least one of its group's blocks may lose channels
	MayMix   bool   // may have fewer than 8 bits
	Why      string // why it is not prunable or must not be mixed, for people; empty otherwise
	Grouped  bool   // a grouped convolution, which hands the channels it reads on
	Channels int    // output channels
}

// Structure is how the channels of a graph hang together.
type Structure struct {
	Graph  *graph.Graph
	Groups []Group
	Layers []LayerInfo // one per Graph.Layers(), in order

	classes [][]int // per value, per channel (features of a vector count as channels): its class
	count   int     // number of classes
}

// Removable are the classes of each block whose channels may go.
func (g *Group) Removable() (blocks [][]int) {
	for _, b := range g.Blocks {
		if b.Frozen == "" {
			blocks = append(blocks, b.Classes)
		}
	}
	return blocks
}

// Readers are the layers that read channels of a group that may go. Grouped convolutions are none: they
// hand channels on, which matter where their own do.
func (s *Structure) Readers(group int) (readers []int) {
	removable := make([]bool, s.count)
	for _, classes := range s.Groups[group].Removable() {
		for _, class := range classes {
			removable[class] = true
		}
	}
	for l, info := range s.Layers {
		if !info.Grouped && slices.ContainsFunc(s.Reads(l), func(class int) bool { return removable[class] }) {
			readers = append(readers, l)
		}
	}
	return readers
}

// Reads are the classes of the channels (or features) a layer reads.
func (s *Structure) Reads(layer int) []int {
	return s.classes[s.Graph.Nodes[s.Layers[layer].Node].Inputs[0]]
}
