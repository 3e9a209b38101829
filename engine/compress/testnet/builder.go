package testnet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"galen/hw/graph"
)

// Builder makes graphs with random weights.
type Builder struct {
	t     testing.TB
	Graph *graph.Graph
	Rand  *rand.Rand
}

// NewBuilder starts a graph with an input of the given shape. All that is random follows from the seed.
func NewBuilder(t testing.TB, seed uint64, shape ...int) *Builder {
	return &Builder{t, graph.NewGraph("test", "input", shape), rand.New(rand.NewPCG(seed, 1))}
}

// Add appends a node and returns its output.
func (b *Builder) Add(op graph.Op, inputs ...graph.ValueID) graph.ValueID {
	b.t.Helper()
	i := len(b.Graph.Nodes)
	id, err := b.Graph.Append(fmt.Sprintf("%s_%d", op.Kind(), i), op, fmt.Sprintf("v%d", i), inputs...)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// shape is that of a value.
func (b *Builder) shape(id graph.ValueID) graph.Shape { return b.Graph.Values[id].Shape }

// floats are n normally distributed numbers.
func (b *Builder) floats(n int, mean, deviation float64) []float32 {
	f := make([]float32, n)
	for i := range f {
		f[i] = float32(mean + deviation*b.Rand.NormFloat64())
	}
	return f
}

// Conv is a square convolution with a bias that keeps the image's size but for its stride.
func (b *Builder) Conv(in graph.ValueID, out, size, stride, groups int) graph.ValueID {
	b.t.Helper()
	channels := b.shape(in)[0] / groups
	pad := size / 2
	shape := []int{out, channels, size, size}
	fan := channels * size * size
	return b.Add(&graph.Conv{
		Kernel: [2]int{size, size}, Stride: [2]int{stride, stride}, Dilation: [2]int{1, 1},
		Pad: [4]int{pad, pad, pad, pad}, Groups: groups,
		Weight: graph.Weight{Shape: shape, Float: b.floats(out*fan, 0, math.Sqrt(2/float64(fan)))},
		Bias:   b.floats(out, 0, 0.1),
	}, in)
}

// Relu is a rectifier.
func (b *Builder) Relu(in graph.ValueID) graph.ValueID { return b.Add(graph.Relu{}, in) }

// Gemm is a fully connected layer with a bias.
func (b *Builder) Gemm(in graph.ValueID, out int) graph.ValueID {
	b.t.Helper()
	features := b.shape(in)[0]
	return b.Add(&graph.Gemm{
		Weight: graph.Weight{Shape: []int{out, features}, Float: b.floats(out*features, 0, math.Sqrt(1/float64(features)))},
		Bias:   b.floats(out, 0, 0.1),
	}, in)
}

// norm is a batch normalization.
func (b *Builder) norm(in graph.ValueID) graph.ValueID {
	c := b.shape(in)[0]
	variance := b.floats(c, 0, 1)
	for i, v := range variance {
		variance[i] = 0.5 + v*v
	}
	return b.Add(&graph.BatchNorm{
		Scale: b.floats(c, 1, 0.2), Shift: b.floats(c, 0, 0.2), Mean: b.floats(c, 0, 0.2), Variance: variance, Epsilon: 1e-5,
	}, in)
}

// End closes the network with global pooling and a classifier of ten classes.
func (b *Builder) End(in graph.ValueID) *graph.Graph {
	b.t.Helper()
	b.Gemm(b.Add(graph.Flatten{}, b.Add(graph.GlobalAveragePool{}, in)), 10)
	return b.Graph
}

// slicePad is ResNet's option-A shortcut: every second pixel, zero channels around.
func (b *Builder) slicePad(in graph.ValueID, channels int) graph.ValueID {
	s := b.shape(in)
	half := b.Add(&graph.Slice{Start: []int{0, 0, 0}, End: []int{s[0], s[1], s[2]}, Step: []int{1, 2, 2}}, in)
	more := channels - s[0]
	return b.Add(&graph.Pad{Before: []int{more / 2, 0, 0}, After: []int{more - more/2, 0, 0}}, half)
}
