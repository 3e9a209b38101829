package oneshot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"galen/engine/dataset"
	"galen/engine/onnx"
	"galen/engine/workload"
	"galen/hw"
	"galen/hw/graph"
)

// Evaluation is a model's accuracy on a set of images.
type Evaluation struct {
	Images          int     `json:"images"`
	Top1            float64 `json:"top1"` // shares, in [0,1]
	Top5            float64 `json:"top5"`
	ImagesPerSecond float64 `json:"images_per_second"`
}

// Evaluate measures the accuracy of an ONNX model, "demo" for the built-in one, on the
// named split of the data: test, validation (the images a search judges by, with its usual settings), held-out
// (all that validation images are drawn from) or train (all training records). Images
// are read as the model runs, so that a data set of any size takes little memory.
//
// It runs in galen's own runtime, "local", or in ONNX Runtime, "ort:LIBRARY", from its
// shared library, which is given the model as galen would export it.
func Evaluate(ctx context.Context, on, model, data, split string, o workload.DataOptions) (Evaluation, error) {
	if on != "local" && !strings.HasPrefix(on, "ort:") {
		return Evaluation{}, fmt.Errorf("runtime %q is unknown; choose local or ort:LIBRARY", on)
	}
	g, _, err := workload.LoadModel(model)
	if err != nil {
		return Evaluation{}, err
	}
	d, err := workload.OpenData(model, data, g, o)
	if err != nil {
		return Evaluation{}, err
	}
	m, err := splitOf(d, split)
	if err != nil {
		return Evaluation{}, err
	}
	start := time.Now()
	s, err := evaluateOn(ctx, on, g, m)
	if err != nil {
		return Evaluation{}, err
	}
	return Evaluation{m.Len(), s.Top1, s.Top5, float64(m.Len()) / time.Since(start).Seconds()}, nil
}

func evaluateOn(ctx context.Context, on string, g *graph.Graph, m workload.Pictures) (workload.Score, error) {
	library, ok := strings.CutPrefix(on, "ort:")
	if !ok {
		return workload.Evaluate(ctx, g, m)
	}
	model, err := onnx.Encode(g)
	if err != nil {
		return workload.Score{}, err
	}
	input, output := g.Values[g.Input].Shape, g.Values[g.Output].Shape
	f, err := hw.OpenInference(library, model, input, output, hw.OptimizeAll)
	if err != nil {
		return workload.Score{}, err
	}
	defer f.Close()
	return workload.EvaluateBy(func(outputs, images []float32, n int) error {
		return errors.Join(ctx.Err(), f.Run(outputs, images, n))
	}, input.Elements(), output.Elements(), m)
}

func splitOf(d *dataset.Data, split string) (workload.Pictures, error) {
	switch split {
	case "test":
		if d.Test == nil {
			return nil, fmt.Errorf("%s has no test images; try --split validation or --split held-out", d.Name)
		}
		return workload.All(d.Test), nil
	case "train":
		return workload.All(d.Train), nil
	case "held-out":
		if d.HoldOut == 0 {
			return nil, fmt.Errorf("%s has no validation images of its own; try --split validation, which takes some of the training records", d.Name)
		}
		return workload.Selection{Set: d.Train, Indices: d.Train.Indices()[d.Train.Len()-d.HoldOut:]}, nil
	case "validation":
		splits, err := d.Split(workload.UsualSeed, d.SizesFor(workload.UsualImages, dataset.DefaultCalibration))
		if err != nil {
			return nil, err
		}
		return workload.Selection{Set: d.Train, Indices: splits.Validation}, nil
	}
	return nil, fmt.Errorf("split %q is unknown; choose test, validation, held-out or train", split)
}
