package workload

import (
	"path/filepath"
	"slices"
	"testing"

	"galen/engine/demo"
	"galen/engine/onnx"
)

// What normalizes images is what flags say, else what the model's file says.
func TestNormalizationOfTheModel(t *testing.T) {
	g, err := demo.Model()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := onnx.Save(path, g, onnx.Normalization{Mean: []float32{0.25}, Std: []float32{0.5}}.Properties()...); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ given, want DataOptions }{
		{DataOptions{}, DataOptions{Mean: []float32{0.25}, Std: []float32{0.5}}},
		{DataOptions{Std: []float32{1}}, DataOptions{Mean: []float32{0.25}, Std: []float32{1}}},
		{DataOptions{Mean: []float32{0, 0, 1}, Std: []float32{1}}, DataOptions{Mean: []float32{0, 0, 1}, Std: []float32{1}}},
	} {
		got, err := c.given.orOfModel(path)
		if err != nil || !slices.Equal(got.Mean, c.want.Mean) || !slices.Equal(got.Std, c.want.Std) {
			t.Errorf("%+v becomes %+v (%v), want %+v", c.given, got, err, c.want)
		}
	}
	if got, err := (DataOptions{}).orOfModel(Demo); err != nil || got.Mean != nil {
		t.Errorf("the built-in model has %v, %v", got.Mean, err)
	}
}
