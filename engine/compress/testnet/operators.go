package testnet

import (
	"slices"
	"testing"

	"galen/hw/graph"
)

// Around is a network that computes what an operator reads by layers of its own, and a class from what it gives.
func Around(t testing.TB, e graph.Example) *graph.Graph {
	b := NewBuilder(t, 5, 3, 6, 5)
	inputs := make([]graph.ValueID, len(e.Inputs))
	for i, shape := range e.Inputs {
		inputs[i] = b.feed(shape)
		if e.Positive {
			inputs[i] = b.Add(graph.Clip{Min: 0.25, Max: 4}, inputs[i])
		}
	}
	x := b.Add(e.Op, inputs...)
	if len(b.shape(x)) == 3 {
		return b.End(b.Conv(x, 8, 1, 1, 1))
	}
	b.Gemm(x, 10)
	return b.Graph
}

// feed computes a tensor from the network's input by a layer.
func (b *Builder) feed(shape graph.Shape) graph.ValueID {
	if len(shape) == 1 {
		return b.Gemm(b.Add(graph.Flatten{}, b.Add(graph.GlobalAveragePool{}, 0)), shape[0])
	}
	x := b.Conv(0, shape[0], 1, 1, 1)
	if slices.Equal(shape, b.shape(x)) {
		return x
	}
	return b.Add(&graph.Slice{Start: []int{0, 0, 0}, End: shape, Step: []int{1, 1, 1}}, x)
}
