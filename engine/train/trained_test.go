package train

import (
	"os"
	"path/filepath"
	"testing"

	"galen/engine/dataset"
	"galen/engine/onnx"
	"galen/hw/graph"
)

// load reads the model at path.
func load(t testing.TB, path string) *graph.Graph {
	t.Helper()
	g, err := onnx.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A network that others trained must know its training images here too, and go on
// learning without losing them.
func TestTrainedNetworkGoesOn(t *testing.T) {
	shared := os.Getenv("GALEN_SHARED")
	if shared == "" {
		t.Skip("needs a trained network and CIFAR-10: set GALEN_SHARED to a folder with models/resnet20-cifar10.onnx and data/cifar-10-batches-bin")
	}
	g := load(t, filepath.Join(shared, "models/resnet20-cifar10.onnx"))
	data, err := dataset.Open(filepath.Join(shared, "data/cifar-10-batches-bin"))
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := New(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	trainer.SetLearningRate(1e-4)
	const n, steps = 64, 4
	indices := data.Train.Indices()[:n]
	images, labels := data.Train.Normalized(nil, indices), data.Train.LabelsOf(indices)
	var losses []float64
	for range steps {
		loss, correct, err := trainer.Step(images, labels)
		if err != nil {
			t.Fatal(err)
		}
		if correct < n*95/100 {
			t.Errorf("%d of %d training images right", correct, n)
		}
		losses = append(losses, loss)
	}
	if losses[steps-1] >= losses[0] {
		t.Errorf("losses %v do not fall", losses)
	}
}
