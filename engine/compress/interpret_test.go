package compress

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"galen/hw/graph"
	"galen/hw/graph/reference"
)

// interpretAll runs a float graph on n images.
func interpretAll(g *graph.Graph, pixels []float32, n int) (rows [][]float64) {
	size := len(pixels) / n
	for i := range n {
		rows = append(rows, interpret(g, pixels[i*size:(i+1)*size], nil))
	}
	return rows
}

// interpret runs a float graph on one image, naively and in float64. zero tells which
// channels of a value a layer reads as zeros; nil: none.
func interpret(g *graph.Graph, image []float32, zero func(graph.ValueID, int) bool) []float64 {
	values := make([][]float64, len(g.Values))
	values[g.Input] = make([]float64, len(image))
	for i, x := range image {
		values[g.Input][i] = float64(x)
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		inputs, shapes := make([][]float64, len(n.Inputs)), make([]graph.Shape, len(n.Inputs))
		for j, id := range n.Inputs {
			inputs[j], shapes[j] = values[id], g.Values[id].Shape
			if n.Weight() != nil && zero != nil {
				masked := append([]float64(nil), inputs[j]...)
				per := len(masked) / shapes[j][0]
				for k := range masked {
					if zero(id, k/per) {
						masked[k] = 0
					}
				}
				inputs[j] = masked
			}
		}
		values[n.Output] = reference.Compute(n.Op, inputs, shapes)
	}
	return values[g.Output]
}

// builder makes graphs with random weights.
type builder struct {
	t   testing.TB
	g   *graph.Graph
	rng *rand.Rand
}

func newBuilder(t testing.TB, seed uint64, shape ...int) *builder {
	return &builder{t, graph.NewGraph("test", "input", shape), rand.New(rand.NewPCG(seed, 1))}
}

func (b *builder) add(op graph.Op, inputs ...graph.ValueID) graph.ValueID {
	b.t.Helper()
	i := len(b.g.Nodes)
	id, err := b.g.Append(fmt.Sprintf("%s_%d", op.Kind(), i), op, fmt.Sprintf("v%d", i), inputs...)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

func (b *builder) shape(id graph.ValueID) graph.Shape { return b.g.Values[id].Shape }

func (b *builder) floats(n int, mean, deviation float64) []float32 {
	f := make([]float32, n)
	for i := range f {
		f[i] = float32(mean + deviation*b.rng.NormFloat64())
	}
	return f
}

func (b *builder) conv(in graph.ValueID, out, size, stride, groups int) graph.ValueID {
	b.t.Helper()
	channels := b.shape(in)[0] / groups
	pad := size / 2
	shape := []int{out, channels, size, size}
	fan := channels * size * size
	return b.add(&graph.Conv{
		Kernel: [2]int{size, size}, Stride: [2]int{stride, stride}, Dilation: [2]int{1, 1},
		Pad: [4]int{pad, pad, pad, pad}, Groups: groups,
		Weight: graph.Weight{Shape: shape, Float: b.floats(out*fan, 0, math.Sqrt(2/float64(fan)))},
		Bias:   b.floats(out, 0, 0.1),
	}, in)
}

func (b *builder) relu(in graph.ValueID) graph.ValueID { return b.add(graph.Relu{}, in) }

func (b *builder) gemm(in graph.ValueID, out int) graph.ValueID {
	b.t.Helper()
	features := b.shape(in)[0]
	return b.add(&graph.Gemm{
		Weight: graph.Weight{Shape: []int{out, features}, Float: b.floats(out*features, 0, math.Sqrt(1/float64(features)))},
		Bias:   b.floats(out, 0, 0.1),
	}, in)
}

func (b *builder) norm(in graph.ValueID) graph.ValueID {
	c := b.shape(in)[0]
	variance := b.floats(c, 0, 1)
	for i, v := range variance {
		variance[i] = 0.5 + v*v
	}
	return b.add(&graph.BatchNorm{
		Scale: b.floats(c, 1, 0.2), Shift: b.floats(c, 0, 0.2), Mean: b.floats(c, 0, 0.2), Variance: variance, Epsilon: 1e-5,
	}, in)
}

// end closes the network with global pooling and a classifier of ten classes.
func (b *builder) end(in graph.ValueID) *graph.Graph {
	b.t.Helper()
	b.gemm(b.add(graph.Flatten{}, b.add(graph.GlobalAveragePool{}, in)), 10)
	return b.g
}

// slicePad is ResNet's option-A shortcut: every second pixel, zero channels around.
func (b *builder) slicePad(in graph.ValueID, channels int) graph.ValueID {
	s := b.shape(in)
	half := b.add(&graph.Slice{Start: []int{0, 0, 0}, End: []int{s[0], s[1], s[2]}, Step: []int{1, 2, 2}}, in)
	more := channels - s[0]
	return b.add(&graph.Pad{Before: []int{more / 2, 0, 0}, After: []int{more - more/2, 0, 0}}, half)
}

// The networks below are small forms of the ones people bring.

func plainNet(t testing.TB) *graph.Graph {
	b := newBuilder(t, 1, 3, 8, 8)
	x := b.relu(b.conv(0, 8, 3, 1, 1))
	x = b.add(graph.MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, x)
	x = b.relu(b.norm(b.conv(x, 12, 3, 1, 1)))
	x = b.relu(b.gemm(b.add(graph.Flatten{}, x), 16))
	b.gemm(x, 10)
	return b.g
}

// residualNet is a ResNet of three stages with one block each; optionB takes 1×1
// convolutions for its shortcuts, else slices and pads.
func residualNet(t testing.TB, optionB bool) *graph.Graph {
	b := newBuilder(t, 2, 3, 8, 8)
	x := b.relu(b.conv(0, 8, 3, 1, 1))
	for stage, channels := range []int{8, 16, 32} {
		stride := 1
		shortcut := x
		if stage > 0 {
			stride = 2
			if optionB {
				shortcut = b.conv(x, channels, 1, 2, 1)
			} else {
				shortcut = b.slicePad(x, channels)
			}
		}
		inner := b.conv(b.relu(b.conv(x, channels, 3, stride, 1)), channels, 3, 1, 1)
		x = b.relu(b.add(graph.Add{}, inner, shortcut))
	}
	return b.end(x)
}

func concatNet(t testing.TB) *graph.Graph {
	b := newBuilder(t, 3, 3, 8, 8)
	x := b.relu(b.conv(0, 8, 3, 1, 1))
	left, right := b.relu(b.conv(x, 6, 1, 1, 1)), b.relu(b.conv(x, 10, 3, 1, 1))
	x = b.add(graph.Concat{}, left, x, right)
	x = b.relu(b.norm(x))
	x = b.add(graph.AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, x)
	return b.end(b.relu(b.conv(x, 8, 3, 1, 1)))
}

func separableNet(t testing.TB) *graph.Graph {
	b := newBuilder(t, 4, 3, 8, 8)
	x := b.relu(b.conv(0, 8, 3, 2, 1))
	for _, channels := range []int{16, 16} {
		wide := b.add(graph.Clip{Min: 0, Max: 6}, b.conv(x, 24, 1, 1, 1))
		wide = b.add(graph.Clip{Min: 0, Max: 6}, b.conv(wide, 24, 3, 1, 24))
		y := b.conv(wide, channels, 1, 1, 1)
		if b.shape(y)[0] == b.shape(x)[0] {
			y = b.add(graph.Add{}, y, x)
		}
		x = y
	}
	return b.end(x)
}

// mobileNet has inverted residual blocks with gates, as MobileNetV3 and EfficientNet.
func mobileNet(t testing.TB) *graph.Graph {
	b := newBuilder(t, 5, 3, 8, 8)
	swish := graph.Activation{Function: graph.HardSwish}
	x := b.add(swish, b.conv(0, 8, 3, 2, 1))
	for _, channels := range []int{12, 12} {
		wide := b.add(swish, b.norm(b.conv(x, 24, 1, 1, 1)))
		wide = b.add(swish, b.conv(wide, 24, 3, 1, 24))
		gate := b.relu(b.conv(b.add(graph.GlobalAveragePool{}, wide), 6, 1, 1, 1))
		gate = b.add(graph.Activation{Function: graph.Sigmoid}, b.conv(gate, 24, 1, 1, 1))
		y := b.conv(b.add(graph.Binary{Operator: graph.Times}, gate, wide), channels, 1, 1, 1)
		if b.shape(y)[0] == b.shape(x)[0] {
			y = b.add(graph.Add{}, y, x)
		}
		x = y
	}
	return b.end(x)
}

// denseNet normalizes and activates all that came before in front of every convolution.
func denseNet(t testing.TB) *graph.Graph {
	b := newBuilder(t, 6, 3, 8, 8)
	x := b.conv(0, 8, 3, 1, 1)
	for range 2 {
		for range 3 {
			y := b.conv(b.relu(b.norm(x)), 16, 1, 1, 1)
			y = b.conv(b.relu(b.norm(y)), 4, 3, 1, 1)
			x = b.add(graph.Concat{}, x, y)
		}
		x = b.conv(b.relu(b.norm(x)), b.shape(x)[0]/2, 1, 1, 1)
		x = b.add(graph.AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, x)
	}
	return b.end(b.relu(b.norm(x)))
}

// shuffleNet computes one half of the channels and mixes the halves, as ShuffleNetV2.
func shuffleNet(t testing.TB) *graph.Graph {
	b := newBuilder(t, 7, 3, 8, 8)
	x := b.relu(b.conv(0, 16, 3, 2, 1))
	shuffle := &graph.Gather{}
	for i := range 16 {
		shuffle.Index = append(shuffle.Index, i%2*8+i/2)
	}
	for range 2 {
		s := b.shape(x)
		left := b.add(&graph.Slice{Start: []int{0, 0, 0}, End: []int{8, s[1], s[2]}, Step: []int{1, 1, 1}}, x)
		right := b.add(&graph.Slice{Start: []int{8, 0, 0}, End: []int{16, s[1], s[2]}, Step: []int{1, 1, 1}}, x)
		right = b.relu(b.conv(right, 8, 1, 1, 1))
		right = b.relu(b.conv(b.conv(right, 8, 3, 1, 8), 8, 1, 1, 1))
		x = b.add(shuffle, b.add(graph.Concat{}, left, right))
	}
	return b.end(b.add(&graph.PRelu{Slope: b.floats(24, 0.2, 0.1)}, b.conv(x, 24, 1, 1, 1)))
}

func nets(t testing.TB) map[string]*graph.Graph {
	return map[string]*graph.Graph{
		"plain": plainNet(t), "residual A": residualNet(t, false), "residual B": residualNet(t, true),
		"concat": concatNet(t), "separable": separableNet(t),
		"mobile": mobileNet(t), "dense": denseNet(t), "shuffle": shuffleNet(t),
	}
}
