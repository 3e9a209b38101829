package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"galen/engine/compress"
	"galen/engine/onnx"
	"galen/engine/wholefile"
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
	settings, load, err := reload(s.Run)
	if err != nil {
		return nil, err
	}
	load.layers = w.layers()
	compressor, err := newCompressor(load, settings)
	if err != nil {
		return nil, err
	}
	policy := policyOf(e)
	compressed, err := compressor.Compress(ctx, policy)
	if err != nil {
		return nil, fmt.Errorf("compress by episode %d: %w", e.Number, err)
	}
	if onnxPath != "" {
		if err := onnx.Save(onnxPath, compressed.Graph); err != nil {
			return nil, err
		}
	}
	if policyPath != "" {
		if err := savePolicy(policyPath, s, e, compressed); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// policyOf is the policy an episode tried.
func policyOf(e *store.Episode) compress.Policy {
	policy := make(compress.Policy, len(e.Layers))
	for i, l := range e.Layers {
		policy[i] = compress.LayerPolicy{Layer: l.Name, Sparsity: l.Asked, WeightBits: l.WeightBits, ActivationBits: l.ActivationBits}
	}
	return policy
}

// policyFile is what the policy file holds.
type policyFile struct {
	Galen    string        `json:"galen"` // version of this format
	Model    string        `json:"model"`
	SHA256   string        `json:"sha256"` // of the original ONNX file
	Run      string        `json:"run"`
	Episode  int           `json:"episode"`
	Accuracy float64       `json:"accuracy"`
	Ratio    float64       `json:"latency_ratio"`
	Layers   []policyLayer `json:"layers"`
}

// policyLayer is one layer of the policy file.
type policyLayer struct {
	Name           string `json:"name"` // as in the original ONNX file
	Channels       int    `json:"channels"`
	Kept           []int  `json:"kept"`            // output channels left, as indices into the original's
	WeightBits     int    `json:"weight_bits"`     // 32: float
	ActivationBits int    `json:"activation_bits"` // of the layer's input; 32: float
}

// savePolicy writes the policy through a temporary file, so that there is never half a one.
func savePolicy(path string, s *Snapshot, e *store.Episode, r *compress.Result) error {
	file := policyFile{
		Galen: "policy 1", Model: s.Run.Model.Name, SHA256: s.Run.Model.SHA256,
		Run: s.Run.ID, Episode: e.Number, Accuracy: e.Accuracy, Ratio: e.LatencyRatio,
	}
	for i, l := range e.Layers {
		file.Layers = append(file.Layers, policyLayer{l.Name, l.Channels, r.Kept[i], l.WeightBits, l.ActivationBits})
	}
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(file); err != nil {
		return fmt.Errorf("encode the policy: %w", err)
	}
	return wholefile.Write(path, content.Bytes())
}
