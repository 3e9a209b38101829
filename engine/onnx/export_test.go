package onnx

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"galen/hw/graph"
)

// A graph that was exported and imported again is the same graph, to the last bit of its weights.
func TestRoundTrip(t *testing.T) {
	for i, g := range exampleGraphs(t) {
		t.Run(fmt.Sprint(i, " ", g.Name), func(t *testing.T) {
			data, err := Encode(g)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			// A quantized layer's bias is stored in units of its accumulator; every other number is kept.
			for n := range g.Nodes {
				g.Nodes[n].Op = withoutBias(t, g, g.Nodes[n])
				back.Nodes[n].Op = withoutBias(t, back, back.Nodes[n])
			}
			compareGraphs(t, back, g)
			again, err := Encode(back)
			if err != nil {
				t.Fatal(err)
			}
			if second, err := Encode(g); err != nil || !bytes.Equal(again, second) {
				t.Errorf("exports differently the second time (%v)", err)
			}
		})
	}
}

// withoutBias replaces a quantized layer's bias by its accumulator integers.
func withoutBias(t *testing.T, g *graph.Graph, n graph.Node) graph.Op {
	w, bias := n.Weight(), n.Bias()
	if w == nil || !w.Quantized() || bias == nil || g.Values[n.Inputs[0]].Quant == nil {
		return n.Op
	}
	scale := g.Values[n.Inputs[0]].Quant.Scale
	rounded := make([]float32, len(bias))
	for o, b := range bias {
		rounded[o] = float32(graph.QuantizeBias(b, scale, w.Scale[o])) * (scale * w.Scale[o])
	}
	return n.WithWeight(*w, rounded)
}

func compareGraphs(t *testing.T, got, want *graph.Graph) {
	t.Helper()
	if len(got.Nodes) != len(want.Nodes) || len(got.Values) != len(want.Values) {
		t.Fatalf("%d nodes and %d values, want %d and %d", len(got.Nodes), len(got.Values), len(want.Nodes), len(want.Values))
	}
	for i := range want.Nodes {
		if !reflect.DeepEqual(got.Nodes[i], want.Nodes[i]) {
			t.Errorf("node %d is %+v %+v, want %+v %+v", i, got.Nodes[i], got.Nodes[i].Op, want.Nodes[i], want.Nodes[i].Op)
		}
	}
	for i := range want.Values {
		if !reflect.DeepEqual(got.Values[i], want.Values[i]) {
			t.Errorf("value %d is %+v, want %+v", i, got.Values[i], want.Values[i])
		}
	}
}

// Every quantized layer must read and write through pairs that ONNX Runtime fuses with it: the layer's
// DequantizeLinears before it and, but for a Relu that its rounding makes superfluous, its QuantizeLinear right behind.
func TestExportedPairs(t *testing.T) {
	for _, g := range exampleGraphs(t)[1:] {
		m, err := exportModel(g)
		if err != nil {
			t.Fatal(err)
		}
		producer, readers := map[string]*nodeProto{}, map[string][]*nodeProto{}
		for i := range m.graph.nodes {
			n := &m.graph.nodes[i]
			producer[n.outputs[0]] = n
			for _, input := range n.inputs {
				readers[input] = append(readers[input], n)
			}
		}
		bits := g.Nodes[g.Layers()[0]].Weight().Bits
		clips := 0
		for i := range m.graph.nodes {
			n := &m.graph.nodes[i]
			switch n.op {
			case "Conv", "Gemm":
				for _, input := range n.inputs {
					if producer[input] == nil || producer[input].op != "DequantizeLinear" {
						t.Errorf("%d bits: %s reads %q, which no DequantizeLinear makes", bits, n.name, input)
					}
				}
				next := readers[n.outputs[0]]
				if len(next) == 1 && next[0].op == "Relu" {
					next = readers[next[0].outputs[0]]
				}
				if n.op == "Conv" && n.name != "conv4" && (len(next) != 1 || next[0].op != "QuantizeLinear") {
					t.Errorf("%d bits: %s is not followed by its QuantizeLinear", bits, n.name)
				}
			case "Clip":
				clips++
				if producer[n.inputs[0]].op != "QuantizeLinear" || readers[n.outputs[0]][0].op != "DequantizeLinear" {
					t.Errorf("%d bits: %s does not stand inside its pair", bits, n.name)
				}
			}
		}
		quantized := 0
		for _, v := range g.Values {
			if v.Quant != nil && v.Quant.Bits < 8 {
				quantized++
			}
		}
		if clips != quantized {
			t.Errorf("%d bits: %d Clips saturate %d narrow values", bits, clips, quantized)
		}
	}
}

// Limits that rounding does not imply move to the integers. What the file computes stays the same.
func TestExportedLimits(t *testing.T) {
	cases := []struct {
		op    graph.Op
		quant graph.Quant
		ops   []string // in the file, from the operator on
	}{
		{graph.Relu{}, graph.Quant{Scale: 0.1, Zero: 0, Bits: 8}, []string{"Relu", "QuantizeLinear", "DequantizeLinear"}},
		{graph.Relu{}, graph.Quant{Scale: 0.1, Zero: 9, Bits: 8}, []string{"Clip", "QuantizeLinear", "Clip", "DequantizeLinear"}},
		{graph.Relu{}, graph.Quant{Scale: 0.5, Zero: 0, Bits: 3}, []string{"Relu", "QuantizeLinear", "Clip", "DequantizeLinear"}},
		{graph.Clip{Min: 0, Max: 6}, graph.Quant{Scale: 6. / 255, Zero: 0, Bits: 8}, []string{"Clip", "QuantizeLinear", "DequantizeLinear"}},
		{graph.Clip{Min: 0, Max: 6}, graph.Quant{Scale: 0.1, Zero: 0, Bits: 8}, []string{"Clip", "QuantizeLinear", "Clip", "DequantizeLinear"}},
		{graph.Clip{Min: -1, Max: 1}, graph.Quant{Scale: 0.3, Zero: 7, Bits: 4}, []string{"Clip", "QuantizeLinear", "Clip", "DequantizeLinear"}},
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range cases {
		b := newBuilder(t, "limits", 2, 5, 5)
		b.add("op", c.op, b.conv("conv", 0, 4, 3, 1, 1))
		b.quant(b.Output, c.quant.Scale, c.quant.Zero, c.quant.Bits)
		m, err := exportModel(b.Graph)
		if err != nil {
			t.Fatal(err)
		}
		var ops []string
		for _, n := range m.graph.nodes[1:] {
			ops = append(ops, n.op)
		}
		if !slices.Equal(ops, c.ops) {
			t.Errorf("%v %+v is exported as %v, want %v", c.op, c.quant, ops, c.ops)
		}
		back, err := Decode(m.append(nil))
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			image := random(r, 50)
			for i := range image {
				image[i] *= 4
			}
			if got, want := run(t, back, image), run(t, b.Graph, image); !slices.Equal(got, want) {
				t.Fatalf("%v %+v computes %v after a round trip, %v before", c.op, c.quant, got, want)
			}
		}
	}
}

// Names in the file are unique even where the graph's are not or are missing.
func TestExportedNames(t *testing.T) {
	b := newBuilder(t, "", 2, 4, 4)
	x := b.conv("same", b.conv("same", 0, 2, 1, 1, 1), 2, 1, 1, 1)
	if _, err := b.Append("", graph.Relu{}, "", x); err != nil {
		t.Fatal(err)
	}
	data, err := Encode(b.Graph)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	nodes, values := map[string]bool{"": true}, map[string]bool{"": true}
	for _, n := range back.Nodes {
		if nodes[n.Name] {
			t.Errorf("node name %q comes twice or is empty", n.Name)
		}
		nodes[n.Name] = true
	}
	for _, v := range back.Values {
		if values[v.Name] {
			t.Errorf("value name %q comes twice or is empty", v.Name)
		}
		values[v.Name] = true
	}
	if len(back.Nodes) != 3 {
		t.Errorf("%d nodes, want 3", len(back.Nodes))
	}
}

// Save replaces a file whole and leaves nothing else behind, also when it fails.
func TestSave(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "model.onnx")
	graphs := exampleGraphs(t)
	for _, g := range graphs[:2] {
		if err := Save(path, g); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := graphs[0].Clone()
	broken.Values[broken.Nodes[0].Output].Shape = graph.Shape{1, 2, 3}
	if err := Save(path, broken); err == nil {
		t.Error("saves a graph whose shapes do not fit")
	}
	if err := Save(filepath.Join(folder, "absent", "model.onnx"), graphs[0]); err == nil {
		t.Error("saves into a folder that does not exist")
	}
	occupied := filepath.Join(folder, "occupied")
	if err := os.MkdirAll(filepath.Join(occupied, "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Save(occupied, graphs[0]); err == nil {
		t.Error("replaces a folder")
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("a failed save changed the file (%v)", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
}
