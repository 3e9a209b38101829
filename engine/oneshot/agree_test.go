package oneshot

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"galen/engine/compress"
	"galen/engine/compress/structure"
	"galen/engine/dataset"
	"galen/engine/onnx"
	"galen/engine/workload"
	"galen/hw"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// randomPolicy prunes lightly, so that a network is left that classifies, and mixes all widths, float included.
func randomPolicy(s *structure.Structure, seed uint64) structure.Policy {
	rng := rand.New(rand.NewPCG(seed, 11))
	p := s.Uniform(0, 8)
	for l, info := range s.Layers {
		if info.Prunable && !info.Coupled && rng.IntN(2) == 0 {
			p[l].Sparsity = 0.2 * rng.Float64()
		}
		switch {
		case !info.MayMix || s.Graph.Nodes[info.Node].Inputs[0] == s.Graph.Input:
		case rng.IntN(6) == 0:
			p[l].WeightBits, p[l].ActivationBits = graph.FloatBits, graph.FloatBits
		default:
			p[l].WeightBits, p[l].ActivationBits = 4+rng.IntN(5), 5+rng.IntN(4)
			if rng.IntN(8) == 0 {
				p[l].WeightBits = 3
			}
		}
	}
	return p
}

// agreement is the share of images that two runtimes put into the same class, and how many classes each gets right.
func agreement(t *testing.T, a, b []float32, labels []int) (same, right, alsoRight float64) {
	t.Helper()
	classes := len(a) / len(labels)
	n := float64(len(labels))
	for i, label := range labels {
		x, y := largest(a[i*classes:(i+1)*classes]), largest(b[i*classes:(i+1)*classes])
		for _, count := range []struct {
			yes bool
			of  *float64
		}{{x == y, &same}, {x == label, &right}, {y == label, &alsoRight}} {
			if count.yes {
				*count.of += 1 / n
			}
		}
	}
	return same, right, alsoRight
}

func largest(logits []float32) int { return slices.Index(logits, slices.Max(logits)) }

// What galen exports, ONNX Runtime computes: under any policy, at every level of its optimizations.
func TestORTAgrees(t *testing.T) {
	library, folder := ortLibrary(t), shared(t)
	for _, c := range []struct {
		model  string
		images int
	}{{"resnet20-cifar10.onnx", 5000}, {"resnet56-cifar10.onnx", 500}, {"resnet18-cifar10.onnx", 50}} {
		if testing.Short() && c.images < 5000 {
			continue
		}
		g, _, err := workload.LoadModel(filepath.Join(folder, "models", c.model))
		if err != nil {
			t.Fatal(err)
		}
		data, err := dataset.Open(filepath.Join(folder, "data", "cifar-10-batches-bin"))
		if err != nil {
			t.Fatal(err)
		}
		calibration, err := data.Train.Read(nil, data.Train.Indices()[:32])
		if err != nil {
			t.Fatal(err)
		}
		images, err := data.Test.Read(nil, data.Test.Indices()[:c.images])
		if err != nil {
			t.Fatal(err)
		}
		labels := data.Test.LabelsOf(data.Test.Indices()[:c.images])
		compressor, err := compress.New(g, calibration, 32, compress.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for name, p := range map[string]structure.Policy{
			"w8a8": compressor.Structure().Uniform(0, 8), "mixed": randomPolicy(compressor.Structure(), 0),
		} {
			r, err := compressor.Compress(context.Background(), p)
			if err != nil {
				t.Fatal(err)
			}
			compareWithORT(t, library, c.model+" "+name, r.Graph, images, labels)
		}
	}
}

// Concatenations, gates, depthwise convolutions and channel shuffles, pruned and quantized: networks with random
// weights, so their outputs are compared.
func TestORTAgreesOnTopologies(t *testing.T) {
	library := ortLibrary(t)
	for _, name := range []string{"densenet", "mobilenetv3", "shufflenetv2"} {
		g, _, err := workload.LoadModel(filepath.Join("..", "onnx", "testdata", name+".onnx"))
		if err != nil {
			t.Fatal(err)
		}
		const n = 16
		rng := rand.New(rand.NewPCG(1, 3))
		images := make([]float32, n*g.Values[g.Input].Shape.Elements())
		for i := range images {
			images[i] = float32(rng.NormFloat64())
		}
		compressor, err := compress.New(g, images, n, compress.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for bits, most := range map[int]float64{graph.FloatBits: 1e-4, 8: 0.05} {
			r, err := compressor.Compress(context.Background(), compressor.Structure().Uniform(0.4, bits))
			if err != nil {
				t.Fatal(err)
			}
			model, err := onnx.Encode(r.Graph)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := runtime.Compile(r.Graph, runtime.Options{})
			if err != nil {
				t.Fatal(err)
			}
			ours, theirs := make([]float32, n*plan.OutputElements()), make([]float32, n*plan.OutputElements())
			plan.RunBatch(ours, images, n, 0)
			f, err := hw.OpenInference(library, model, g.Values[g.Input].Shape, g.Values[g.Output].Shape, hw.OptimizeAll)
			if err != nil {
				t.Fatal(err)
			}
			err = f.Run(theirs, images, n)
			f.Close()
			if err != nil {
				t.Fatal(err)
			}
			off := deviation(theirs, ours)
			t.Logf("%s, %d bits: outputs off by %.2g", name, bits, off)
			if !(off <= most) {
				t.Errorf("%s, %d bits: outputs off by %.2g", name, bits, off)
			}
		}
	}
}

func compareWithORT(t *testing.T, library, name string, g *graph.Graph, images []float32, labels []int) {
	t.Helper()
	model, err := onnx.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := runtime.Compile(g, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := len(labels)
	ours, theirs := make([]float32, n*plan.OutputElements()), make([]float32, n*plan.OutputElements())
	plan.RunBatch(ours, images, n, 0)
	for _, level := range []hw.Optimization{hw.OptimizeAll, hw.OptimizeExtended, hw.OptimizeBasic, hw.OptimizeNothing} {
		n := n
		if level != hw.OptimizeAll { // the slow ones
			n = min(n, 50)
		}
		f, err := hw.OpenInference(library, model, g.Values[g.Input].Shape, g.Values[g.Output].Shape, level)
		if err != nil {
			t.Fatal(err)
		}
		err = f.Run(theirs, images, n)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		outputs := n * plan.OutputElements()
		same, right, alsoRight := agreement(t, ours[:outputs], theirs[:outputs], labels[:n])
		off := deviation(theirs[:outputs], ours[:outputs])
		t.Logf("%s, %d bytes, optimization %d, %d images: %.2f %% the same class, accuracy %.2f %%, ONNX Runtime's %.2f %%, outputs off by %.4f",
			name, len(model), level, n, 100*same, 100*right, 100*alsoRight, off)
		// Float sums that differ in their last bit fall on different sides of rounding steps, which
		// coarse activations carry on: of few images, some lie so near the border that it counts.
		slack := 2.5 / float64(n)
		if same < 0.995-slack || math.Abs(right-alsoRight) > 0.002+slack || off > 0.05 {
			t.Errorf("%s, optimization %d: %.2f %% the same class, accuracies %.2f %% and %.2f %%, outputs off by %.4f", name, level, 100*same, 100*right, 100*alsoRight, off)
		}
	}
}

// deviation is ‖a−b‖ ÷ ‖b‖.
func deviation(a, b []float32) float64 {
	var d, s float64
	for i := range a {
		d += float64(a[i]-b[i]) * float64(a[i]-b[i])
		s += float64(b[i]) * float64(b[i])
	}
	return math.Sqrt(d / s)
}
