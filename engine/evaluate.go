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
// named split of the data: test, validation or train (all training records).
func Evaluate(ctx context.Context, model, data, split string) (Evaluation, error) {
	g, _, err := loadModel(Settings{Model: model, Demo: model == demoName})
	if err != nil {
		return Evaluation{}, err
	}
	d, err := loadData(data)
	if err != nil {
		return Evaluation{}, err
	}
	if err := fits(g, d); err != nil {
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

func splitOf(d *dataset.Data, split string) (images, error) {
	switch split {
	case "test":
		if d.Test == nil {
			return images{}, fmt.Errorf("%s has no test images; try --split validation", d.Name)
		}
		return gather(d.Test, d.Test.Indices()), nil
	case "train":
		return gather(d.Train, d.Train.Indices()), nil
	case "validation":
		splits, err := d.Split(DefaultSettings().Seed, dataset.Sizes{})
		if err != nil {
			return images{}, err
		}
		return gather(d.Train, splits.Validation), nil
	}
	return images{}, fmt.Errorf("split %q is unknown; choose test, validation or train", split)
}
