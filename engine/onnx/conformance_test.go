package onnx

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen/hw/runtime"
)

// TestConformance runs ONNX's cases: what is not refused must give the expected output.
func TestConformance(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(shared(t), "onnx-tests", "pytorch-*", "*"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no conformance cases (%v)", err)
	}
	refused := refusedCases(t)
	for name := range refused {
		if !slices.ContainsFunc(cases, func(folder string) bool { return filepath.Base(folder) == name }) {
			t.Errorf("%s lists %s, which is no case", operatorsFile, name)
		}
	}
	for _, folder := range cases {
		name := filepath.Base(folder)
		t.Run(name, func(t *testing.T) {
			g, err := Load(filepath.Join(folder, "model.onnx"))
			if reason := refused[name]; reason != "" {
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
