package train

import (
	"math"
	"math/rand/v2"
	"testing"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// builder makes small random graphs.
type builder struct {
	*graph.Graph
	t      testing.TB
	random *rand.Rand
	last   graph.ValueID
}

func newBuilder(t testing.TB, seed uint64, shape ...int) *builder {
	g := graph.NewGraph("random", "images", shape)
	return &builder{Graph: g, t: t, random: rand.New(rand.NewPCG(seed, 0))}
}

func (b *builder) floats(n int, scale float64) []float32 {
	f := make([]float32, n)
	for i := range f {
		f[i] = float32(b.random.NormFloat64() * scale)
	}
	return f
}

func (b *builder) near(n int, centre float64) []float32 {
	f := b.floats(n, 0.2)
	for i := range f {
		f[i] += float32(centre)
	}
	return f
}

func (b *builder) op(op graph.Op, inputs ...graph.ValueID) graph.ValueID {
	b.t.Helper()
	if len(inputs) == 0 {
		inputs = []graph.ValueID{b.last}
	}
	id, err := b.Append("", op, "", inputs...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.last = id
	return id
}

func (b *builder) shape() graph.Shape { return b.Values[b.last].Shape }

func (b *builder) conv(out int, kernel, stride, dilation [2]int, pad [4]int, bias bool) graph.ValueID {
	in := b.shape()[0]
	c := &graph.Conv{Kernel: kernel, Stride: stride, Dilation: dilation, Pad: pad, Groups: 1}
	n := out * in * kernel[0] * kernel[1]
	c.Weight = graph.Weight{Shape: []int{out, in, kernel[0], kernel[1]}, Float: b.floats(n, math.Sqrt(2*float64(out)/float64(n)))}
	if bias {
		c.Bias = b.floats(out, 0.3)
	}
	return b.op(c)
}

func (b *builder) conv3(out int) graph.ValueID {
	return b.conv(out, [2]int{3, 3}, [2]int{1, 1}, [2]int{1, 1}, [4]int{1, 1, 1, 1}, false)
}

func (b *builder) norm() graph.ValueID {
	c := b.shape()[0]
	return b.op(&graph.BatchNorm{Scale: b.near(c, 1), Shift: b.floats(c, 0.3), Mean: make([]float32, c), Variance: b.near(c, 1), Epsilon: 1e-5})
}

func (b *builder) gemm(out int, bias bool) graph.ValueID {
	in := b.shape()[0]
	m := &graph.Gemm{Weight: graph.Weight{Shape: []int{out, in}, Float: b.floats(out*in, 1/math.Sqrt(float64(in)))}}
	if bias {
		m.Bias = b.floats(out, 0.3)
	}
	return b.op(m)
}

func (b *builder) head(classes int) *graph.Graph {
	b.op(graph.Flatten{})
	b.gemm(classes, true)
	return b.Graph
}

// networks exercise every operator, each with parameters before it, so that its
// gradient is seen there.
func networks(t testing.TB) map[string]*graph.Graph {
	nets := map[string]*graph.Graph{}
	start := func(seed uint64, shape ...int) *builder {
		b := newBuilder(t, seed, shape...)
		b.conv3(5)
		return b
	}
	one := [2]int{1, 1}

	b := newBuilder(t, 1, 3, 6, 7)
	b.conv(4, [2]int{3, 2}, one, one, [4]int{1, 0, 2, 1}, true)
	b.conv(17, [2]int{1, 3}, one, one, [4]int{0, 1, 0, 1}, false)
	nets["uneven convolutions"] = b.head(4)

	b = start(2, 2, 9, 8)
	b.conv(6, [2]int{3, 3}, [2]int{2, 2}, one, [4]int{1, 1, 1, 1}, true)
	b.conv(18, one, [2]int{2, 2}, one, [4]int{}, false)
	nets["strides"] = b.head(3)

	b = start(3, 2, 8, 9)
	b.conv(3, [2]int{3, 3}, [2]int{1, 2}, one, [4]int{1, 1, 1, 1}, false)
	b.conv(4, [2]int{2, 3}, [2]int{3, 1}, one, [4]int{0, 2, 1, 0}, false)
	b.conv(4, [2]int{2, 2}, [2]int{2, 3}, one, [4]int{1, 1, 1, 1}, false)
	nets["uneven strides"] = b.head(3)

	b = start(4, 2, 9, 9)
	b.conv(3, [2]int{3, 3}, one, [2]int{2, 2}, [4]int{2, 2, 2, 2}, true)
	b.conv(3, [2]int{2, 3}, [2]int{2, 2}, [2]int{3, 2}, [4]int{1, 1, 1, 1}, true)
	nets["dilation"] = b.head(3)

	b = start(5, 2, 5, 5)
	b.norm()
	b.op(graph.Relu{})
	b.conv3(19)
	b.norm()
	b.op(graph.Relu{})
	b.op(graph.GlobalAveragePool{})
	nets["normalization"] = b.head(3)

	b = start(6, 2, 6, 6)
	b.norm()
	x := b.op(graph.Relu{})
	b.conv3(5)
	b.norm()
	b.op(graph.Add{}, b.last, x)
	sum := b.op(graph.Relu{})
	b.conv(5, [2]int{3, 3}, one, one, [4]int{1, 1, 1, 1}, false)
	b.op(graph.Add{}, sum, b.last)
	b.op(graph.Add{}, b.last, b.last)
	nets["residuals"] = b.head(3)

	b = start(7, 2, 7, 7)
	b.norm()
	x = b.last
	b.op(graph.Clip{Min: -0.5, Max: 0.7})
	b.conv3(4)
	b.op(graph.Clip{Min: 0.1, Max: 0.8}) // also lifts the padding
	b.op(graph.Relu{})
	b.conv3(5)
	b.op(graph.Add{}, b.last, x)
	nets["clips"] = b.head(3)

	b = start(8, 2, 9, 9)
	b.norm()
	b.op(graph.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1, 1, 1}})
	b.op(graph.Relu{})
	x = b.last
	b.op(graph.AveragePool{Kernel: [2]int{3, 2}, Stride: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 0}})
	y := b.last
	b.op(graph.AveragePool{Kernel: [2]int{3, 2}, Stride: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 0}, CountIncludePad: true}, x)
	b.op(graph.Add{}, b.last, y)
	b.op(graph.MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}}, b.last)
	nets["pools"] = b.head(3)

	b = start(9, 2, 8, 8)
	b.norm()
	x = b.op(graph.Relu{})
	b.op(&graph.Slice{Start: []int{1, 0, 1}, End: []int{5, 8, 8}, Step: []int{1, 2, 2}})
	b.op(&graph.Pad{Before: []int{2, 0, 0}, After: []int{1, 0, 0}, Value: 0.25})
	y = b.last
	b.last = x
	z := b.conv(3, [2]int{3, 3}, [2]int{2, 2}, one, [4]int{1, 1, 1, 1}, true)
	b.op(graph.Concat{Axis: 0}, y, z)
	b.conv3(4)
	nets["rearrangements"] = b.head(3)

	b = newBuilder(t, 11, 2, 5, 4)
	b.conv3(16)
	x = b.norm()
	b.op(graph.Relu{})
	b.conv3(18)
	b.norm()
	b.op(graph.Relu{})
	b.conv3(16)
	b.norm()
	b.op(graph.Add{}, b.last, x)
	x = b.op(graph.Relu{})
	y = b.conv(17, [2]int{3, 3}, [2]int{2, 2}, one, [4]int{1, 1, 1, 1}, false)
	b.last = x
	b.conv(17, one, [2]int{2, 2}, one, [4]int{}, true)
	b.op(graph.Add{}, b.last, y)
	b.op(graph.GlobalAveragePool{})
	nets["wide layers"] = b.head(3)

	b = start(10, 2, 3, 3)
	b.op(graph.Flatten{})
	b.gemm(40, false)
	x = b.op(graph.Relu{})
	b.gemm(40, true)
	b.op(graph.Add{}, b.last, x)
	b.op(graph.Clip{Min: 0, Max: 0.9})
	b.gemm(35, true)
	nets["dense"] = b.Graph
	return nets
}

// batch makes a few random images, in both forms, and labels.
func batch(g *graph.Graph, n int) (images [][]float64, flat []float32, labels []int) {
	random := rand.New(rand.NewPCG(99, 0))
	for range n {
		var image []float64
		for range g.Values[g.Input].Shape.Elements() {
			v := float32(random.NormFloat64())
			flat, image = append(flat, v), append(image, float64(v))
		}
		images = append(images, image)
		labels = append(labels, random.IntN(g.Values[g.Output].Shape[0]))
	}
	return images, flat, labels
}

// slope is the derivative of the loss by one parameter, from its definition, by
// central differences.
func slope(g *graph.Graph, parameter *float32, images [][]float64, labels []int, smoothing float64) float64 {
	const step = 1e-6 // small: fewer Relus change sides
	w := *parameter
	up, down := float32(float64(w)+step), float32(float64(w)-step)
	*parameter = up
	above := lossOf(g, images, labels, smoothing)
	*parameter = down
	below := lossOf(g, images, labels, smoothing)
	*parameter = w
	return (above - below) / (float64(up) - float64(down))
}

// parametersOf lists a node's parameters in the trainer's order; they are shared.
func parametersOf(n *graph.Node) [][]float32 {
	if op, ok := n.Op.(*graph.BatchNorm); ok {
		return [][]float32{op.Scale, op.Shift}
	}
	var p [][]float32
	if w := n.Weight(); w != nil {
		p = append(p, w.Float)
		if n.Bias() != nil {
			p = append(p, n.Bias())
		}
	}
	return p
}

func TestGradients(t *testing.T) {
	for name, g := range networks(t) {
		t.Run(name, func(t *testing.T) { checkGradients(t, g) })
	}
}

// checkGradients compares a network's gradients, on every instruction set, with those by definition.
func checkGradients(t *testing.T, g *graph.Graph) {
	t.Helper()
	const smoothing, sampled = 0.1, 25
	images, flat, labels := batch(g, 4)
	definedLoss := lossOf(g, images, labels, smoothing)
	type sample struct {
		parameter, index int
		slope            float64
	}
	var samples []sample
	count := 0
	for i := range g.Nodes {
		for _, values := range parametersOf(&g.Nodes[i]) {
			for j := 0; j < len(values); j += max(1, len(values)/sampled) {
				samples = append(samples, sample{count, j, slope(g, &values[j], images, labels, smoothing)})
			}
			count++
		}
	}
	for _, isa := range kernel.Supported() {
		tr, err := New(g, Options{ISA: isa, Workers: 3, LabelSmoothing: smoothing})
		if err != nil {
			t.Fatal(err)
		}
		tr.SetLearningRate(0)
		// The second step runs on buffers that have been used.
		for pass := range 2 {
			loss, _, err := tr.Step(flat, labels)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(loss-definedLoss) > 1e-5*definedLoss {
				t.Errorf("%s, pass %d: the loss is %.8f, by definition %.8f", isa, pass, loss, definedLoss)
			}
			if count != len(tr.parameters) {
				t.Fatalf("%d of the trainer's %d parameters compared", count, len(tr.parameters))
			}
			for _, s := range samples {
				gradient := tr.parameters[s.parameter].gradient
				largest := 0.0
				for _, v := range gradient {
					largest = max(largest, math.Abs(float64(v)))
				}
				if got := float64(gradient[s.index]); math.Abs(got-s.slope) > 1e-4*largest+1e-6 {
					t.Errorf("%s, pass %d: parameter %d[%d] has gradient %.6g, by definition %.6g (they reach %.2g)",
						isa, pass, s.parameter, s.index, got, s.slope, largest)
				}
			}
		}
	}
}
