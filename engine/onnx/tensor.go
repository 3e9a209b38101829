package onnx

import (
	"fmt"
)

// Tensor is a tensor of real numbers, last index fastest.
type Tensor struct {
	Name  string // may be empty
	Shape []int
	Data  []float32
}

// LoadTensor reads the TensorProto file at path, as ONNX's conformance cases hold inputs and expected
// outputs. It refuses tensors that are not floating point.
func LoadTensor(path string) (*Tensor, error) {
	data, err := ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read tensor: %w", err)
	}
	t, err := decodeTensor(data)
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", path, err)
	}
	return t, nil
}

// decodeTensor reads a TensorProto message.
func decodeTensor(data []byte) (*Tensor, error) {
	var p tensorProto
	if err := (&wireReader{messages: maxMessages}).tensor(data, &p); err != nil {
		return nil, fmt.Errorf("not an ONNX tensor, or a damaged one: %w", err)
	}
	c, err := p.constant()
	if err != nil {
		return nil, err
	}
	if c.typ != typeFloat {
		return nil, fmt.Errorf("holds %s; galen takes float32", c.typ)
	}
	return &Tensor{Name: p.name, Shape: c.shape, Data: c.floats}, nil
}
