//go:build static || !((linux || darwin) && (amd64 || arm64))

package hw

import (
	"errors"

	"galen/hw/graph"
)

// ortAPI and ortSession stand for what this build cannot load.
type (
	ortAPI     struct{ version string }
	ortSession struct{ program }
)

func loadORT(string) (*ortAPI, error) {
	return nil, errors.New("this build of galen cannot load libraries; use one for Linux or macOS that was built without the tag static")
}

func (*ortAPI) session([]byte, []int64, []int64, int, Optimization) (*ortSession, error) {
	return nil, errors.ErrUnsupported
}

func (*ortAPI) close() {}

// Inference would be an ONNX model in ONNX Runtime.
type Inference struct{}

// OpenInference says that this build cannot load ONNX Runtime.
func OpenInference(library string, _ []byte, _, _ graph.Shape, _ Optimization) (*Inference, error) {
	_, err := loadORT(library)
	return nil, err
}

// Run is never reached.
func (*Inference) Run(_, _ []float32, _ int) error { return errors.ErrUnsupported }

// Close is never reached.
func (*Inference) Close() {}
