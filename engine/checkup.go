package engine

import (
	"context"
	"errors"
	"fmt"

	"galen/engine/compress"
	"galen/engine/onnx"
	"galen/engine/records"
	"galen/hw"
	"galen/store"
)

// Checkup is what was found out about settings before a run: that model, data and device
// work together, and what a search would start from.
type Checkup struct {
	Model, Data store.Source
	Images      int     // for validation
	Layers      []Layer // with what may be done to them
	Accuracy    float64 // of the original model, top-1 in [0,1]
	LatencyMS   float64 // of the original model
	LatencyMAD  float64 // median absolute deviation, milliseconds
	Flags       []string
	Device      hw.Fingerprint
}

// Checkup tries settings out: it reads model and data, scores the original model and times
// it on the device. It refuses while a search works, whose measurements it would spoil.
func (w *Workbench) Checkup(ctx context.Context, s Settings) (*Checkup, error) {
	if w.Working() {
		return nil, errors.New("a search is working, and its measurements must not be disturbed: pause it first")
	}
	s, err := s.Resolved()
	if err != nil {
		return nil, err
	}
	load, err := loadWorkload(s)
	if err != nil {
		return nil, err
	}
	if err := suitsModel(s.Base, load); err != nil {
		return nil, err
	}
	structure, err := compress.Analyze(load.graph)
	if err != nil {
		return nil, err
	}
	c := &Checkup{Model: load.model, Data: load.data, Images: load.validation.len(), Layers: records.Describe(load.graph, structure.Layers)}
	accuracy, err := evaluate(ctx, load.graph, load.validation)
	if err != nil {
		return nil, fmt.Errorf("evaluate the original model: %w", err)
	}
	c.Accuracy = accuracy.top1
	device, err := hw.Open(s.Device, load.graph, hw.Options{EncodeONNX: onnx.Encode})
	if err != nil {
		return nil, fmt.Errorf("open the device: %w", err)
	}
	defer device.Close()
	m, err := device.Measure(ctx, load.graph)
	if err != nil {
		return nil, fmt.Errorf("time the original model: %w", err)
	}
	c.LatencyMS, c.LatencyMAD, c.Flags, c.Device = m.Reference.Median, m.Reference.MAD, m.Flags, device.Fingerprint()
	return c, nil
}
