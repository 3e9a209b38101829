package onnx

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"galen/hw/graph"
)

// Builders of small ONNX models and graphs for the tests.

func floatTensor(name string, list []float32, dims ...int64) tensorProto {
	var raw []byte
	for _, v := range list {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return tensorProto{name: name, typ: typeFloat, dims: dims, raw: raw}
}

func intTensor(name string, list ...int64) tensorProto {
	var raw []byte
	for _, v := range list {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return tensorProto{name: name, typ: typeInt64, dims: []int64{int64(len(list))}, raw: raw}
}

func scalar(v int64) tensorProto {
	t := intTensor("", v)
	t.dims = nil
	return t
}

func byteTensor(name string, typ dataType, list []byte, dims ...int64) tensorProto {
	return tensorProto{name: name, typ: typ, dims: dims, raw: list}
}

// ramp is 0, step, 2·step, …
func ramp(n int, step float32) []float32 {
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(i) * step
	}
	return list
}

func op(kind string, inputs []string, output string, attributes ...attributeProto) nodeProto {
	return nodeProto{name: kind + " " + output, op: kind, inputs: inputs, outputs: []string{output}, attributes: attributes}
}

func in(names ...string) []string { return names }

func stringAttribute(name, v string) attributeProto {
	return attributeProto{name: name, typ: attributeString, s: v}
}

func tensorAttribute(name string, t tensorProto) attributeProto {
	return attributeProto{name: name, typ: attributeTensor, t: &t}
}

// model reads x and gives y; shape leaves out the symbolic batch.
func model(opset int64, shape []int64, initializers []tensorProto, nodes ...nodeProto) *modelProto {
	input := valueInfo{name: "x", typ: typeFloat, known: true, dims: []dimension{{param: "batch"}}}
	for _, d := range shape {
		input.dims = append(input.dims, dimension{size: d})
	}
	return &modelProto{
		irVersion: 8, producer: "test", opsets: []opsetID{{version: opset}},
		graph: &graphProto{name: "test", nodes: nodes, initializers: initializers, inputs: []valueInfo{input},
			outputs: []valueInfo{{name: "y", typ: typeFloat, known: true}}},
	}
}

// random gives n numbers from −1 to 1.
func random(r *rand.Rand, n int) []float32 {
	list := make([]float32, n)
	for i := range list {
		list[i] = 2*r.Float32() - 1
	}
	return list
}

// builder appends nodes to a graph and fails the test where they do not fit.
type builder struct {
	t testing.TB
	*graph.Graph
	random *rand.Rand
}

func newBuilder(t testing.TB, name string, shape ...int) *builder {
	return &builder{t, graph.NewGraph(name, "image", shape), rand.New(rand.NewPCG(1, 2))}
}

func (b *builder) add(name string, op graph.Op, inputs ...graph.ValueID) graph.ValueID {
	b.t.Helper()
	id, err := b.Append(name, op, name+"_out", inputs...)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

func (b *builder) conv(name string, x graph.ValueID, out, size, stride, groups int) graph.ValueID {
	b.t.Helper()
	in := b.Values[x].Shape[0] / groups
	return b.add(name, &graph.Conv{
		Kernel: [2]int{size, size}, Stride: [2]int{stride, stride}, Dilation: [2]int{1, 1},
		Pad: [4]int{size / 2, size / 2, size / 2, size / 2}, Groups: groups,
		Weight: graph.Weight{Shape: []int{out, in, size, size}, Float: random(b.random, out*in*size*size)}, Bias: random(b.random, out),
	}, x)
}

// quantizeLayers gives every layer integer weights of the given width.
func (b *builder) quantizeLayers(bits int) {
	limit := float32(graph.WeightLimit(bits))
	for _, i := range b.Layers() {
		n := &b.Nodes[i]
		old := n.Weight()
		w := graph.Weight{Shape: old.Shape, Int: make([]int8, old.Elements()), Scale: make([]float32, old.Shape[0]), Bits: bits}
		for o := range w.Scale {
			w.Scale[o] = (1 + float32(o)/8) / limit
		}
		for j, v := range old.Float {
			q := math.RoundToEven(float64(v * limit))
			if bits == 1 {
				q = math.Copysign(1, float64(v))
			}
			w.Int[j] = int8(q)
		}
		n.Op = n.WithWeight(w, n.Bias())
	}
}

func (b *builder) quant(id graph.ValueID, scale float32, zero uint8, bits int) {
	b.Values[id].Quant = &graph.Quant{Scale: scale, Zero: zero, Bits: bits}
}

// exampleGraphs hold every operator, odd channel counts, and quantization to 8, 4 and 1 bits.
func exampleGraphs(t testing.TB) []*graph.Graph {
	float := newBuilder(t, "float", 3, 9, 8)
	x := float.conv("stem", 0, 7, 3, 1, 1)
	x = float.add("norm", &graph.BatchNorm{Scale: ramp(7, 0.5), Shift: ramp(7, 0.1), Mean: ramp(7, 0.2), Variance: []float32{1, 2, 3, 4, 5, 6, 7}, Epsilon: 1e-5},
		float.add("relu", graph.Relu{}, x))
	pooled := float.add("max", graph.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1, 1, 1}}, x)
	y := float.add("clip", graph.Clip{Min: 0, Max: 6}, float.conv("depthwise", pooled, 7, 3, 1, 7))
	short := float.add("slice", &graph.Slice{Start: []int{1, 0, 0}, End: []int{6, 5, 4}, Step: []int{2, 1, 1}}, y)
	short = float.add("pad", &graph.Pad{Before: []int{2, 0, 0}, After: []int{2, 0, 0}, Value: 0.5}, short)
	y = float.add("concat", graph.Concat{}, float.add("add", graph.Add{}, short, y), pooled)
	y = float.add("average", graph.AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}, Pad: [4]int{0, 0, 1, 1}, CountIncludePad: true}, y)
	y = float.add("flatten", graph.Flatten{}, float.add("global", graph.GlobalAveragePool{}, y))
	y = float.add("classifier", &graph.Gemm{Weight: graph.Weight{Shape: []int{5, 14}, Float: random(float.random, 70)}, Bias: random(float.random, 5)}, y)
	float.add("softmax", graph.Softmax{}, y)
	float.Values[float.Output].Name = "probabilities"
	graphs := []*graph.Graph{float.Graph}

	for _, bits := range []int{8, 4, 1} {
		b := newBuilder(t, "quantized", 3, 8, 8)
		top := 1<<bits - 1
		image := b.add("quantize", graph.Quantize{}, 0)
		b.quant(image, 2/float32(top), uint8((top+1)/2), bits)
		x := b.add("relu1", graph.Relu{}, b.conv("conv1", image, 5, 3, 1, 1))
		b.quant(x, 9/float32(top), 0, bits)
		branch := b.conv("conv2", x, 5, 3, 1, 1)
		b.quant(branch, 12/float32(top), uint8(top/2), bits)
		sum := b.add("relu2", graph.Relu{}, b.add("sum", graph.Add{}, branch, x))
		b.quant(sum, 8/float32(top), 0, bits)
		narrow := b.add("narrow", graph.Quantize{}, sum)
		b.quant(narrow, 10/float32(top), 0, bits)
		y := b.conv("conv3", narrow, 9, 1, 2, 1)
		b.quant(y, 10/float32(top), uint8(top/3), bits)
		y = b.add("global", graph.GlobalAveragePool{}, b.add("concat", graph.Concat{}, y, b.conv("conv4", sum, 3, 1, 2, 1)))
		b.quant(y, 5/float32(top), 0, bits)
		y = b.add("flatten", graph.Flatten{}, y)
		b.quant(y, 5/float32(top), 0, bits)
		b.add("classifier", &graph.Gemm{Weight: graph.Weight{Shape: []int{10, 12}, Float: random(b.random, 120)}}, y)
		b.quantizeLayers(bits)
		b.Values[b.Output].Name = "logits"
		if bits == 4 { // an output that is quantized itself
			b.quant(b.Output, 0.5, 7, 4)
		}
		graphs = append(graphs, b.Graph)
	}
	return graphs
}

// breadthGraph holds the operators beyond those of residual networks, their values quantized to the given bits (0: float).
func breadthGraph(t testing.TB, bits int) *graph.Graph {
	b := newBuilder(t, "breadth", 4, 9, 8)
	add := func(name string, op graph.Op, inputs ...graph.ValueID) graph.ValueID {
		id := b.add(name, op, inputs...)
		if bits > 0 {
			b.quant(id, 8/float32(int(1)<<bits-1), uint8(int(1)<<bits/2), bits)
		}
		return id
	}
	x := b.conv("stem", 0, 6, 3, 1, 1)
	for _, f := range graph.Functions() {
		a := graph.Activation{Function: f}
		switch f {
		case graph.LeakyRelu, graph.Elu:
			a.Alpha = 0.125
		case graph.HardSigmoid:
			a.Alpha, a.Beta = 0.125, 0.25
		}
		if f.Definition().Positive {
			x = add("positive "+f.String(), graph.Clip{Min: 0.5, Max: 4}, x)
		}
		x = add(f.String(), a, x)
	}
	x = add("prelu", &graph.PRelu{Slope: ramp(6, 0.25)}, x)
	gate := add("gate", graph.Activation{Function: graph.Sigmoid}, add("squeeze", graph.GlobalAveragePool{}, x))
	x = add("times", graph.Binary{Operator: graph.Times}, x, gate)
	x = add("minus", graph.Binary{Operator: graph.Minus}, gate, x)
	x = add("over", graph.Binary{Operator: graph.Over}, x, add("shift", graph.Activation{Function: graph.Exp}, gate))
	x = add("plus", graph.Binary{Operator: graph.Plus}, x, gate)
	x = add("shuffle", &graph.Gather{Index: []int{0, 3, 1, 4, 2, 5}}, x)
	x = add("rows", &graph.Gather{Axis: 1, Index: []int{0, 1, 2, 3, 4, 5, 7, 7}}, x)
	x = add("lrn", graph.LRN{Size: 5, Alpha: 0.25, Beta: 0.75, Bias: 1}, x)
	x = add("dilated max", graph.MaxPool{Kernel: [2]int{2, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{2, 1}, Pad: [4]int{1, 1, 1, 1}}, x)
	x = add("ceil mean", graph.AveragePool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1, 2, 2}, CountIncludePad: true, Uncounted: [2]int{1, 1}}, x)
	order := make([]int, 6*5*5)
	for i := range order {
		order[i] = i * 7 % len(order)
	}
	x = add("rearranged", &graph.Rearrange{Shape: graph.Shape{10, 3, 5}, Order: order}, x)
	x = add("softmax", graph.Softmax{Axis: 2}, x)
	x = add("relu", graph.Relu{}, add("reshaped", &graph.Rearrange{Shape: graph.Shape{6, 5, 5}}, x))
	x = add("dense", &graph.Gemm{Weight: graph.Weight{Shape: []int{4, 150}, Float: random(b.random, 600)}}, add("flatten", graph.Flatten{}, x))
	b.add("log", graph.Softmax{Log: true}, x)
	b.Values[b.Output].Name = "log probabilities"
	return b.Graph
}
