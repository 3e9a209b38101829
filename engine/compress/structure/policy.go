package structure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"galen/hw/graph"
)

// LayerPolicy says how one layer is compressed.
type LayerPolicy struct {
	Layer          string  `json:"layer"`           // the layer's name, as in the model
	Sparsity       float64 `json:"sparsity"`        // share of output channels to remove, in [0,1)
	WeightBits     int     `json:"weight_bits"`     // 1–8, or 32 for float
	ActivationBits int     `json:"activation_bits"` // of the layer's input: 1–8, or 32 for float

	// Kept lists the output channels that stay, ascending; then the sparsity says nothing.
	// nil: the least important ones leave, as many as the sparsity asks for.
	Kept []int `json:"kept,omitempty"`
}

// Float tells whether the layer computes in floating point.
func (p LayerPolicy) Float() bool { return p.WeightBits == graph.FloatBits }

// Policy says how every layer of a graph is compressed, one entry per layer in
// execution order. Its JSON form is an array of objects, one per layer, or a File:
//
//	[{"layer": "conv1", "sparsity": 0.25, "weight_bits": 8, "activation_bits": 8}, …]
//
// Layers that are pruned together take the sparsity of their group's root; the
// others' entries say the same or 0. If one of them lists its channels, the others
// may leave that out or must agree.
type Policy []LayerPolicy

// ParsePolicy reads a policy from its JSON form, the array or a File, refusing fields
// it does not know. Whether it suits a graph is for Validate to tell.
func ParsePolicy(data []byte) (Policy, error) {
	if d := bytes.TrimLeft(data, " \t\r\n"); len(d) > 0 && d[0] == '{' {
		f, err := ParseFile(data)
		if err != nil {
			return nil, err
		}
		return f.Policy(), nil
	}
	var p Policy
	if err := decode(data, &p); err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	return p, nil
}

// decode reads one JSON value, refusing fields that do not belong to it.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its end")
	}
	return nil
}

// Uniform is the policy that removes the same share of channels from every layer that
// can lose some and gives all the same bits (graph.FloatBits: float). The classifier is given 8 bits
// where fewer are asked for. The graph must be valid.
func Uniform(g *graph.Graph, sparsity float64, bits int) Policy {
	return analyze(g).Uniform(sparsity, bits)
}

// Uniform is the package's Uniform for a graph that was analyzed before.
func (s *Structure) Uniform(sparsity float64, bits int) Policy {
	p := make(Policy, len(s.Layers))
	for l, info := range s.Layers {
		p[l] = LayerPolicy{Layer: info.Layer, WeightBits: bits, ActivationBits: bits}
		if info.Prunable {
			p[l].Sparsity = sparsity
		}
		if !info.MayMix && bits < 8 {
			p[l].WeightBits, p[l].ActivationBits = 8, 8
		}
	}
	return p
}
