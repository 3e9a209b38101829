package structure

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"galen/hw/graph"
)

// File is a policy in full: what it asked for and what applying it gave, enough to do the
// same to the network in another framework. docs/policy.md describes it.
type File struct {
	Format   string      `json:"galen"`            // FileFormat
	Model    string      `json:"model,omitempty"`  // name
	SHA256   string      `json:"sha256,omitempty"` // of the original ONNX file
	Run      string      `json:"run,omitempty"`
	Episode  int         `json:"episode,omitempty"`
	Accuracy float64     `json:"accuracy"`                // top-1 on the validation images, in [0,1]
	Ratio    float64     `json:"latency_ratio,omitempty"` // latency ÷ the original's; 0: not measured
	Layers   []FileLayer `json:"layers,omitempty"`
}

// FileFormat is what File.Format says. "policy 1" had neither sparsity nor inputs nor scales.
const FileFormat = "policy 2"

// FileLayer is one layer of a File.
type FileLayer struct {
	Name           string    `json:"name"`                   // as in the original ONNX file
	Channels       int       `json:"channels"`               // output channels of the original
	Kept           []int     `json:"kept,omitempty"`         // those left, as indices into the original's
	Inputs         []int     `json:"inputs,omitempty"`       // input channels (features) left, likewise
	Groups         int       `json:"groups,omitempty"`       // of a grouped convolution: groups left
	Sparsity       float64   `json:"sparsity"`               // asked for; channels are rounded to multiples
	WeightBits     int       `json:"weight_bits"`            // 32: float
	ActivationBits int       `json:"activation_bits"`        // of the layer's input; 32: float
	WeightScale    []float32 `json:"weight_scale,omitempty"` // per kept channel: real = scale · integer
	Activation     *Affine   `json:"activation,omitempty"`   // of the layer's input
}

// Affine says what the integers of a tensor stand for: real = Scale·(integer − Zero).
type Affine struct {
	Scale float32 `json:"scale"`
	Zero  uint8   `json:"zero_point"`
}

// NewFile describes what a policy made of a graph with this structure: the compressed graph, and the output
// channels kept of every layer. What was compressed, and how well it does, is for the caller to fill in.
func NewFile(s *Structure, p Policy, compressed *graph.Graph, kept [][]int) *File {
	applied := slices.Clone(p)
	for l := range applied {
		applied[l].Kept = kept[l]
	}
	_, removed := s.listed(applied)
	f := &File{Format: FileFormat, Layers: make([]FileLayer, len(s.Layers))}
	nodes := compressed.Layers()
	for l, info := range s.Layers {
		n := &compressed.Nodes[nodes[l]]
		layer := FileLayer{
			Name: info.Layer, Channels: info.Channels, Kept: kept[l],
			Inputs:   s.positions(s.Graph.Nodes[info.Node].Inputs[0], removed),
			Sparsity: p[l].Sparsity, WeightBits: p[l].WeightBits, ActivationBits: p[l].ActivationBits,
			WeightScale: n.Weight().Scale,
		}
		if c, ok := n.Op.(*graph.Conv); ok && s.Graph.Nodes[info.Node].Op.(*graph.Conv).Groups > 1 {
			layer.Groups = c.Groups
		}
		if q := compressed.Values[n.Inputs[0]].Quant; q != nil && n.Weight().Quantized() {
			layer.Activation = &Affine{q.Scale, q.Zero}
		}
		f.Layers[l] = layer
	}
	return f
}

// Encode writes the file as JSON, one layer a line.
func (f *File) Encode() ([]byte, error) {
	header := *f
	header.Layers = nil
	data, err := json.MarshalIndent(header, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding a policy: %w", err)
	}
	out := bytes.NewBuffer(bytes.TrimSuffix(data, []byte("\n}")))
	out.WriteString(",\n  \"layers\": [")
	for l := range f.Layers {
		line, err := json.Marshal(&f.Layers[l])
		if err != nil {
			return nil, fmt.Errorf("encoding a policy: layer %q: %w", f.Layers[l].Name, err)
		}
		if l > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n    ")
		out.Write(line)
	}
	out.WriteString("\n  ]\n}\n")
	return out.Bytes(), nil
}

// ParseFile reads a File, refusing fields it does not know and numbers that contradict each other.
func ParseFile(data []byte) (*File, error) {
	f := &File{}
	if err := decode(data, f); err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	if f.Format != FileFormat && f.Format != "policy 1" {
		return nil, fmt.Errorf("reading a policy: its \"galen\" is %q; this galen reads %q", f.Format, FileFormat)
	}
	for i := range f.Layers {
		if err := f.Layers[i].check(); err != nil {
			return nil, fmt.Errorf("reading a policy: layer %q: %w", f.Layers[i].Name, err)
		}
	}
	return f, nil
}

func (l *FileLayer) check() error {
	if l.Kept != nil {
		if err := ascending(l.Kept, l.Channels); err != nil {
			return fmt.Errorf("kept channels: %w", err)
		}
	}
	if l.Inputs != nil {
		if err := ascending(l.Inputs, math.MaxInt); err != nil {
			return fmt.Errorf("inputs: %w", err)
		}
	}
	if l.WeightScale != nil && len(l.WeightScale) != len(l.Kept) {
		return fmt.Errorf("%d weight scales for %d kept channels", len(l.WeightScale), len(l.Kept))
	}
	for _, scale := range l.WeightScale {
		if !(scale > 0) {
			return fmt.Errorf("weight scale %v is not positive", scale)
		}
	}
	if l.Activation != nil && !(l.Activation.Scale > 0) {
		return fmt.Errorf("activation scale %v is not positive", l.Activation.Scale)
	}
	return nil
}

// Policy is what to do to the layers. Scales are not part of it: they follow from the
// calibration images, anew each time.
func (f *File) Policy() Policy {
	p := make(Policy, len(f.Layers))
	for i, l := range f.Layers {
		p[i] = LayerPolicy{Layer: l.Name, Sparsity: l.Sparsity, WeightBits: l.WeightBits, ActivationBits: l.ActivationBits, Kept: l.Kept}
	}
	return p
}
