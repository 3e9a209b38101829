// Package onnx reads ONNX files into graphs and writes graphs as ONNX files.
//
// Import takes what PyTorch, tf2onnx and Keras write for image classifiers: opsets
// [MinOpset] to [MaxOpset], one float32 input [N,C,H,W] or [N,features] (or channels-last, if
// all that reads it transposes it first), one output. Arithmetic on constants and on
// shapes is folded; reshapes and transposes are followed and become operators only where an
// operator reads what they make. The batch dimension, fixed or symbolic, is left out of the graph. A
// model that a [graph.Graph] cannot express is refused with an [UnsupportedError] that names every
// offending node. Quantized models are read from QuantizeLinear/DequantizeLinear pairs.
//
// Export writes opset 13, or 19 where a graph averages over dilated windows. Quantized values
// become QuantizeLinear/DequantizeLinear pairs as ONNX Runtime's static quantization writes them, so that its integer kernels run them.
// Weights of four bits and fewer are packed into bytes; docs/export.md describes the files.
//
// Files are untrusted: every size is checked before memory is taken for it.
package onnx

import (
	"errors"
	"fmt"
	"io"
	"os"

	"galen/engine/wholefile"
	"galen/hw/graph"
)

// Opsets of the default ONNX domain that import understands. Exporters in use write 7 and later; 6, which
// differs in explicit broadcasting, is what ONNX's conformance cases from PyTorch are written in.
const (
	MinOpset = 6
	MaxOpset = 21
)

// maxFile is the largest file ReadFile reads: protobuf cannot address more.
const maxFile = 1<<31 - 1

// Load reads the ONNX model at path.
func Load(path string) (*graph.Graph, error) {
	data, err := ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read ONNX model: %w", err)
	}
	g, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// ReadFile reads the file at path for Decode. It refuses what cannot be an ONNX file before it
// takes memory for it.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes; an ONNX file has at most %d", path, info.Size(), maxFile)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// Decode reads an ONNX model. The graph does not share memory with data.
func Decode(data []byte) (*graph.Graph, error) {
	if len(data) == 0 {
		return nil, errors.New("not an ONNX model: empty")
	}
	m, err := readModel(data)
	if err != nil {
		return nil, err
	}
	return importModel(m)
}

// Save writes the graph to path as ONNX, with the metadata. The file appears whole or not at all: it is
// written beside its place and renamed.
func Save(path string, g *graph.Graph, metadata ...Property) error {
	data, err := EncodeWith(g, metadata...)
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	if err := wholefile.Write(path, data); err != nil {
		return fmt.Errorf("save ONNX model: %w", err)
	}
	return nil
}

// Encode writes the graph as an ONNX model.
func Encode(g *graph.Graph) ([]byte, error) { return EncodeWith(g) }

// EncodeWith writes the graph as an ONNX model with metadata.
func EncodeWith(g *graph.Graph, metadata ...Property) ([]byte, error) {
	m, err := exportModel(g)
	if err != nil {
		return nil, err
	}
	m.metadata = append(m.metadata, metadata...)
	return m.append(nil), nil
}
