package engine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"galen/engine/compress"
	"galen/engine/compress/structure"
	"galen/engine/onnx"
	"galen/engine/planner"
	"galen/engine/records"
	"galen/hw"
	"galen/store"
)

// prepare brings a search to where episodes can run: it opens the device, evaluates the
// original model, and makes a planner, which takes the sensitivities of the layers.
// What an earlier session found is taken from the store.
func (s *Search) prepare(ctx context.Context) error {
	s.begins("calibrating")
	g := s.workload.Graph
	var err error
	if s.compressor, err = newCompressor(s.workload, s.settings, s.solved); err != nil {
		return err
	}
	s.layers = records.Describe(g, s.compressor.Layers())
	s.begins("opening the device")
	if s.device, err = hw.Open(s.settings.Device, g, hw.Options{EncodeONNX: onnx.Encode}); err != nil {
		return fmt.Errorf("open the device: %w", err)
	}
	s.fingerprint = s.device.Fingerprint()
	s.note(logInfo, "measured on %s", s.fingerprint)
	if err := s.boundary(ctx); err != nil {
		return err
	}
	if err := s.evaluateOriginal(ctx); err != nil {
		return err
	}
	if err := s.boundary(ctx); err != nil {
		return err
	}
	if s.planner, err = s.newPlanner(ctx); err != nil {
		return err
	}
	if s.state == Preparing {
		s.state = Running
	}
	return nil
}

// evaluateOriginal scores and times the original model, once per run.
func (s *Search) evaluateOriginal(ctx context.Context) error {
	if s.reference == nil {
		r, err := s.evaluator.original(ctx, s.begins)
		if err != nil {
			return err
		}
		if err := s.retry(ctx, "the original's evaluation", func() error { return s.db.SetReference(s.run.ID, r) }); err != nil {
			return err
		}
		s.reference = r
		s.note(logInfo, "the original classifies %.2f %% right, in %.4g ms", 100*r.Accuracy, r.LatencyMS)
	}
	s.publish()
	return nil
}

// newPlanner makes the planner, in the state of the run's latest checkpoint if it has one.
// A fork from an earlier episode has none: its agent learns from the episodes anew.
func (s *Search) newPlanner(ctx context.Context) (*planner.Planner, error) {
	p, err := planner.New(ctx, planner.Options{
		Settings: &s.settings.Settings, Progress: &s.progress.Progress,
		Budget: s.run.Budget, // as it is stored, since it would be this if the run were interrupted now
		Round:  s.round,
		Layers: records.Layers(s.workload.Graph, s.layers), Original: records.Original(s.reference),
		Sizes: s.compressor.Sizes, Sensitivities: s.sensitivities,
	})
	if err != nil || len(s.episodes) == 0 {
		return p, err
	}
	var finished []planner.Episode
	for _, e := range s.episodes {
		finished = append(finished, records.Episode(e))
	}
	checkpoint, err := store.Optional(s.db.Checkpoint(s.run.ID))
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint: %w", err)
	}
	if checkpoint == nil {
		return p, p.Relearn(ctx, finished, func(done int) {
			s.doing("learning from the episodes so far", done, len(finished))
		})
	}
	return p, p.Resume(checkpoint, finished)
}

// sensitivities are how much each layer's compression changes the output of the network that the base makes, which
// the store may know; see [planner.Sensitivities].
func (s *Search) sensitivities(ctx context.Context, base structure.Policy, probes []compress.Probe) ([]compress.Curve, error) {
	name, err := nameOfProbes(base, probes)
	if err != nil {
		return nil, err
	}
	stored, err := store.Optional(s.db.Layers(s.run.ID))
	if err != nil {
		return nil, err
	}
	if stored == nil || stored[0].Sensitivity.Around != name {
		began := s.clock.read()
		curves, err := s.measureSensitivities(ctx, base, probes)
		if err != nil {
			return nil, err
		}
		stored = slices.Clone(s.layers)
		for l, c := range curves {
			stored[l].Sensitivity = records.Sensitivity(c, name)
		}
		if err := s.retry(ctx, "what was found out about the layers", func() error { return s.db.SetLayers(s.run.ID, stored) }); err != nil {
			return nil, err
		}
		s.note(logInfo, "the sensitivity of %d layers took %.1f s", len(curves), (s.clock.read() - began).Seconds())
	}
	s.layers = stored
	s.publish()
	return records.Curves(stored), nil
}

// nameOfProbes names what sensitivities were measured at; empty: in the original network at the usual levels.
func nameOfProbes(base structure.Policy, probes []compress.Probe) (string, error) {
	if probes == nil {
		return "", nil
	}
	content, err := json.Marshal([]any{base, probes})
	if err != nil {
		return "", fmt.Errorf("name the sensitivities: %w", err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(content))[:16], nil
}

func (s *Search) measureSensitivities(ctx context.Context, base structure.Policy, probes []compress.Probe) ([]compress.Curve, error) {
	m := s.workload.Sensitivity
	progress := func(done, total int) error {
		s.doing("sensitivity", done, total)
		return s.boundary(ctx)
	}
	if probes == nil {
		return s.compressor.Sensitivity(ctx, m.Pixels, m.Len(), s.settings.MaxBits, progress)
	}
	return s.compressor.SensitivityAround(ctx, base, probes, m.Pixels, m.Len(), progress)
}
