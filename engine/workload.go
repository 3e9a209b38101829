package engine

import (
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
	"galen/store"
)

// workload is what a search works on: a model and the images that judge it.
type workload struct {
	graph       *graph.Graph
	model, data store.Source
	validation  pictures
	reserve     pictures // judges the winners; nil: no images are held out but those of the validation
	calibration images
	sensitivity images
	layers      string // folder of the compressed-layer database; empty: none
}

// mostReserve is how many images judge a winner at most.
const mostReserve = 5000

// loadWorkload reads model and data and checks that they fit each other. Of the data,
// only the images that a search looks at are decoded.
func loadWorkload(s Settings) (*workload, error) {
	w, _, err := openWorkload(s, s.dataPath())
	return w, err
}

// openWorkload is loadWorkload with data named apart, for those who need the rest of it, too.
func openWorkload(s Settings, path string) (*workload, *dataset.Data, error) {
	w := &workload{}
	var err error
	if w.graph, w.model, err = loadModel(s); err != nil {
		return nil, nil, err
	}
	options, err := s.DataOptions.orOfModel(w.model.Path)
	if err != nil {
		return nil, nil, err
	}
	data, err := loadData(path, w.graph, options)
	if err != nil {
		return nil, nil, err
	}
	w.data = store.Source{Name: data.Name, Path: data.Path, SHA256: data.SHA256, Mean: data.Train.Mean, Std: data.Train.Std}
	splits, err := data.Split(s.dataSeed(), data.SizesFor(s.images(), calibrationImages(w.graph)))
	if err != nil {
		return nil, nil, err
	}
	validation, err := data.Train.Load(splits.Validation)
	if err != nil {
		return nil, nil, err
	}
	w.validation = selection{validation, validation.Indices()}
	if n := min(len(splits.Reserve), mostReserve); n > 0 {
		w.reserve = selection{data.Train, splits.Reserve[:n]}
	}
	if w.calibration, err = gather(data.Train, splits.Calibration); err != nil {
		return nil, nil, err
	}
	if w.sensitivity, err = gather(data.Train, splits.Sensitivity); err != nil {
		return nil, nil, err
	}
	return w, data, nil
}

// normalization is what a file of the model, compressed, tells of how its images are normalized.
func (w *workload) normalization() []onnx.Property {
	return onnx.Normalization{Mean: w.data.Mean, Std: w.data.Std}.Properties()
}

// calibrationImages is how many images a network is calibrated on: fewer if its tensors are large, of which several are
// in memory at a time, each for all images.
func calibrationImages(g *graph.Graph) int {
	const room, atATime, least = 2 << 30, 4, 64
	largest := 0
	for _, v := range g.Values {
		largest = max(largest, 4*v.Shape.Elements())
	}
	return min(max(room/(atATime*largest), least), dataset.DefaultCalibration)
}

// demoName stands for the built-in model or data wherever a path is expected.
const demoName = "demo"

func (s Settings) dataPath() string {
	if s.Demo {
		return demoName
	}
	return s.Data
}

// modelSize is how many bytes the model's file has.
func modelSize(s Settings) (int, error) {
	if s.Demo {
		return len(demo.ModelFile()), nil
	}
	info, err := os.Stat(s.Model)
	if err != nil {
		return 0, fmt.Errorf("read the model: %w", err)
	}
	return int(info.Size()), nil
}

func loadModel(s Settings) (*graph.Graph, store.Source, error) {
	if s.Demo {
		g, err := demo.Model()
		if err != nil {
			return nil, store.Source{}, fmt.Errorf("load the built-in model: %w", err)
		}
		return g, store.Source{Name: demo.ModelName, Path: demoName, SHA256: hash(demo.ModelFile())}, nil
	}
	content, err := onnx.ReadFile(s.Model)
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

// orOfModel takes from the metadata of the model's file how to normalize images where the options leave it open.
func (o DataOptions) orOfModel(path string) (DataOptions, error) {
	if path == demoName || len(o.Mean) > 0 && len(o.Std) > 0 {
		return o, nil
	}
	n, err := onnx.LoadNormalization(path)
	if err != nil {
		return o, fmt.Errorf("model %w", err)
	}
	if len(o.Mean) == 0 {
		o.Mean = n.Mean
	}
	if len(o.Std) == 0 {
		o.Std = n.Std
	}
	return o, nil
}

// loadData opens the data in the form the graph takes.
func loadData(path string, g *graph.Graph, o DataOptions) (*dataset.Data, error) {
	var data *dataset.Data
	if path == demoName {
		data = demo.Data()
	} else {
		var err error
		data, err = dataset.OpenFor(path, dataset.Options{Shape: g.Values[g.Input].Shape, Mean: o.Mean, Std: o.Std, Resize: o.Resize})
		if err != nil {
			return nil, err
		}
	}
	return data, fits(g, data)
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
	if n := data.Train.NumClasses(); n > output.Elements() || n < output.Elements() && !data.Counted {
		return fmt.Errorf("model %q tells %d classes apart, but %s has %d", g.Name, output.Elements(), data.Name, data.Train.NumClasses())
	}
	return nil
}
