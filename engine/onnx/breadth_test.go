package onnx

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"galen/hw/graph"
)

// The operators beyond those of residual networks come back from a file as they were. Quantized ones may come back
// in other nodes, which compute the same.
func TestBreadthRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, bits := range []int{0, 8, 5} {
		t.Run(fmt.Sprint(bits, " bits"), func(t *testing.T) {
			g := breadthGraph(t, bits)
			data, err := Encode(g)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if bits == 0 {
				compareGraphs(t, back, g)
			}
			for range 5 {
				image := random(r, g.Values[g.Input].Shape.Elements())
				if got, want := run(t, back, image), run(t, g, image); !slices.Equal(got, want) {
					t.Fatalf("computes %v after the round trip, %v before", got, want)
				}
			}
		})
	}
}

// What files say in several nodes becomes one operator.
func TestPatterns(t *testing.T) {
	image := []int64{6, 4, 4}
	shuffle := []tensorProto{intTensor("split", -1, 2, 3, 4, 4), intTensor("join", -1, 6, 4, 4)}
	flat := intTensor("flat", -1, 96)
	for _, c := range []struct {
		name  string
		model *modelProto
		want  []graph.Op
	}{
		{"channel shuffle", model(9, image, shuffle, op("Reshape", in("x", "split"), "a"), op("Transpose", in("a"), "b", intsAttribute("perm", 0, 2, 1, 3, 4)), op("Reshape", in("b", "join"), "y")),
			[]graph.Op{&graph.Gather{Index: []int{0, 3, 1, 4, 2, 5}}}},
		{"there and back", model(9, image, shuffle, op("Transpose", in("x"), "a", intsAttribute("perm", 0, 2, 3, 1)), op("Transpose", in("a"), "b", intsAttribute("perm", 0, 3, 1, 2)), op("Relu", in("b"), "y")),
			[]graph.Op{graph.Relu{}}},
		{"silu", model(13, image, nil, op("Sigmoid", in("x"), "s"), op("Mul", in("s", "x"), "y")), []graph.Op{graph.Activation{Function: graph.Silu}}},
		{"hard swish", model(13, image, nil, op("HardSigmoid", in("x"), "s", floatAttribute("alpha", sixth)), op("Mul", in("x", "s"), "y")), []graph.Op{graph.Activation{Function: graph.HardSwish}}},
		{"mish", model(13, image, nil, op("Softplus", in("x"), "s"), op("Tanh", in("s"), "t"), op("Mul", in("x", "t"), "y")), []graph.Op{graph.Activation{Function: graph.Mish}}},
		{"vector to image", model(13, []int64{96}, []tensorProto{shuffle[1], flat}, op("Reshape", in("x", "join"), "i"), op("Relu", in("i"), "y")),
			[]graph.Op{&graph.Rearrange{Shape: graph.Shape{6, 4, 4}}, graph.Relu{}}},
		{"flattened channels last", model(13, image, []tensorProto{flat, floatTensor("w", ramp(192, 1), 96, 2)}, op("Transpose", in("x"), "t", intsAttribute("perm", 0, 2, 3, 1)), op("Reshape", in("t", "flat"), "f"), op("MatMul", in("f", "w"), "y")),
			[]graph.Op{graph.Flatten{}, &graph.Gemm{Weight: graph.Weight{Shape: []int{2, 96}, Float: channelsFirst(ramp(192, 1), 6, 16, 2)}}}},
		{"channels last between transpositions", model(13, image, []tensorProto{floatTensor("three", []float32{3}), floatTensor("zero", []float32{0}), floatTensor("six", []float32{6}), intTensor("pads", 0, 0, 1, 0, 0, 0, 2, 3)},
			op("Transpose", in("x"), "t", intsAttribute("perm", 0, 2, 3, 1)), op("Add", in("t", "three"), "a"), op("Clip", in("a", "zero", "six"), "c"), op("Mul", in("t", "c"), "m"),
			op("ReduceMean", in("m"), "s", intsAttribute("axes", 1, 2)), op("Sigmoid", in("s"), "gate"), op("Mul", in("gate", "m"), "g"), op("Concat", in("g", "m"), "j", intAttribute("axis", -1)),
			op("Pad", in("j", "pads"), "p"),
			op("Transpose", in("p"), "y", intsAttribute("perm", 0, 3, 1, 2))),
			[]graph.Op{normOf([]float64{1, 1, 1, 1, 1, 1}, []float64{3, 3, 3, 3, 3, 3}), graph.Clip{Min: 0, Max: 6}, graph.Binary{Operator: graph.Times}, graph.GlobalAveragePool{},
				graph.Activation{Function: graph.Sigmoid}, graph.Binary{Operator: graph.Times}, graph.Concat{}, &graph.Pad{Before: []int{0, 0, 1}, After: []int{3, 0, 2}}}},
		{"no axes to pad", model(18, image, []tensorProto{intTensor("none")}, op("Pad", in("x", "none", "", "none"), "p"), op("Relu", in("p"), "y")), []graph.Op{graph.Relu{}}},
		{"parts of one", model(13, image, nil, nodeProto{op: "Split", inputs: in("x"), outputs: in("s"), attributes: []attributeProto{intAttribute("axis", 1)}}, op("Relu", in("s"), "y")),
			[]graph.Op{graph.Relu{}}},
		{"nearest pixels", model(11, image, []tensorProto{floatTensor("f", []float32{1, 1, 2, 0.5}, 4)}, op("Resize", in("x", "", "f"), "y", stringAttribute("coordinate_transformation_mode", "asymmetric"), stringAttribute("nearest_mode", "floor"))),
			[]graph.Op{&graph.Gather{Axis: 1, Index: []int{0, 0, 1, 1, 2, 2, 3, 3}}, &graph.Gather{Axis: 2, Index: []int{0, 2}}}},
		{"one slope", model(13, image, []tensorProto{floatTensor("a", []float32{0.5}, 1, 1, 1)}, op("PRelu", in("x", "a"), "y")), []graph.Op{graph.Activation{Function: graph.LeakyRelu, Alpha: 0.5}}},
		{"rest of a window", model(13, image, nil, op("MaxPool", in("x"), "y", intsAttribute("kernel_shape", 3, 3), intsAttribute("strides", 2, 2), intAttribute("ceil_mode", 1))),
			[]graph.Op{graph.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [4]int{0, 0, 1, 1}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := Decode(c.model.append(nil))
			if err != nil {
				t.Fatal(err)
			}
			var got []graph.Op
			for _, n := range g.Nodes {
				got = append(got, n.Op)
			}
			if !slices.EqualFunc(got, c.want, func(a, b graph.Op) bool { return fmt.Sprintf("%T %+v", a, a) == fmt.Sprintf("%T %+v", b, b) }) {
				t.Errorf("becomes %+v, want %+v", got, c.want)
			}
		})
	}
}

// channelsFirst turns a matrix with a row per pixel and channel and a column per output into rows per output, in which the
// pixels of a channel lie together.
func channelsFirst(matrix []float32, channels, pixels, outputs int) []float32 {
	rows := make([]float32, 0, len(matrix))
	for o := range outputs {
		for c := range channels {
			for p := range pixels {
				rows = append(rows, matrix[(p*channels+c)*outputs+o])
			}
		}
	}
	return rows
}
