package engine

import (
	"context"
	"errors"
	"fmt"

	"galen/engine/compress/structure"
	"galen/engine/onnx"
	"galen/engine/records"
	"galen/engine/workload"
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
	load, err := workload.Load(s.workload())
	if err != nil {
		return nil, err
	}
	if err := suitsModel(s.Base, load); err != nil {
		return nil, err
	}
	channels, err := structure.Analyze(load.Graph)
	if err != nil {
		return nil, err
	}
	c := &Checkup{Model: load.Model, Data: load.Data, Images: load.Validation.Len(), Layers: records.Describe(load.Graph, channels.Layers)}
	accuracy, err := workload.Evaluate(ctx, load.Graph, load.Validation)
	if err != nil {
		return nil, fmt.Errorf("evaluate the original model: %w", err)
	}
	c.Accuracy = accuracy.Top1
	device, err := hw.Open(s.Device, load.Graph, hw.Options{EncodeONNX: onnx.Encode})
	if err != nil {
		return nil, fmt.Errorf("open the device: %w", err)
	}
	defer device.Close()
	m, err := device.Measure(ctx, load.Graph)
	if err != nil {
		return nil, fmt.Errorf("time the original model: %w", err)
	}
	c.LatencyMS, c.LatencyMAD, c.Flags, c.Device = m.Reference.Median, m.Reference.MAD, m.Flags, device.Fingerprint()
	return c, nil
}
