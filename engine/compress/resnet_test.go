package compress_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"galen/engine/compress"
	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/engine/dataset"
	"galen/engine/onnx"
	"galen/hw/graph"
	"galen/hw/runtime"
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

// top1 is the share of images a graph's plan classifies as labelled, in percent.
func top1(t testing.TB, g *graph.Graph, images []float32, labels []int) float64 {
	t.Helper()
	plan, err := runtime.Compile(g, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	classes := plan.OutputElements()
	out := make([]float32, len(labels)*classes)
	plan.RunBatch(out, images, len(labels), 0)
	right := 0
	for i, label := range labels {
		logits := out[i*classes : (i+1)*classes]
		if logits[label] == slices.Max(logits) {
			right++
		}
	}
	return 100 * float64(right) / float64(len(labels))
}

// TestResNet20 compresses a trained network and scores what would be deployed.
func TestResNet20(t *testing.T) {
	shared := os.Getenv("GALEN_SHARED")
	if shared == "" {
		t.Skip("GALEN_SHARED does not name the folder with the CIFAR-10 models and data")
	}
	g := load(t, filepath.Join(shared, "models", "resnet20-cifar10.onnx"))
	data, err := dataset.Open(filepath.Join(shared, "data", "cifar-10-batches-bin"))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := data.Split(1, dataset.Sizes{Calibration: 128})
	if err != nil {
		t.Fatal(err)
	}
	test := parts.Test[:500]
	images, labels := data.Test.Normalized(nil, test), data.Test.LabelsOf(test)
	calibration := data.Train.Normalized(nil, parts.Calibration)
	reference := top1(t, g, images, labels)

	score := func(o compress.Options, change func(*structure.LayerPolicy, structure.LayerInfo)) float64 {
		c, err := compress.New(g, calibration, len(parts.Calibration), o)
		if err != nil {
			t.Fatal(err)
		}
		p := structure.Uniform(g, 0, graph.FloatBits)
		for l, info := range c.Layers() {
			change(&p[l], info)
		}
		r, err := c.Compress(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		return top1(t, r.Graph, images, labels)
	}
	bits := func(weights, activations int) func(*structure.LayerPolicy, structure.LayerInfo) {
		return func(p *structure.LayerPolicy, info structure.LayerInfo) {
			p.WeightBits, p.ActivationBits = weights, activations
			if !info.MayMix {
				p.WeightBits, p.ActivationBits = 8, 8
			}
		}
	}
	if a := score(compress.Options{}, bits(8, 8)); a < reference-0.8 {
		t.Errorf("w8a8 has %.1f %%, the original %.1f %%", a, reference)
	}
	if a := score(compress.Options{}, bits(4, 8)); a < reference-2 {
		t.Errorf("w4a8 has %.1f %%, the original %.1f %%", a, reference)
	}
	nearest, compensated := score(compress.Options{Rounding: refit.Nearest}, bits(2, 8)), score(compress.Options{}, bits(2, 8))
	t.Logf("w2a8 has %.1f %% with compensated rounding, %.1f %% without, the original %.1f %%", compensated, nearest, reference)
	if compensated < reference-10 || compensated < nearest+1 {
		t.Errorf("w2a8 has %.1f %% with compensated rounding, %.1f %% without, the original %.1f %%", compensated, nearest, reference)
	}
	inner := func(p *structure.LayerPolicy, info structure.LayerInfo) {
		if info.Prunable && !info.Coupled {
			p.Sparsity = 0.25
		}
	}
	corrected, raw := score(compress.Options{}, inner), score(compress.Options{Uncorrected: true}, inner)
	if corrected < raw+8 {
		t.Errorf("a quarter of the inner channels pruned: %.1f %% with repair, %.1f %% without", corrected, raw)
	}
}
