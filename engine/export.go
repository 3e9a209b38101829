package engine

import (
	"context"
	"fmt"

	"galen/engine/compress"
	"galen/engine/compress/structure"
	"galen/engine/onnx"
	"galen/engine/records"
	"galen/engine/wholefile"
	"galen/engine/workload"
	"galen/hw"
	"galen/store"
)

// Export writes the network of an episode (0: the best) as ONNX, its policy as JSON,
// or both; an empty path leaves that file out. The network is compressed anew,
// which gives the same numbers as during the search.
func (w *Workbench) Export(ctx context.Context, nameOrID string, number int, onnxPath, policyPath string) (*store.Episode, error) {
	s, e, err := w.Episode(nameOrID, number)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, fmt.Errorf("run %s has no finished episode to export", s.Run.Name)
	}
	if err := wholefile.CheckOutputs([]string{onnxPath, policyPath}, []string{s.Run.Model.Path, s.Run.Data.Path}); err != nil {
		return nil, err
	}
	policy := records.PolicyOf(e)
	load, channels, compressed, err := w.compressAnew(ctx, s.Run, policy)
	if err != nil {
		return nil, fmt.Errorf("compress by episode %d: %w", e.Number, err)
	}
	if onnxPath != "" {
		if err := onnx.Save(onnxPath, compressed.Graph, load.Normalization()...); err != nil {
			return nil, err
		}
	}
	if policyPath != "" {
		if err := savePolicy(policyPath, s, e, structure.NewFile(channels, policy, compressed.Graph, compressed.Kept)); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// compressAnew compresses a run's network by a policy. A search that may be under way in this process
// does not measure meanwhile.
func (w *Workbench) compressAnew(ctx context.Context, run *store.Run, policy structure.Policy) (*workload.Workload, *structure.Structure, *compress.Result, error) {
	defer hw.HoldMeasurements()()
	settings, load, err := reload(run)
	if err != nil {
		return nil, nil, nil, err
	}
	compressor, err := newCompressor(load, settings, w.layers())
	if err != nil {
		return nil, nil, nil, err
	}
	compressed, err := compressor.Compress(ctx, policy)
	return load, compressor.Structure(), compressed, err
}

// savePolicy writes what an episode's policy made of the network.
func savePolicy(path string, s *Snapshot, e *store.Episode, f *structure.File) error {
	f.Model, f.SHA256, f.Run, f.Episode = s.Run.Model.Name, s.Run.Model.SHA256, s.Run.ID, e.Number
	f.Accuracy, f.Ratio = e.Accuracy, e.LatencyRatio
	content, err := f.Encode()
	if err != nil {
		return err
	}
	return wholefile.Write(path, content)
}
