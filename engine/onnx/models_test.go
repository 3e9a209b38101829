package onnx

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// shared is the folder of real models and conformance cases.
func shared(t *testing.T) string {
	folder := os.Getenv("GALEN_SHARED")
	if folder == "" {
		t.Skip("GALEN_SHARED does not name the folder with models and conformance cases")
	}
	return folder
}

func TestResNets(t *testing.T) {
	folder := shared(t)
	for _, c := range []struct {
		file         string
		layers       int
		macs, params int64
	}{
		{"resnet20-cifar10.onnx", 20, 40_551_040, 269_034},
		{"resnet56-cifar10.onnx", 56, 125_485_696, 850_986},
		{"resnet18-cifar10.onnx", 21, 555_422_720, 11_169_162},
	} {
		t.Run(c.file, func(t *testing.T) {
			g, err := Load(filepath.Join(folder, "models", c.file))
			if err != nil {
				t.Fatal(err)
			}
			macs, _, params := g.Totals()
			if len(g.Layers()) != c.layers || macs != c.macs || params != c.params {
				t.Errorf("%d layers, %d MACs, %d parameters; want %d, %d, %d", len(g.Layers()), macs, params, c.layers, c.macs, c.params)
			}
			in, out := g.Values[g.Input], g.Values[g.Output]
			if in.Name != "input" || out.Name != "logits" || !slices.Equal(in.Shape, []int{3, 32, 32}) || !slices.Equal(out.Shape, []int{10}) {
				t.Errorf("computes %+v from %+v", out, in)
			}
			if first := g.Nodes[g.Layers()[0]].Name; first != "/conv1/Conv" {
				t.Errorf("the first layer is called %q", first)
			}
			data, err := Encode(g)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			compareGraphs(t, back, g)
		})
	}
}

func readTensor(t *testing.T, path string) *constant {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var p tensorProto
	if err := (&wireReader{messages: maxMessages}).tensor(data, &p); err != nil {
		t.Fatal(err)
	}
	c, err := p.constant()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
