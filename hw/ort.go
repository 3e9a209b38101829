package hw

import (
	"errors"
	"fmt"

	"galen/hw/graph"
)

// Optimization is how far ONNX Runtime rewrites a model before it runs it. The numbers are the library's.
type Optimization int32

const (
	OptimizeNothing  Optimization = 0
	OptimizeBasic    Optimization = 1
	OptimizeExtended Optimization = 2
	OptimizeAll      Optimization = 99
)

// newORT is ONNX Runtime on this machine's processor, from its shared library.
func newORT(library string, l Load, o Options) (*backend, error) {
	if o.EncodeONNX == nil {
		return nil, errors.New("device ort: needs a way to write ONNX models and was given none")
	}
	api, err := loadORT(library)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime from %s: %w", library, err)
	}
	prepare := func(g *graph.Graph) (program, error) {
		model, err := o.EncodeONNX(g)
		if err != nil {
			return nil, fmt.Errorf("write the network as ONNX: %w", err)
		}
		s, err := api.session(model, batchShape(g, g.Input, l.Batch), batchShape(g, g.Output, l.Batch), l.Threads, OptimizeAll)
		if err != nil {
			return nil, fmt.Errorf("ONNX Runtime %s: %w", api.version, err)
		}
		return s, nil
	}
	f := machine("")
	f.Device, f.Runtime = ortPrefix+library, "ONNX Runtime "+api.version
	return &backend{f, prepare, api.close}, nil
}

// batchShape is the shape of a value for a batch of images.
func batchShape(g *graph.Graph, id graph.ValueID, batch int) []int64 {
	shape := []int64{int64(batch)}
	for _, d := range g.Values[id].Shape {
		shape = append(shape, int64(d))
	}
	return shape
}
