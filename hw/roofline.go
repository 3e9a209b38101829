package hw

import (
	"context"
	"fmt"

	"galen/hw/graph"
)

// The roofline device's machine: an ARM board of the Cortex-A72 class on one core.
// Rates are per millisecond.
const (
	floatMACs     = 6.0e6 // multiply-accumulates in 32-bit float
	int8MACs      = 4 * floatMACs
	bitOperations = 8 * int8MACs // bit-serial: MACs × weight bits × activation bits
	memoryBytes   = 4.0e6
	layerOverhead = 2.0e-3 // milliseconds per operator
	channelLanes  = 4      // channels are computed in groups of this many
)

// roofline is an analytic device: each layer takes the longer of computing and
// moving its data (Williams et al., 2009). It measures nothing: it is for tests and
// for planning without hardware. Equal graphs always give equal latencies.
type roofline struct {
	reference []LayerTime
	total     float64
}

func newRoofline(reference *graph.Graph) *roofline {
	d := &roofline{}
	d.reference, d.total = estimate(reference)
	return d
}

func (*roofline) Fingerprint() Fingerprint {
	return Fingerprint{Device: "roofline:", CPU: "analytic", Cores: 1, Version: Version()}
}

func (*roofline) Close() error { return nil }

func (d *roofline) Measure(_ context.Context, candidate *graph.Graph) (Measurement, error) {
	layers, total := estimate(candidate)
	if total <= 0 {
		return Measurement{}, fmt.Errorf("graph %q has no operators to time", candidate.Name)
	}
	return Measurement{
		Candidate:       Statistic{Median: total},
		Reference:       Statistic{Median: d.total},
		Ratio:           total / d.total,
		Samples:         []float64{total},
		Layers:          layers,
		ReferenceLayers: d.reference,
	}, nil
}

// MeasureThoroughly is Measure: there is nothing uncertain about it.
func (d *roofline) MeasureThoroughly(ctx context.Context, candidate *graph.Graph) (Measurement, error) {
	return d.Measure(ctx, candidate)
}

// estimate gives each layer's and the whole graph's latency in milliseconds.
func estimate(g *graph.Graph) (layers []LayerTime, total float64) {
	for i := range g.Nodes {
		node := &g.Nodes[i]
		bytes := bytesOf(g, node.Output)
		for _, in := range node.Inputs {
			bytes += bytesOf(g, in)
		}
		kernel, computing := computeTime(g, i)
		if w := node.Weight(); w != nil {
			bytes += float64(w.Elements()*weightBits(w)) / 8
		}
		ms := max(computing, bytes/memoryBytes) + layerOverhead
		total += ms
		if node.Weight() != nil {
			layers = append(layers, LayerTime{Layer: node.Name, Kernel: kernel, MS: ms})
		}
	}
	return layers, total
}

// computeTime is the time a layer's arithmetic takes with the fastest of the
// kernels that can run it.
func computeTime(g *graph.Graph, node int) (kernel string, ms float64) {
	w := g.Nodes[node].Weight()
	if w == nil {
		return "", 0
	}
	lanes := (w.Shape[0] + channelLanes - 1) / channelLanes * channelLanes
	macs := float64(g.MACs(node)) * float64(lanes) / float64(w.Shape[0])
	input := g.Values[g.Nodes[node].Inputs[0]].Quant
	if !w.Quantized() || input == nil {
		return "fp32", macs / floatMACs
	}
	serial := macs * float64(w.Bits*input.Bits) / bitOperations
	if integer := macs / int8MACs; integer <= serial {
		return "int8", integer
	}
	return "bits", serial
}

func weightBits(w *graph.Weight) int {
	if w.Quantized() {
		return w.Bits
	}
	return graph.FloatBits
}

func bytesOf(g *graph.Graph, id graph.ValueID) float64 {
	v := g.Values[id]
	if v.Quant != nil {
		return float64(v.Shape.Elements())
	}
	return 4 * float64(v.Shape.Elements())
}
