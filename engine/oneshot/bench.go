package oneshot

import (
	"context"
	"fmt"
	"math/rand/v2"

	"galen/engine/compress"
	"galen/engine/onnx"
	"galen/engine/workload"
	"galen/hw"
	"galen/hw/graph"
)

// BenchSettings say what to time and how.
type BenchSettings struct {
	Devices   []string // as hw.Open takes them, local or ort:LIBRARY; the first is compared with the others
	Precision string   // fp32: as the file says; int8, w4a4: all layers quantized to 8 or 4 bits
	Threads   int
	Batch     int
	Layers    bool // time the layers one by one on local as well
}

// BenchResult is how fast a model runs.
type BenchResult struct {
	*hw.Bench
	Model     string
	Precision string
	OnNoise   bool // quantized with activations calibrated on noise
}

// Bench times an ONNX model, "demo" for the built-in one, on several devices in turn. Where it has to be
// quantized, activations are calibrated on noise: right for speed, useless for accuracy.
func Bench(ctx context.Context, model string, s BenchSettings) (*BenchResult, error) {
	g, source, err := workload.LoadModel(model)
	if err != nil {
		return nil, err
	}
	if g, err = precise(ctx, g, s.Precision); err != nil {
		return nil, err
	}
	b, err := hw.RunBench(ctx, g, s.Devices, hw.BenchOptions{
		Options: hw.Options{EncodeONNX: onnx.Encode}, Load: hw.Load{Threads: s.Threads, Batch: s.Batch}, Layers: s.Layers,
	})
	if err != nil {
		return nil, err
	}
	return &BenchResult{b, source.Name, s.Precision, s.Precision != "fp32"}, nil
}

// calibrationNoise is how many images of noise a network is calibrated on for timing.
const calibrationNoise = 4

// precise is the network in a precision.
func precise(ctx context.Context, g *graph.Graph, precision string) (*graph.Graph, error) {
	var bits int
	switch precision {
	case "fp32":
		return g, nil
	case "int8":
		bits = 8
	case "w4a4":
		bits = 4
	default:
		return nil, fmt.Errorf("precision %q is unknown; choose fp32, int8 or w4a4", precision)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	pixels := make([]float32, calibrationNoise*g.Values[g.Input].Shape.Elements())
	for i := range pixels {
		pixels[i] = float32(rng.NormFloat64())
	}
	c, err := compress.New(g, pixels, calibrationNoise, compress.Options{})
	if err != nil {
		return nil, fmt.Errorf("quantize for %s: %w", precision, err)
	}
	r, err := c.Compress(ctx, c.Structure().Uniform(0, bits))
	if err != nil {
		return nil, fmt.Errorf("quantize for %s: %w", precision, err)
	}
	return r.Graph, nil
}
