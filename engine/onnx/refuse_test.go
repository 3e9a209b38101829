package onnx

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRefuse checks that every node galen cannot take is named with its operator and the reason.
func TestRefuse(t *testing.T) {
	conv := floatTensor("w", ramp(4, 1), 1, 1, 2, 2)
	matrix := floatTensor("m", ramp(4, 1), 2, 2)
	scale, zero := floatTensor("s", []float32{1}), byteTensor("z", typeUint8, []byte{0})
	image, vector := []int64{1, 4, 4}, []int64{2}
	cases := []struct {
		name   string
		model  *modelProto
		op     string // of the node that is refused
		reason string
	}{
		{"unknown operator", model(13, image, nil, op("Selu", in("x"), "y")), "Selu", "galen has no such operator"},
		{"foreign domain", model(13, image, nil, nodeProto{op: "Conv", domain: "com.microsoft", name: "n", inputs: in("x"), outputs: in("y")}), "Conv", `domain "com.microsoft"`},
		{"missing producer", model(13, image, nil, op("Relu", in("x"), "z"), op("Add", in("z", "ghost"), "y")), "Add", `"ghost"`},
		{"computed weight", model(13, image, []tensorProto{conv}, op("Conv", in("x", "w"), "c"), op("Conv", in("x", "c"), "y")), "Conv", "as a constant only"},
		{"1-D convolution", model(13, image, []tensorProto{floatTensor("w", ramp(2, 1), 1, 1, 2)}, op("Conv", in("x", "w"), "y")), "Conv", "2-D"},
		{"wrong channels", model(13, image, []tensorProto{floatTensor("w", ramp(8, 1), 1, 2, 2, 2)}, op("Conv", in("x", "w"), "y")), "Conv", "weight is [1 2 2 2], wants [1 1 2 2]"},
		{"window beyond the image", model(13, image, []tensorProto{floatTensor("w", ramp(25, 1), 1, 1, 5, 5)}, op("Conv", in("x", "w"), "y")), "Conv", "does not fit"},
		{"negative pads", model(13, image, []tensorProto{conv}, op("Conv", in("x", "w"), "y", intsAttribute("pads", 0, -1, 0, 0))), "Conv", "pads are"},
		{"attribute of another type", model(13, image, []tensorProto{conv}, op("Conv", in("x", "w"), "y", intAttribute("pads", 1))), "Conv", `attribute "pads" has the wrong type`},
		{"mixing the batch", model(13, vector, []tensorProto{matrix}, op("Gemm", in("x", "m"), "y", intAttribute("transA", 1))), "Gemm", "images of a batch"},
		{"batch made fixed", model(13, vector, []tensorProto{intTensor("to", 1, -1)}, op("Reshape", in("x", "to"), "y")), "Reshape", "batch"},
		{"batch flattened", model(13, vector, nil, op("Flatten", in("x"), "y", intAttribute("axis", 0))), "Flatten", "batch"},
		{"folded by pixels", model(13, []int64{2, 3, 4}, []tensorProto{intTensor("to", 0, 6, 4)}, op("Relu", in("x"), "r"), op("Reshape", in("r", "to"), "f"), op("Relu", in("f"), "y")), "Relu", "[6 4] per image; galen takes images"},
		{"reflection beyond the image", model(13, image, []tensorProto{intTensor("pads", 0, 0, 4, 1, 0, 0, 1, 1)}, op("Pad", in("x", "pads"), "y", stringAttribute("mode", "reflect"))), "Pad", "reflects 4"},
		{"backwards slice", model(13, vector, []tensorProto{intTensor("a", -1), intTensor("b", -9), intTensor("axes", 1), intTensor("step", -1)}, op("Slice", in("x", "a", "b", "axes", "step"), "y")), "Slice", "forward"},
		{"part of the batch", model(13, vector, []tensorProto{intTensor("a", 0), intTensor("b", 1), intTensor("axes", 0)}, op("Slice", in("x", "a", "b", "axes"), "y")), "Slice", "batch"},
		{"gate of another rank", model(13, image, nil, op("Flatten", in("x"), "f"), op("Mul", in("x", "f"), "y")), "Mul", "of different rank"},
		{"transposed convolution", model(13, image, []tensorProto{conv}, op("ConvTranspose", in("x", "w"), "y")), "ConvTranspose", "transposed"},
		{"linear interpolation", model(13, image, []tensorProto{floatTensor("f", []float32{1, 1, 2, 2}, 4)}, op("Resize", in("x", "", "f"), "y", stringAttribute("mode", "linear"))), "Resize", "nearest pixel"},
		{"parts too large", model(13, image, []tensorProto{intTensor("parts", 3, 2)}, nodeProto{name: "s", op: "Split", inputs: in("x", "parts"), outputs: in("y", "z"), attributes: []attributeProto{intAttribute("axis", 2)}}), "Split", "into [3 2]"},
		{"the batch reordered", model(13, image, nil, op("Relu", in("x"), "r"), op("Transpose", in("r"), "y", intsAttribute("perm", 1, 0, 2, 3))), "Transpose", "batch"},
		{"channels last, per pixel", model(13, image, []tensorProto{floatTensor("b", ramp(16, 1), 1, 4, 4)}, op("Add", in("x", "b"), "a"), op("Transpose", in("a"), "y", intsAttribute("perm", 0, 3, 1, 2))), "Add", "one number per channel"},
		{"picks beyond", model(13, image, []tensorProto{intTensor("i", 4)}, op("Gather", in("x", "i"), "y", intAttribute("axis", 2))), "Gather", "place 4 of 4"},
		{"per pixel", model(13, image, []tensorProto{floatTensor("b", ramp(16, 1), 1, 1, 4, 4)}, op("Add", in("x", "b"), "y")), "Add", "one number per channel"},
		{"softmax over the batch", model(13, image, nil, op("Softmax", in("x"), "y", intAttribute("axis", 0))), "Softmax", "batch"},
		{"pooling dilated beyond the image", model(13, image, nil, op("MaxPool", in("x"), "y", intsAttribute("kernel_shape", 2, 2), intsAttribute("dilations", 9, 9))), "MaxPool", "does not fit"},
		{"indices used", model(13, image, nil, nodeProto{name: "p", op: "MaxPool", inputs: in("x"), outputs: in("m", "i"), attributes: []attributeProto{intsAttribute("kernel_shape", 2, 2)}},
			op("Add", in("m", "i"), "y")), "MaxPool", "computes only the first"},
		{"computed twice", model(13, image, nil, op("Relu", in("x"), "y"), op("Relu", in("x"), "y")), "Relu", "exists already"},
		{"training", model(13, image, []tensorProto{floatTensor("b", []float32{1}, 1)}, op("BatchNormalization", in("x", "b", "b", "b", "b"), "y", intAttribute("training_mode", 1))), "BatchNormalization", "training"},
		{"negative variance", model(13, image, []tensorProto{floatTensor("b", []float32{-1}, 1)}, op("BatchNormalization", in("x", "b", "b", "b", "b"), "y")), "BatchNormalization", "variance"},
		{"integers computed on", model(13, image, []tensorProto{scale, zero}, op("QuantizeLinear", in("x", "s", "z"), "q"), op("MaxPool", in("q"), "y", intsAttribute("kernel_shape", 2, 2))), "MaxPool", "DequantizeLinear"},
		{"16 bits", model(21, image, []tensorProto{scale, byteTensor("z", typeUint16, []byte{0, 0})}, op("QuantizeLinear", in("x", "s", "z"), "q"), op("DequantizeLinear", in("q", "s", "z"), "y")), "QuantizeLinear", "uint16"},
		{"another scale back", model(13, image, []tensorProto{scale, zero, floatTensor("s2", []float32{2})}, op("QuantizeLinear", in("x", "s", "z"), "q"), op("DequantizeLinear", in("q", "s2", "z"), "y")), "DequantizeLinear", "differs"},
		{"no scale", model(13, image, []tensorProto{floatTensor("s", []float32{0}), zero}, op("QuantizeLinear", in("x", "s", "z"), "y")), "QuantizeLinear", "scale is 0"},
		{"constants joined with nothing", model(13, vector, []tensorProto{intTensor("n", 1)}, op("Concat", in("n", ""), "c", intAttribute("axis", 0)), op("Reshape", in("x", "c"), "y")), "Concat", "lacks input 1"},
		{"huge constant", model(13, image, []tensorProto{intTensor("n", 1<<20, 1<<20)}, op("ConstantOfShape", in("n"), "c"), op("Add", in("x", "c"), "y")), "ConstantOfShape", "more than"},
		{"overflowing shape", model(13, image, []tensorProto{intTensor("n", 1<<62, 4)}, op("ConstantOfShape", in("n"), "c"), op("Add", in("x", "c"), "y")), "ConstantOfShape", "dimension 0"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode(c.model.append(nil))
			var refused *UnsupportedError
			if !errors.As(err, &refused) {
				t.Fatalf("not refused for its nodes: %v", err)
			}
			n := refused.Nodes[0]
			last := c.model.graph.nodes[len(c.model.graph.nodes)-1]
			if n.Op != c.op || !strings.Contains(n.Reason, c.reason) || n.Name == "" {
				t.Errorf("refuses %s node %q: %s; want %s: …%s…", n.Op, n.Name, n.Reason, c.op, c.reason)
			}
			if last.op == c.op && n.Name != last.name && c.name != "computed weight" && c.name != "computed twice" {
				t.Errorf("names node %q, want %q", n.Name, last.name)
			}
			for _, part := range []string{n.Name, n.Op, n.Reason} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("message %q lacks %q", err, part)
				}
			}
		})
	}
}

// An omitted input, whichever it is, makes no operator panic.
func TestOmittedInputs(t *testing.T) {
	initializers := []tensorProto{intTensor("i", 1, 2), floatTensor("f", ramp(4, 1), 2, 2)}
	decode := func(operator string, inputs ...string) {
		defer func() {
			if fault := recover(); fault != nil {
				t.Errorf("%s of %q panics: %v", operator, inputs, fault)
			}
		}()
		for _, opset := range []int64{7, 13} {
			_, _ = Decode(model(opset, []int64{1, 4, 4}, initializers, op(operator, inputs, "c"), op("Reshape", in("x", "c"), "y")).append(nil))
		}
	}
	for _, operators := range [][]string{slices.Sorted(maps.Keys(folds)), slices.Sorted(maps.Keys(converters))} {
		for _, operator := range operators {
			for _, given := range []string{"x", "i", "f"} {
				for count := range 5 {
					for omitted := range count {
						inputs := slices.Repeat([]string{given}, count)
						inputs[omitted] = ""
						decode(operator, inputs...)
					}
				}
			}
		}
	}
}

// All offending nodes are reported at once, each for its own fault: not those that merely read a refused one's result.
func TestRefuseAll(t *testing.T) {
	m := model(13, []int64{1, 4, 4}, nil,
		op("Selu", in("x"), "a"), op("Relu", in("a"), "b"), op("Celu", in("b"), "c"), op("Softmax", in("x"), "d", intAttribute("axis", 0)), op("Add", in("c", "d"), "y"))
	_, err := Decode(m.append(nil))
	var refused *UnsupportedError
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	var got []string
	for _, n := range refused.Nodes {
		got = append(got, n.Op)
	}
	if want := "Selu Celu Softmax"; strings.Join(got, " ") != want {
		t.Errorf("refuses %v, want %s", got, want)
	}
}

// TestRefuseModel covers faults of the whole model.
func TestRefuseModel(t *testing.T) {
	relu := op("Relu", in("x"), "y")
	with := func(change func(*modelProto)) *modelProto {
		m := model(13, []int64{1, 4, 4}, nil, relu)
		change(m)
		return m
	}
	cases := []struct {
		name, reason string
		model        *modelProto
	}{
		{"old opset", "opset 5; galen reads opsets 6 to 21", model(5, []int64{2}, nil, relu)},
		{"new opset", "opset 22; galen reads opsets 6 to 21", model(22, []int64{2}, nil, relu)},
		{"no standard operators", "no operators of the standard ONNX domain", with(func(m *modelProto) { m.opsets[0].domain = "ai.onnx.ml" })},
		{"two inputs", "2 inputs", with(func(m *modelProto) {
			m.graph.inputs = append(m.graph.inputs, valueInfo{name: "z", typ: typeFloat})
			m.graph.nodes = []nodeProto{op("Add", in("x", "z"), "y")}
		})},
		{"two outputs", "2 outputs", with(func(m *modelProto) { m.graph.outputs = append(m.graph.outputs, valueInfo{name: "x"}) })},
		{"no outputs", "0 outputs", with(func(m *modelProto) { m.graph.outputs = nil })},
		{"integer input", "int64; galen takes float32", with(func(m *modelProto) { m.graph.inputs[0].typ = typeInt64 })},
		{"image of any size", "not fixed", with(func(m *modelProto) { m.graph.inputs[0].dims[3] = dimension{param: "width"} })},
		{"huge image", "more than", with(func(m *modelProto) { m.graph.inputs[0].dims[3].size = 1 << 62 })},
		{"sequence of vectors", "3 dimensions", with(func(m *modelProto) { m.graph.inputs[0].dims = m.graph.inputs[0].dims[:3] })},
		{"output not computed", `output "z" is not computed`, with(func(m *modelProto) { m.graph.outputs[0].name = "z" })},
		{"nothing to do", "is its input", with(func(m *modelProto) { m.graph.nodes[0].op = "Identity" })},
		{"external data", "onnx.save_model", with(func(m *modelProto) {
			m.graph.initializers = []tensorProto{{name: "w", typ: typeFloat, dims: []int64{1}, external: true}}
			m.graph.nodes = []nodeProto{op("Add", in("x", "w"), "y")}
		})},
		{"short data", "has 1 elements, its shape [2] wants 2", with(func(m *modelProto) {
			m.graph.initializers = []tensorProto{floatTensor("w", []float32{1}, 2)}
			m.graph.nodes = []nodeProto{op("Add", in("x", "w"), "y")}
		})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			// Through importModel, since writing has no external data.
			if _, err := importModel(c.model); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want …%s…", err, c.reason)
			}
		})
	}
}

// Files that are not ONNX, or only part of one, are refused, and what is no file by its name.
func TestRefuseFile(t *testing.T) {
	whole := exampleModels()[0].model.append(nil)
	files := map[string][]byte{
		"empty.onnx":     {},
		"text.onnx":      []byte("#!/bin/sh\necho this is no model\n"),
		"image.png":      []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"),
		"half.onnx":      whole[:len(whole)/2],
		"zeros.onnx":     make([]byte, 1000),
		"no_graph.onnx":  appendInt(nil, 1, 8),
		"end_group.onnx": {0x0c},
	}
	for name, data := range files {
		if _, err := Decode(data); err == nil || !strings.Contains(err.Error(), "not an ONNX model") {
			t.Errorf("%s: %v", name, err)
		}
	}
	folder := t.TempDir()
	for _, path := range []string{folder, filepath.Join(folder, "absent.onnx"), os.DevNull} {
		if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Cut anywhere, a model is an error or, where only its last fields are missing, still decodes: it never panics.
func TestTruncated(t *testing.T) {
	for _, g := range exampleGraphs(t) {
		whole, err := Encode(g)
		if err != nil {
			t.Fatal(err)
		}
		for n := range whole {
			if _, err := Decode(whole[:n]); err == nil && n < len(whole)/2 {
				t.Fatalf("takes the first %d of %d bytes for a model", n, len(whole))
			}
		}
	}
}
