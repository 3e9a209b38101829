package onnx

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"galen/hw/runtime"
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

// supported are the conformance cases that lie within 2-D image networks; all others must be refused.
var supported = []string{
	"test_AvgPool2d", "test_AvgPool2d_stride", "test_Conv2d", "test_Conv2d_depthwise", "test_Conv2d_depthwise_with_multiplier",
	"test_Conv2d_no_bias", "test_Linear", "test_ReLU", "test_ZeroPad2d", "test_softmax_lastdim", "test_operator_conv", "test_operator_flatten",
}

func TestConformance(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(shared(t), "onnx-tests", "pytorch-*", "*"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no conformance cases (%v)", err)
	}
	for _, folder := range cases {
		name := filepath.Base(folder)
		t.Run(name, func(t *testing.T) {
			g, err := Load(filepath.Join(folder, "model.onnx"))
			if !slices.Contains(supported, name) {
				if err == nil {
					t.Fatal("is taken, but its result is not checked")
				}
				t.Log(err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			plan, err := runtime.Compile(g, runtime.Options{})
			if err != nil {
				t.Fatal(err)
			}
			input := readTensor(t, filepath.Join(folder, "test_data_set_0", "input_0.pb"))
			want := readTensor(t, filepath.Join(folder, "test_data_set_0", "output_0.pb"))
			got := make([]float32, want.len())
			n := input.len() / plan.InputElements()
			plan.RunBatch(got, input.floats, n, 1)
			if !near(got, want.floats) {
				t.Errorf("differs from the expected output by up to %g", worst(got, want.floats))
			}
		})
	}
}

// The light models are real architectures with constant weights, on inputs 0, 1/n, 2/n, ….
func TestLightModels(t *testing.T) {
	folder := filepath.Join(shared(t), "onnx-tests", "light")
	for _, name := range []string{"light_resnet50", "light_squeezenet"} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("runs networks of gigaMACs")
			}
			g, err := Load(filepath.Join(folder, name+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			plan, err := runtime.Compile(g, runtime.Options{})
			if err != nil {
				t.Fatal(err)
			}
			n := plan.InputElements()
			got := make([]float32, plan.OutputElements())
			plan.NewWorker().Run(got, ramp(n, 1/float32(n)))
			if want := readTensor(t, filepath.Join(folder, name+"_output_0.pb")); !near(got, want.floats) {
				t.Errorf("differs from the expected output by up to %g", worst(got, want.floats))
			}
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

func worst(a, b []float32) (d float32) {
	for i := range a {
		d = max(d, a[i]-b[i], b[i]-a[i])
	}
	return d
}
