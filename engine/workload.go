package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"galen/engine/dataset"
	"galen/engine/demo"
	"galen/engine/onnx"
	"galen/hw/graph"
	"galen/hw/runtime"
	"galen/store"
)

// workload is what a search works on: a model and the images that judge it.
type workload struct {
	graph       *graph.Graph
	model, data store.Source
	validation  images
	calibration images
	sensitivity images
}

// images are normalized pictures, channels outermost, one after the other.
type images struct {
	pixels []float32
	labels []int
}

func (m images) len() int { return len(m.labels) }

// loadWorkload reads model and data and checks that they fit each other.
func loadWorkload(s Settings) (*workload, error) {
	w := &workload{}
	var err error
	if w.graph, w.model, err = loadModel(s); err != nil {
		return nil, err
	}
	data, err := loadData(s.dataPath())
	if err != nil {
		return nil, err
	}
	if err := fits(w.graph, data); err != nil {
		return nil, err
	}
	w.data = store.Source{Name: data.Name, Path: data.Path, SHA256: data.SHA256}
	splits, err := data.Split(s.Seed, dataset.Sizes{})
	if err != nil {
		return nil, err
	}
	w.validation = gather(data.Train, splits.Validation)
	w.calibration = gather(data.Train, splits.Calibration)
	w.sensitivity = gather(data.Train, splits.Sensitivity)
	return w, nil
}

func gather(set *dataset.Set, indices []int) images {
	return images{pixels: set.Normalized(nil, indices), labels: set.LabelsOf(indices)}
}

// demoName stands for the built-in model or data wherever a path is expected.
const demoName = "demo"

func (s Settings) dataPath() string {
	if s.Demo {
		return demoName
	}
	return s.Data
}

func loadModel(s Settings) (*graph.Graph, store.Source, error) {
	if s.Demo {
		g, err := demo.Model()
		if err != nil {
			return nil, store.Source{}, fmt.Errorf("load the built-in model: %w", err)
		}
		return g, store.Source{Name: demo.ModelName, Path: demoName, SHA256: hash(demo.ModelFile())}, nil
	}
	content, err := os.ReadFile(s.Model)
	if err != nil {
		return nil, store.Source{}, fmt.Errorf("read the model: %w", err)
	}
	g, err := onnx.Decode(content)
	if err != nil {
		return nil, store.Source{}, fmt.Errorf("model %s: %w", s.Model, err)
	}
	name := filepath.Base(s.Model)
	return g, store.Source{Name: name[:len(name)-len(filepath.Ext(name))], Path: s.Model, SHA256: hash(content)}, nil
}

func loadData(path string) (*dataset.Data, error) {
	if path == demoName {
		return demo.Data(), nil
	}
	return dataset.Open(path)
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// fits checks that the model takes the images and tells their classes apart.
func fits(g *graph.Graph, data *dataset.Data) error {
	input, output := g.Values[g.Input].Shape, g.Values[g.Output].Shape
	if !slices.Equal(input, data.Train.Shape) {
		return fmt.Errorf("model %q takes images of %v (channels, height, width), but %s holds images of %v", g.Name, input, data.Name, data.Train.Shape)
	}
	if output.Elements() != data.Train.NumClasses() {
		return fmt.Errorf("model %q tells %d classes apart, but %s has %d", g.Name, output.Elements(), data.Name, data.Train.NumClasses())
	}
	return nil
}

// score is how well a network classifies images.
type score struct {
	top1, top5 float64 // shares of the images, in [0,1]
}

// evaluate runs the graph on the images, all cores, and counts how often the right class
// is the first and among the first five.
func evaluate(ctx context.Context, g *graph.Graph, m images) (score, error) {
	plan, err := runtime.Compile(g, runtime.Options{})
	if err != nil {
		return score{}, fmt.Errorf("compile: %w", err)
	}
	classes := g.Values[g.Output].Shape.Elements()
	outputs := make([]float32, m.len()*classes)
	if err := plan.RunBatchContext(ctx, outputs, m.pixels, m.len(), 0); err != nil {
		return score{}, err
	}
	var first, five int
	for i, label := range m.labels {
		rank := rankOf(outputs[i*classes:(i+1)*classes], label)
		if rank == 0 {
			first++
		}
		if rank < 5 {
			five++
		}
	}
	n := float64(m.len())
	return score{float64(first) / n, float64(five) / n}, nil
}

// rankOf is how many classes score at least as well as the label; of equal scores
// the lower class comes first, as argmax does.
func rankOf(logits []float32, label int) int {
	rank := 0
	for c, y := range logits {
		if y > logits[label] || y == logits[label] && c < label {
			rank++
		}
	}
	return rank
}
