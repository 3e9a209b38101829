// Package workload is what there is to work on: a model, and the images that calibrate and score it.
package workload

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

// Workload is a model and the images that judge it.
type Workload struct {
	Graph       *graph.Graph
	Model, Data store.Source
	Validation  Pictures
	Reserve     Pictures // judges the winners; nil: no images are held out but those of the validation
	Calibration Images
	Sensitivity Images
}

// Options say which model and data to work on, and how images are shared out.
type Options struct {
	Model  string // path of the ONNX file; Demo: the built-in one
	Data   string // path of the data, see dataset.OpenFor; Demo: the built-in ones
	Seed   uint64 // splits the data
	Images int    // that validate, if the data has as many to spare
	DataOptions
}

// DataOptions say how images become a network's input; see dataset.Options. The zero
// value takes what the model's file says, see onnx.Normalization, or what is usual for the data.
type DataOptions struct {
	Mean   []float32 `json:"mean,omitempty"` // per channel, of pixels scaled to [0,1]; one number stands for all
	Std    []float32 `json:"std,omitempty"`
	Resize int       `json:"resize,omitempty"` // the shorter side before the centre is cropped
}

// Demo stands for the built-in model or data wherever a path is expected.
const Demo = "demo"

// How images are shared out unless somebody wants it otherwise.
const (
	UsualSeed   = 1
	UsualImages = 2500
)

// mostReserve is how many images judge a winner at most.
const mostReserve = 5000

// Load reads model and data and checks that they fit each other. Of the data,
// only the images that are looked at are decoded.
func Load(o Options) (*Workload, error) {
	w, _, err := Open(o)
	return w, err
}

// Open is Load for those who need the rest of the data, too.
func Open(o Options) (*Workload, *dataset.Data, error) {
	w := &Workload{}
	var err error
	if w.Graph, w.Model, err = LoadModel(o.Model); err != nil {
		return nil, nil, err
	}
	data, err := OpenData(o.Model, o.Data, w.Graph, o.DataOptions)
	if err != nil {
		return nil, nil, err
	}
	w.Data = store.Source{Name: data.Name, Path: data.Path, SHA256: data.SHA256, Mean: data.Train.Mean, Std: data.Train.Std}
	splits, err := data.Split(o.Seed, data.SizesFor(o.Images, calibrationImages(w.Graph)))
	if err != nil {
		return nil, nil, err
	}
	validation, err := data.Train.Load(splits.Validation)
	if err != nil {
		return nil, nil, err
	}
	w.Validation = All(validation)
	if n := min(len(splits.Reserve), mostReserve); n > 0 {
		w.Reserve = Selection{data.Train, splits.Reserve[:n]}
	}
	if w.Calibration, err = gather(data.Train, splits.Calibration); err != nil {
		return nil, nil, err
	}
	if w.Sensitivity, err = gather(data.Train, splits.Sensitivity); err != nil {
		return nil, nil, err
	}
	return w, data, nil
}

// Normalization is what a file of the model, compressed, tells of how its images are normalized.
func (w *Workload) Normalization() []onnx.Property {
	return onnx.Normalization{Mean: w.Data.Mean, Std: w.Data.Std}.Properties()
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

// ModelSize is how many bytes a model's file has.
func ModelSize(path string) (int, error) {
	if path == Demo {
		return len(demo.ModelFile()), nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, fmt.Errorf("read the model: %w", err)
	}
	return int(info.Size()), nil
}

// LoadModel reads an ONNX file, or the built-in model.
func LoadModel(path string) (*graph.Graph, store.Source, error) {
	if path == Demo {
		g, err := demo.Model()
		if err != nil {
			return nil, store.Source{}, fmt.Errorf("load the built-in model: %w", err)
		}
		return g, store.Source{Name: demo.ModelName, Path: Demo, SHA256: hash(demo.ModelFile())}, nil
	}
	content, err := readModel(path)
	if err != nil {
		return nil, store.Source{}, err
	}
	g, err := onnx.Decode(content)
	if err != nil {
		return nil, store.Source{}, fmt.Errorf("model %s: %w", path, err)
	}
	name := filepath.Base(path)
	return g, store.Source{Name: name[:len(name)-len(filepath.Ext(name))], Path: path, SHA256: hash(content)}, nil
}

// ModelHash is the SHA-256 of a model's file, hexadecimal.
func ModelHash(path string) (string, error) {
	content, err := readModel(path)
	if err != nil {
		return "", err
	}
	return hash(content), nil
}

func readModel(path string) ([]byte, error) {
	content, err := onnx.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the model: %w", err)
	}
	return content, nil
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// OpenData opens data in the form that a model takes, whose file may tell how to normalize them.
func OpenData(model, path string, g *graph.Graph, o DataOptions) (*dataset.Data, error) {
	o, err := o.orOfModel(model)
	if err != nil {
		return nil, err
	}
	var data *dataset.Data
	if path == Demo {
		data = demo.Data()
	} else {
		data, err = dataset.OpenFor(path, dataset.Options{Shape: g.Values[g.Input].Shape, Mean: o.Mean, Std: o.Std, Resize: o.Resize})
		if err != nil {
			return nil, err
		}
	}
	return data, fits(g, data)
}

// orOfModel takes from the metadata of the model's file how to normalize images where the options leave it open.
func (o DataOptions) orOfModel(path string) (DataOptions, error) {
	if path == Demo || len(o.Mean) > 0 && len(o.Std) > 0 {
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
