package onnx

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"galen/hw/runtime"
)

// refusedCases are the conformance cases that galen does not take, with what it says. They lie outside networks that
// turn one batch of images or vectors into one output.
var refusedCases = map[string]string{
	"test_AvgPool1d":                              "has 3 dimensions",
	"test_AvgPool1d_stride":                       "has 3 dimensions",
	"test_BatchNorm3d_eval":                       "has 5 dimensions",
	"test_Conv1d_dilated":                         "has 3 dimensions",
	"test_Conv1d_pad1":                            "has 3 dimensions",
	"test_Conv1d_stride":                          "has 3 dimensions",
	"test_Conv3d":                                 "has 5 dimensions",
	"test_Conv3d_dilated":                         "has 5 dimensions",
	"test_Conv3d_groups":                          "has 5 dimensions",
	"test_Conv3d_no_bias":                         "has 5 dimensions",
	"test_Conv3d_stride_padding":                  "has 5 dimensions",
	"test_ConvTranspose2d_no_bias":                "galen has no such operator",
	"test_Embedding":                              "int64; galen takes float32",
	"test_GLU_dim":                                "has 3 dimensions",
	"test_MaxPool1d":                              "has 3 dimensions",
	"test_MaxPool1d_stride":                       "has 3 dimensions",
	"test_MaxPool3d":                              "has 5 dimensions",
	"test_MaxPool3d_stride":                       "has 5 dimensions",
	"test_MaxPool3d_stride_padding":               "has 5 dimensions",
	"test_PReLU_1d":                               "has 3 dimensions",
	"test_PReLU_1d_multiparam":                    "has 3 dimensions",
	"test_PReLU_3d":                               "has 5 dimensions",
	"test_PoissonNLLLLoss_no_reduce":              "its constant is [10 10]",
	"test_Softsign":                               "has 3 dimensions",
	"test_operator_add_broadcast":                 "2 inputs",
	"test_operator_add_size1_right_broadcast":     "2 inputs",
	"test_operator_add_size1_singleton_broadcast": "2 inputs",
	"test_operator_basic":                         "2 inputs",
	"test_operator_index":                         "squeezes axis 0",
	"test_operator_max":                           "2 inputs",
	"test_operator_mm":                            "2 inputs",
	"test_operator_permute2":                      "has 6 dimensions",
	"test_operator_repeat_dim_overflow":           "galen has no such operator",
	"test_operator_symbolic_override_nested":      "3 inputs",
	"test_operator_view":                          "has 1 dimensions",
}

// TestConformance runs ONNX's cases: what is not refused must give the expected output.
func TestConformance(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(shared(t), "onnx-tests", "pytorch-*", "*"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no conformance cases (%v)", err)
	}
	for _, folder := range cases {
		name := filepath.Base(folder)
		t.Run(name, func(t *testing.T) {
			g, err := Load(filepath.Join(folder, "model.onnx"))
			if reason := refusedCases[name]; reason != "" {
				if err == nil || !strings.Contains(err.Error(), reason) {
					t.Fatalf("is not refused for …%s…: %v", reason, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			plan, err := runtime.Compile(g, runtime.Options{})
			if err != nil {
				t.Fatal(err)
			}
			sets, err := filepath.Glob(filepath.Join(folder, "test_data_set_*"))
			if err != nil || len(sets) == 0 {
				t.Fatalf("no data (%v)", err)
			}
			for _, set := range sets {
				input := readTensor(t, filepath.Join(set, "input_0.pb"))
				want := readTensor(t, filepath.Join(set, "output_0.pb"))
				n := input.len() / plan.InputElements()
				if want.len() != n*plan.OutputElements() {
					t.Fatalf("gives %d numbers, wants %d", n*plan.OutputElements(), want.len())
				}
				got := make([]float32, want.len())
				plan.RunBatch(got, input.floats, n, 1)
				if e := relativeError(got, want.floats); !(e <= 1e-3) {
					t.Errorf("differs from the expected output by up to %g", e)
				}
			}
		})
	}
}

// relativeError is the largest difference in units of the larger of the expected number and 1e-4, which stands for
// the absolute tolerance of ONNX's own runner.
func relativeError(got, want []float32) float64 {
	worst := 0.0
	for i, w := range want {
		if w != w && got[i] != got[i] { // the root of a negative number is none
			continue
		}
		e := math.Abs(float64(got[i])-float64(w)) / math.Max(math.Abs(float64(w)), 1e-4)
		if e > worst || e != e {
			worst = e
		}
	}
	return worst
}

// The light models are real architectures with constant weights. The cases define their input as 0, 1/n, 2/n, …
func TestLightModels(t *testing.T) {
	models, err := filepath.Glob(filepath.Join(shared(t), "onnx-tests", "light", "*.onnx"))
	if err != nil || len(models) == 0 {
		t.Fatalf("no models (%v)", err)
	}
	for _, path := range models {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".onnx"), func(t *testing.T) {
			if testing.Short() {
				t.Skip("runs networks of gigaMACs")
			}
			g, err := Load(path)
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
			want := readTensor(t, strings.TrimSuffix(path, ".onnx")+"_output_0.pb")
			if e := relativeError(got, want.floats); len(got) != want.len() || !(e <= 1e-3) {
				t.Errorf("differs from the expected output by up to %g", e)
			}
		})
	}
}
