package oneshot

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen/engine/workload"
)

func shared(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("GALEN_SHARED")
	if folder == "" {
		t.Skip("GALEN_SHARED is not set: it names the folder with trained models and CIFAR-10")
	}
	return folder
}

func TestTrainedModelsReachTheirAccuracy(t *testing.T) {
	folder := shared(t)
	for _, c := range []struct {
		model     string
		low, high float64
	}{
		{"resnet20-cifar10.onnx", 0.91, 0.92},
		{"resnet56-cifar10.onnx", 0.93, 0.945},
	} {
		if testing.Short() && c.model != "resnet20-cifar10.onnx" {
			continue
		}
		e, err := Evaluate(context.Background(), "local", filepath.Join(folder, "models", c.model), filepath.Join(folder, "data/cifar-10-batches-bin"), "test", workload.DataOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if e.Images != 5000 || e.Top1 < c.low || e.Top1 > c.high || e.Top5 < 0.99 {
			t.Errorf("%s: %+v, want top-1 from %v to %v on 5000 images", c.model, e, c.low, c.high)
		}
	}
}

func TestEvaluateRefuses(t *testing.T) {
	for _, c := range []struct{ model, data, split, says string }{
		{"missing.onnx", "demo", "test", "missing.onnx"},
		{"evaluate_test.go", "demo", "test", "not an ONNX model"},
		{"demo", "missing", "test", "missing"},
		{"demo", "demo", "holiday", "test, validation, held-out or train"},
	} {
		if _, err := Evaluate(context.Background(), "local", c.model, c.data, c.split, workload.DataOptions{}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("model %s, data %s, split %s: %v, want something about %q", c.model, c.data, c.split, err, c.says)
		}
	}
}

// Both runtimes judge the built-in network alike, but for an image at the border.
func TestEvaluateOnORT(t *testing.T) {
	library := ortLibrary(t)
	var accuracy []float64
	for _, on := range []string{"local", "ort:" + library} {
		e, err := Evaluate(context.Background(), on, workload.Demo, workload.Demo, "test", workload.DataOptions{})
		if err != nil {
			t.Fatal(err)
		}
		accuracy = append(accuracy, e.Top1)
	}
	if math.Abs(accuracy[0]-accuracy[1]) > 0.002 {
		t.Errorf("accuracies %v", accuracy)
	}
	if _, err := Evaluate(context.Background(), "abacus", workload.Demo, workload.Demo, "test", workload.DataOptions{}); err == nil || !strings.Contains(err.Error(), "local or ort:LIBRARY") {
		t.Error(err)
	}
}
