package main

import (
	"math"
	"math/rand/v2"

	"galen/engine/dataset"
	"galen/hw/graph"
)

// network builds the demo's network with random weights: a residual network after
// He et al. (2015) with one block per resolution, BatchNorm after each convolution,
// and 1×1 convolutions where a block changes the shape. Widths are 16, 32 and 64:
// ten layers, 12.5 million MACs, 78 thousand parameters.
func network(seed uint64) *graph.Graph {
	b := builder{
		Graph:  graph.NewGraph("resnet8", "images", graph.Shape{3, 32, 32}),
		random: rand.New(rand.NewPCG(seed, 0)),
	}
	x := b.convolution("stem", b.Input, 16, 3, 1)
	x = b.op("stem.relu", graph.Relu{}, x)
	x = b.block("block1", x, 16, 1)
	x = b.block("block2", x, 32, 2)
	x = b.block("block3", x, 64, 2)
	x = b.op("pool", graph.GlobalAveragePool{}, x)
	x = b.op("flatten", graph.Flatten{}, x)
	b.classifier("classifier", x, dataset.ShapeClasses)
	return b.Graph
}

// builder appends operators to a graph; their shapes fit by construction.
type builder struct {
	*graph.Graph
	random *rand.Rand
}

func (b *builder) op(name string, op graph.Op, inputs ...graph.ValueID) graph.ValueID {
	id, err := b.Append(name, op, name, inputs...)
	if err != nil {
		panic("network: " + err.Error())
	}
	return id
}

// block is two 3×3 convolutions around which a shortcut leads.
func (b *builder) block(name string, in graph.ValueID, width, stride int) graph.ValueID {
	x := b.convolution(name+".conv1", in, width, 3, stride)
	x = b.op(name+".relu1", graph.Relu{}, x)
	x = b.convolution(name+".conv2", x, width, 3, 1)
	shortcut := in
	if stride != 1 || b.Values[in].Shape[0] != width {
		shortcut = b.convolution(name+".shortcut", in, width, 1, stride)
	}
	x = b.op(name+".add", graph.Add{}, x, shortcut)
	return b.op(name+".relu2", graph.Relu{}, x)
}

// convolution keeps the resolution but for its stride; a BatchNorm follows it.
func (b *builder) convolution(name string, in graph.ValueID, width, size, stride int) graph.ValueID {
	channels := b.Values[in].Shape[0]
	x := b.op(name, &graph.Conv{
		Kernel:   [2]int{size, size},
		Stride:   [2]int{stride, stride},
		Dilation: [2]int{1, 1},
		Pad:      [4]int{size / 2, size / 2, size / 2, size / 2},
		Groups:   1,
		Weight: graph.Weight{
			Shape: []int{width, channels, size, size},
			Float: b.normal(width*channels*size*size, channels*size*size),
		},
	}, in)
	norm := &graph.BatchNorm{
		Scale: make([]float32, width), Shift: make([]float32, width),
		Mean: make([]float32, width), Variance: make([]float32, width), Epsilon: 1e-5,
	}
	for c := range width {
		norm.Scale[c], norm.Variance[c] = 1, 1
	}
	return b.op(name+".norm", norm, x)
}

func (b *builder) classifier(name string, in graph.ValueID, classes int) graph.ValueID {
	features := b.Values[in].Shape[0]
	return b.op(name, &graph.Gemm{
		Weight: graph.Weight{Shape: []int{classes, features}, Float: b.normal(classes*features, 2*features)},
		Bias:   make([]float32, classes),
	}, in)
}

// normal draws weights whose sums over so many inputs keep their variance through a
// Relu: normal with variance 2/inputs (He et al. 2015).
func (b *builder) normal(n, inputs int) []float32 {
	deviation := math.Sqrt(2 / float64(inputs))
	w := make([]float32, n)
	for i := range w {
		w[i] = float32(b.random.NormFloat64() * deviation)
	}
	return w
}
