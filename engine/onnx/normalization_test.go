package onnx

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestNormalization(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.onnx")
	save := func(metadata ...Property) {
		t.Helper()
		if err := Save(path, exampleGraphs(t)[0], metadata...); err != nil {
			t.Fatal(err)
		}
	}
	want := Normalization{Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{1.0 / 255}}
	for name, metadata := range map[string][]Property{
		"written here": want.Properties(),
		"lists":        {{"author", "x"}, {"mean", "[0.485, 0.456, 0.406]"}, {"std", "0.003921569"}},
		"spaces":       {{"std", "(0.003921569,)"}, {"mean", "0.485 0.456  0.406"}},
	} {
		save(metadata...)
		got, err := LoadNormalization(path)
		if err != nil || !slices.Equal(got.Mean, want.Mean) || !slices.Equal(got.Std, want.Std) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	save()
	if got, err := LoadNormalization(path); err != nil || got.Mean != nil || got.Std != nil {
		t.Errorf("no metadata: %v, %v", got, err)
	}
	for _, p := range []Property{{"mean", "123.675, 116.28, 103.53"}, {"std", "0"}, {"std", "NaN"}, {"mean", "channel-wise"}} {
		save(p)
		if _, err := LoadNormalization(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), p.Value) || !strings.Contains(err.Error(), "--mean") {
			t.Errorf("%v: %v", p, err)
		}
	}
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadNormalization(path); err == nil || !strings.Contains(err.Error(), "not an ONNX model") {
		t.Error(err)
	}
}
