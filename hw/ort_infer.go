//go:build !static && (linux || darwin) && (amd64 || arm64)

package hw

import (
	"fmt"
	"runtime"

	"galen/hw/graph"
)

// inferBatch is how many images ONNX Runtime is given at a time.
const inferBatch = 50

// Inference is an ONNX model in ONNX Runtime, for what it computes rather than how fast: on all
// cores and in batches. It is not for concurrent use.
type Inference struct {
	api           *ortAPI
	model         []byte
	input, output graph.Shape
	level         Optimization
	sessions      map[int]*ortSession // by batch size
}

// OpenInference loads ONNX Runtime from a shared library for a model with one input and one
// output of the given shapes, batch left out.
func OpenInference(library string, model []byte, input, output graph.Shape, level Optimization) (*Inference, error) {
	api, err := loadORT(library)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime from %s: %w", library, err)
	}
	f := &Inference{api, model, input, output, level, make(map[int]*ortSession)}
	if _, err := f.session(1); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *Inference) session(batch int) (*ortSession, error) {
	if s := f.sessions[batch]; s != nil {
		return s, nil
	}
	shape := func(s graph.Shape) []int64 {
		dims := []int64{int64(batch)}
		for _, d := range s {
			dims = append(dims, int64(d))
		}
		return dims
	}
	s, err := f.api.session(f.model, shape(f.input), shape(f.output), runtime.GOMAXPROCS(0), f.level)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime %s: %w", f.api.version, err)
	}
	f.sessions[batch] = s
	return s, nil
}

// Run computes the outputs of n images, one after the other, into outputs.
func (f *Inference) Run(outputs, images []float32, n int) error {
	in, out := f.input.Elements(), f.output.Elements()
	for from := 0; from < n; from += inferBatch {
		batch := min(inferBatch, n-from)
		s, err := f.session(batch)
		if err != nil {
			return err
		}
		copy(s.input, images[from*in:])
		if err := s.run(); err != nil {
			return fmt.Errorf("ONNX Runtime %s: %w", f.api.version, err)
		}
		copy(outputs[from*out:], s.output)
	}
	return nil
}

// Close lets go of the model.
func (f *Inference) Close() {
	for _, s := range f.sessions {
		s.close()
	}
	f.api.close()
}
