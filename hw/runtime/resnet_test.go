package runtime

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"galen/hw/graph"
)

// architecture is a residual network for 32×32 images.
type architecture struct {
	widths  []int // channels of each stage
	blocks  int   // per stage
	project bool  // shortcuts that change shape are 1×1 convolutions; otherwise Slice and Pad
}

var (
	resnet20 = architecture{[]int{16, 32, 64}, 3, false}
	resnet18 = architecture{[]int{64, 128, 256, 512}, 2, true}
)

// precision says how the builder quantizes; nil: not at all.
type precision struct {
	weights, activations int
}

type resnetBuilder struct {
	t   testing.TB
	g   *graph.Graph
	rng *rand.Rand
	p   *precision
}

func newResnetBuilder(t testing.TB, image graph.Shape) *resnetBuilder {
	return &resnetBuilder{t: t, g: graph.NewGraph("resnet", "image", image), rng: rand.New(rand.NewPCG(1, 2))}
}

// resnet builds the network with random weights. Quantized, it is as compression
// leaves it: convolution outputs in front of an addition and results of ReLUs are
// quantized, the classifier takes integers and gives floats.
func resnet(t testing.TB, a architecture, p *precision) *graph.Graph {
	t.Helper()
	b := newResnetBuilder(t, graph.Shape{3, 32, 32})
	b.p = p
	x := graph.ValueID(0)
	if p != nil {
		x = b.append(graph.Quantize{}, b.signed(), 0)
	}
	x = b.relu(b.conv(x, a.widths[0], 3, 1, nil))
	for stage, width := range a.widths {
		for block := range a.blocks {
			stride := 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			y := b.relu(b.conv(x, width, 3, stride, nil))
			y = b.conv(y, width, 3, 1, b.signed())
			if stride == 2 {
				x = b.shortcut(x, width, a.project)
			}
			x = b.relu(b.append(graph.Add{}, nil, y, x))
		}
	}
	x = b.append(graph.GlobalAveragePool{}, b.unsigned(), x)
	x = b.append(graph.Flatten{}, b.unsigned(), x)
	features := b.g.Values[x].Shape[0]
	b.append(&graph.Gemm{Weight: b.weight([]int{10, features}), Bias: make([]float32, 10)}, nil, x)
	if err := b.g.Validate(); err != nil {
		t.Fatal(err)
	}
	return b.g
}

func (b *resnetBuilder) append(op graph.Op, q *graph.Quant, inputs ...graph.ValueID) graph.ValueID {
	b.t.Helper()
	id, err := b.g.Append(fmt.Sprint(op.Kind(), len(b.g.Nodes)), op, fmt.Sprint("v", len(b.g.Values)), inputs...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.g.Values[id].Quant = q
	return id
}

func (b *resnetBuilder) conv(x graph.ValueID, out, size, stride int, q *graph.Quant) graph.ValueID {
	pad := size / 2
	c := &graph.Conv{
		Kernel: [2]int{size, size}, Stride: [2]int{stride, stride}, Dilation: [2]int{1, 1},
		Pad: [4]int{pad, pad, pad, pad}, Groups: 1,
		Weight: b.weight([]int{out, b.g.Values[x].Shape[0], size, size}), Bias: make([]float32, out),
	}
	for i := range c.Bias {
		c.Bias[i] = float32(b.rng.NormFloat64()) / 10
	}
	return b.append(c, q, x)
}

func (b *resnetBuilder) relu(x graph.ValueID) graph.ValueID {
	return b.append(graph.Relu{}, b.unsigned(), x)
}

func (b *resnetBuilder) shortcut(x graph.ValueID, width int, project bool) graph.ValueID {
	if project {
		return b.conv(x, width, 1, 2, b.signed())
	}
	v := b.g.Values[x]
	x = b.append(&graph.Slice{Start: []int{0, 0, 0}, End: v.Shape, Step: []int{1, 2, 2}}, v.Quant, x)
	around := (width - v.Shape[0]) / 2
	return b.append(&graph.Pad{Before: []int{around, 0, 0}, After: []int{around, 0, 0}}, v.Quant, x)
}

func (b *resnetBuilder) unsigned() *graph.Quant {
	if b.p == nil {
		return nil
	}
	return &graph.Quant{Scale: 8 / float32(int(1)<<b.p.activations-1), Bits: b.p.activations}
}

func (b *resnetBuilder) signed() *graph.Quant {
	if b.p == nil {
		return nil
	}
	return &graph.Quant{Scale: 8 / 255.0, Zero: 128, Bits: 8}
}

func (b *resnetBuilder) weight(shape []int) graph.Weight {
	w := graph.Weight{Shape: shape}
	sigma := 1 / math.Sqrt(float64(w.Channel()))
	values := make([]float32, w.Elements())
	for i := range values {
		values[i] = float32(b.rng.NormFloat64() * sigma)
	}
	if b.p == nil {
		w.Float = values
		return w
	}
	w.Bits = b.p.weights
	limit := float64(graph.WeightLimit(w.Bits))
	w.Int, w.Scale = make([]int8, len(values)), make([]float32, shape[0])
	for i := range w.Scale {
		w.Scale[i] = float32(3 * sigma / limit)
	}
	for i, v := range values {
		q := math.RoundToEven(float64(v) / (3 * sigma) * limit)
		if w.Int[i] = int8(min(max(q, -limit), limit)); w.Bits == 1 && q == 0 {
			w.Int[i] = 1
		}
	}
	return w
}

// images draws n inputs of a graph.
func images(g *graph.Graph, n int) []float32 {
	rng := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, n*g.Values[g.Input].Shape.Elements())
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func benchmark(b *testing.B, a architecture, p *precision) {
	plan, err := Compile(resnet(b, a, p), Options{})
	if err != nil {
		b.Fatal(err)
	}
	w := plan.NewWorker()
	in, out := make([]float32, plan.InputElements()), make([]float32, plan.OutputElements())
	b.ReportAllocs()
	for b.Loop() {
		w.Run(out, in)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/image")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
}

func BenchmarkResNet20(b *testing.B)     { benchmark(b, resnet20, nil) }
func BenchmarkResNet20Int8(b *testing.B) { benchmark(b, resnet20, &precision{8, 8}) }

// The same with half and a quarter of the channels, as pruning leaves them.
func BenchmarkResNet20Int8Half(b *testing.B) {
	benchmark(b, architecture{[]int{8, 16, 32}, 3, false}, &precision{8, 8})
}
func BenchmarkResNet20Int8Quarter(b *testing.B) {
	benchmark(b, architecture{[]int{4, 8, 16}, 3, false}, &precision{8, 8})
}
func BenchmarkResNet18(b *testing.B)     { benchmark(b, resnet18, nil) }
func BenchmarkResNet18Int8(b *testing.B) { benchmark(b, resnet18, &precision{8, 8}) }

// throughput runs batches of 64 images on two workers.
func throughput(b *testing.B, a architecture, p *precision) {
	const n, workers = 64, 2
	g := resnet(b, a, p)
	plan, err := Compile(g, Options{})
	if err != nil {
		b.Fatal(err)
	}
	in, out := images(g, n), make([]float32, n*plan.OutputElements())
	for b.Loop() {
		plan.RunBatch(out, in, n, workers)
	}
	b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "images/s")
}

func BenchmarkBatchResNet20(b *testing.B)     { throughput(b, resnet20, nil) }
func BenchmarkBatchResNet20Int8(b *testing.B) { throughput(b, resnet20, &precision{8, 8}) }
func BenchmarkBatchResNet18(b *testing.B)     { throughput(b, resnet18, nil) }
func BenchmarkBatchResNet18Int8(b *testing.B) { throughput(b, resnet18, &precision{8, 8}) }

func BenchmarkCompileResNet18(b *testing.B) {
	g := resnet(b, resnet18, nil)
	for b.Loop() {
		if _, err := Compile(g, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompileResNet18Int8(b *testing.B) {
	g := resnet(b, resnet18, &precision{8, 8})
	for b.Loop() {
		if _, err := Compile(g, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTracerResNet20(b *testing.B) {
	g := resnet(b, resnet20, &precision{8, 8})
	const n = 64
	t := NewTracer("", 0)
	in := t.Input(g, images(g, n), n)
	for b.Loop() {
		values := make([]*Batch, len(g.Values))
		if err := t.Run(g, in, 0, values, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "images/s")
}
