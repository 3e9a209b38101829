package onnx

import (
	"slices"
	"testing"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// example is a small model, the operators it becomes and what it computes from an input of 0, 1, 2, ….
type example struct {
	name  string
	model *modelProto
	ops   []string
	want  []float32
}

// run computes a graph's output for one image of 0, step, 2·step, ….
func run(t testing.TB, g *graph.Graph, input []float32) []float32 {
	t.Helper()
	plan, err := runtime.Compile(g, runtime.Options{ISA: "portable"})
	if err != nil {
		t.Fatal(err)
	}
	output := make([]float32, plan.OutputElements())
	plan.NewWorker().Run(output, input)
	return output
}

func TestImport(t *testing.T) {
	for _, e := range exampleModels() {
		t.Run(e.name, func(t *testing.T) {
			g, err := Decode(e.model.append(nil))
			if err != nil {
				t.Fatal(err)
			}
			var ops []string
			for _, n := range g.Nodes {
				ops = append(ops, n.Op.Kind())
			}
			if !slices.Equal(ops, e.ops) {
				t.Errorf("imports %v, want %v", ops, e.ops)
			}
			got := run(t, g, ramp(g.Values[g.Input].Shape.Elements(), 1))
			if !near(got, e.want) {
				t.Errorf("computes %v, want %v", got, e.want)
			}
			if name := g.Values[g.Output].Name; name != "y" {
				t.Errorf("the output is called %q, want y", name)
			}
		})
	}
}

func near(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return max(x-y, y-x) <= 1e-5*max(1, max(x, -x)) })
}

// exampleModels are written as exporters of all ages write them. The expected numbers are worked out by hand.
func exampleModels() []example {
	identity2 := []float32{1, 0, 0, 1} // a 1×1 convolution that copies two channels
	return []example{
		{"Gemm, all factors folded", model(13, []int64{2}, []tensorProto{
			floatTensor("w", []float32{1, 2, 3, 4, 5, 6}, 2, 3), floatTensor("b", []float32{1, 1, 2}, 1, 3)},
			op("Gemm", in("x", "w", "b"), "y", floatAttribute("alpha", 2), floatAttribute("beta", 3))),
			[]string{"Gemm"}, []float32{11, 13, 18}},
		{"MatMul and Add", model(13, []int64{2}, []tensorProto{
			floatTensor("w", []float32{1, 2, 3, 4, 5, 6}, 2, 3), floatTensor("b", []float32{1, 1, 2}, 3)},
			op("MatMul", in("x", "w"), "m"), op("Add", in("b", "m"), "y")),
			[]string{"Gemm"}, []float32{5, 6, 8}},
		{"Reshape by the input's shape", model(11, []int64{1, 2, 2}, []tensorProto{floatTensor("w", ramp(8, 1), 4, 2)},
			op("Shape", in("x"), "s"),
			op("Constant", nil, "zero", tensorAttribute("value", scalar(0))),
			op("Gather", in("s", "zero"), "n"),
			op("Unsqueeze", in("n"), "n1", intsAttribute("axes", 0)),
			op("Constant", nil, "rest", tensorAttribute("value", intTensor("", -1))),
			op("Concat", in("n1", "rest"), "to", intAttribute("axis", 0)),
			op("Reshape", in("x", "to"), "flat"),
			op("Gemm", in("flat", "w"), "y")),
			[]string{"Flatten", "Gemm"}, []float32{28, 34}},
		{"shape arithmetic of a padded shortcut", model(13, []int64{2, 2, 2}, []tensorProto{
			intTensor("pads", 0, 0, 0, 0, 1, 1), intTensor("two", 2), intTensor("pairs", -1, 2), intTensor("from", -1),
			intTensor("to", -9223372036854775807), intTensor("first", 0), intTensor("back", -1), intTensor("flat", -1)},
			op("ConstantOfShape", in("two"), "zeros", tensorAttribute("value", intTensor("", 0))),
			op("Concat", in("pads", "zeros"), "all", intAttribute("axis", 0)),
			op("Reshape", in("all", "pairs"), "rows"),
			op("Slice", in("rows", "from", "to", "first", "back"), "turned"),
			op("Transpose", in("turned"), "columns", intsAttribute("perm", 1, 0)),
			op("Reshape", in("columns", "flat"), "line"),
			op("Cast", in("line"), "p", intAttribute("to", int(typeInt64))),
			op("Pad", in("x", "p", ""), "y")),
			[]string{"Pad"}, []float32{0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0}},
		{"SAME_UPPER", model(9, []int64{1, 2, 2}, []tensorProto{floatTensor("w", []float32{1, 1, 1, 1}, 1, 1, 2, 2)},
			op("Conv", in("x", "w"), "y", stringAttribute("auto_pad", "SAME_UPPER"))),
			[]string{"Conv"}, []float32{6, 4, 5, 3}},
		{"SAME_LOWER", model(9, []int64{1, 2, 2}, []tensorProto{floatTensor("w", []float32{1, 1, 1, 1}, 1, 1, 2, 2)},
			op("Conv", in("x", "w"), "y", stringAttribute("auto_pad", "SAME_LOWER"))),
			[]string{"Conv"}, []float32{0, 1, 2, 6}},
		{"asymmetric pads", model(9, []int64{1, 2, 2}, []tensorProto{floatTensor("w", []float32{1, 1, 1, 1}, 1, 1, 2, 2)},
			op("Conv", in("x", "w"), "y", intsAttribute("pads", 0, 1, 0, 0), intsAttribute("kernel_shape", 2, 2))),
			[]string{"Conv"}, []float32{2, 6}},
		{"BatchNormalization behind Conv", model(13, []int64{2, 1, 1}, []tensorProto{floatTensor("w", identity2, 2, 2, 1, 1),
			floatTensor("scale", []float32{2, 3}, 2), floatTensor("shift", []float32{1, 1}, 2), floatTensor("mean", []float32{1, 1}, 2), floatTensor("var", []float32{4, 9}, 2)},
			op("Conv", in("x", "w"), "c"), op("BatchNormalization", in("c", "scale", "shift", "mean", "var"), "y", floatAttribute("epsilon", 0))),
			[]string{"Conv"}, []float32{0, 1}},
		{"Conv, Mul and Add per channel", model(13, []int64{2, 1, 1}, []tensorProto{floatTensor("w", identity2, 2, 2, 1, 1),
			floatTensor("m", []float32{2, 3}, 1, 2, 1, 1), floatTensor("a", []float32{5, 7}, 2, 1, 1)},
			op("Conv", in("x", "w"), "c"), op("Mul", in("c", "m"), "d"), op("Add", in("d", "a"), "y")),
			[]string{"Conv"}, []float32{5, 10}},
		{"normalization of the image", model(13, []int64{2, 1, 1}, []tensorProto{floatTensor("mean", []float32{1, 3}, 1, 2, 1, 1), floatTensor("half", []float32{0.5})},
			op("Sub", in("x", "mean"), "c"), op("Div", in("c", "half"), "y")),
			[]string{"BatchNormalization"}, []float32{-2, -4}},
		{"explicit broadcast of opset 6", model(6, []int64{2, 1, 2}, []tensorProto{floatTensor("b", []float32{10, 20}, 2)},
			op("Add", in("x", "b"), "y", intAttribute("broadcast", 1), intAttribute("axis", 1))),
			[]string{"BatchNormalization"}, []float32{10, 11, 22, 23}},
		{"ReduceMean, axes an attribute", model(13, []int64{2, 1, 2}, nil, op("ReduceMean", in("x"), "y", intsAttribute("axes", -1, 2), intAttribute("keepdims", 0))),
			[]string{"GlobalAveragePool", "Flatten"}, []float32{0.5, 2.5}},
		{"ReduceMax of images whose channels are last", model(13, []int64{2, 2, 2}, nil, op("Transpose", in("x"), "t", intsAttribute("perm", 0, 2, 3, 1)), op("ReduceMax", in("t"), "y", intsAttribute("axes", 1, 2), intAttribute("keepdims", 0))),
			[]string{"MaxPool", "Flatten"}, []float32{3, 7}},
		{"ReduceMean, axes an input; Squeeze", model(18, []int64{2, 1, 2}, []tensorProto{intTensor("axes", 2, 3)},
			op("ReduceMean", in("x", "axes"), "m"), op("Squeeze", in("m", "axes"), "y")),
			[]string{"GlobalAveragePool", "Flatten"}, []float32{0.5, 2.5}},
		{"Clip, bounds attributes; Dropout", model(6, []int64{3}, nil, op("Clip", in("x"), "c", floatAttribute("max", 1)), op("Dropout", in("c"), "y", intAttribute("is_test", 1))),
			[]string{"Clip"}, []float32{0, 1, 1}},
		{"Clip, bounds inputs; Identity", model(13, []int64{3}, []tensorProto{floatTensor("one", []float32{1})},
			op("Identity", in("x"), "i"), op("Clip", in("i", "one"), "y")),
			[]string{"Clip"}, []float32{1, 1, 2}},
		{"Pad, attributes", model(9, []int64{1, 1, 2}, nil, op("Pad", in("x"), "y", intsAttribute("pads", 0, 0, 0, 1, 0, 0, 0, 0), floatAttribute("value", 4))),
			[]string{"Pad"}, []float32{4, 0, 1}},
		{"Pad, axes", model(18, []int64{1, 1, 2}, []tensorProto{intTensor("pads", 0, 2), intTensor("axes", -1)},
			op("Pad", in("x", "pads", "", "axes"), "y")),
			[]string{"Pad"}, []float32{0, 1, 0, 0}},
		{"Slice, attributes", model(9, []int64{3}, nil, op("Slice", in("x"), "y", intsAttribute("starts", 1), intsAttribute("ends", 99), intsAttribute("axes", 1))),
			[]string{"Slice"}, []float32{1, 2}},
		{"Slice, inputs", model(13, []int64{5}, []tensorProto{intTensor("from", 0, -5), intTensor("to", 1<<62, -1), intTensor("axes", 0, 1), intTensor("steps", 1, 2)},
			op("Slice", in("x", "from", "to", "axes", "steps"), "y")),
			[]string{"Slice"}, []float32{0, 2}},
		{"Sum of three", model(9, []int64{2}, nil, op("Sum", in("x", "x", "x"), "y")), []string{"Add", "Add"}, []float32{0, 3}},
		{"ceil_mode", model(11, []int64{1, 1, 4}, nil, op("AveragePool", in("x"), "y", intsAttribute("kernel_shape", 1, 3), intsAttribute("strides", 1, 2), intAttribute("ceil_mode", 1))),
			[]string{"AveragePool"}, []float32{1, 2.5}},
		{"GlobalMaxPool", model(11, []int64{2, 1, 2}, nil, op("GlobalMaxPool", in("x"), "y")), []string{"MaxPool"}, []float32{1, 3}},
		{"Softmax over an image of one pixel", model(9, []int64{2, 1, 1}, nil, op("Softmax", in("x"), "y")),
			[]string{"Flatten", "Softmax"}, []float32{0.26894143, 0.7310586}},
		{"channels last", func() *modelProto {
			m := model(13, []int64{1, 2, 3}, nil, op("Transpose", in("x"), "t", intsAttribute("perm", 0, 3, 1, 2)), op("Relu", in("t"), "y"))
			return m
		}(), []string{"Relu"}, []float32{0, 1, 2, 3, 4, 5}},
		{"channels last, scaled first", model(13, []int64{1, 2, 3}, []tensorProto{floatTensor("mean", []float32{1, 2, 3}, 3), floatTensor("half", []float32{0.5})},
			op("Shape", in("x"), "unread"), op("Cast", in("x"), "c", intAttribute("to", int(typeFloat))), op("Sub", in("c", "mean"), "s"), op("Mul", in("half", "s"), "h"),
			op("Transpose", in("h"), "y", intsAttribute("perm", 0, 3, 1, 2))),
			[]string{"BatchNormalization"}, []float32{-0.5, 0, 0, 0.5, 0.5, 1}},
		{"weights behind DequantizeLinear, used transposed", model(13, []int64{2}, []tensorProto{
			byteTensor("q", typeInt8, []byte{1, 2, 3, 0xff, 5, 6}, 2, 3), floatTensor("scale", []float32{1, 2, 4}, 3), byteTensor("zero", typeInt8, []byte{0, 0, 0}, 3)},
			op("DequantizeLinear", in("q", "scale", "zero"), "w", intAttribute("axis", 1)), op("MatMul", in("x", "w"), "y")),
			[]string{"Gemm"}, []float32{-1, 10, 24}},
		{"signed activations", model(13, []int64{4}, []tensorProto{floatTensor("scale", []float32{2}), byteTensor("zero", typeInt8, []byte{0xfe})},
			op("Relu", in("x"), "r"), op("QuantizeLinear", in("r", "scale", "zero"), "q"), op("DequantizeLinear", in("q", "scale", "zero"), "y")),
			[]string{"Relu"}, []float32{0, 0, 2, 4}},
		{"integers clipped on both sides", model(13, []int64{4}, []tensorProto{floatTensor("scale", []float32{1}), byteTensor("zero", typeUint8, []byte{3}),
			byteTensor("low", typeUint8, []byte{4}), byteTensor("high", typeUint8, []byte{5})},
			op("Relu", in("x"), "r"), op("QuantizeLinear", in("r", "scale", "zero"), "q"), op("Clip", in("q", "low", "high"), "c"), op("DequantizeLinear", in("c", "scale", "zero"), "y")),
			[]string{"Relu", "Clip"}, []float32{1, 1, 2, 2}},
	}
}
