package engine

import (
	"context"
	"fmt"
	"time"

	"galen/engine/dataset"
)

// Evaluation is a model's accuracy on a set of images.
type Evaluation struct {
	Images          int     `json:"images"`
	Top1            float64 `json:"top1"` // shares, in [0,1]
	Top5            float64 `json:"top5"`
	ImagesPerSecond float64 `json:"images_per_second"`
}

// Evaluate measures the accuracy of an ONNX model, "demo" for the built-in one, on the
// named split of the data: test, validation (the images a search judges by), held-out
// (all that validation images are drawn from) or train (all training records). Images
// are read as the model runs, so that a data set of any size takes little memory.
func Evaluate(ctx context.Context, model, data, split string, o DataOptions) (Evaluation, error) {
	g, _, err := loadModel(Settings{Model: model, Demo: model == demoName})
	if err != nil {
		return Evaluation{}, err
	}
	if o, err = o.orOfModel(model); err != nil {
		return Evaluation{}, err
	}
	d, err := loadData(data, g, o)
	if err != nil {
		return Evaluation{}, err
	}
	m, err := splitOf(d, split)
	if err != nil {
		return Evaluation{}, err
	}
	start := time.Now()
	s, err := evaluate(ctx, g, m)
	if err != nil {
		return Evaluation{}, err
	}
	return Evaluation{m.len(), s.top1, s.top5, float64(m.len()) / time.Since(start).Seconds()}, nil
}

func splitOf(d *dataset.Data, split string) (pictures, error) {
	switch split {
	case "test":
		if d.Test == nil {
			return nil, fmt.Errorf("%s has no test images; try --split validation or --split held-out", d.Name)
		}
		return selection{d.Test, d.Test.Indices()}, nil
	case "train":
		return selection{d.Train, d.Train.Indices()}, nil
	case "held-out":
		if d.HoldOut == 0 {
			return nil, fmt.Errorf("%s has no validation images of its own; try --split validation, which takes some of the training records", d.Name)
		}
		return selection{d.Train, d.Train.Indices()[d.Train.Len()-d.HoldOut:]}, nil
	case "validation":
		splits, err := d.Split(DefaultSettings().Seed, dataset.Sizes{})
		if err != nil {
			return nil, err
		}
		return selection{d.Train, splits.Validation}, nil
	}
	return nil, fmt.Errorf("split %q is unknown; choose test, validation, held-out or train", split)
}
