package compress

import (
	"fmt"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// original is the network before compression, as far as it was observed on the calibration images, and how
// it is to be compressed.
type original struct {
	structure  *structure.Structure
	options    Options
	workers    refit.Workers
	input      *runtime.Batch // the calibration images
	importance []float64      // per channel class
	seen       []observation  // per layer

	before []*refit.Sample // for Sequential alone: per value of the original network; nil: no layer is fitted to it

	// For Independent alone:
	ranges []*refit.Histogram // per value of the original network
	solver *layerSolver
}

// observation is what was seen at a layer of the original network.
type observation struct {
	input  *refit.Histogram // of what it reads
	output refit.Statistics // of what it computes, per channel
}

// observe runs the original network over the calibration images.
func (o *original) observe() error {
	g := o.structure.Graph
	t := refit.NewTrace(g, o.workers.Tracer(), o.input)
	ranks := newRanking(o.structure, o.workers, o.options.Importance, o.importance)
	o.before = make([]*refit.Sample, len(g.Values))
	targets := fitTargets(g)
	remember := func(id graph.ValueID, b *runtime.Batch) {
		if o.options.repairs(Sequential) && targets[id] {
			o.before[id] = refit.SampleOf(o.workers, b)
		}
		if o.options.repairs(Independent) {
			o.ranges[id] = refit.HistogramOf(o.workers, b, o.options.Calibration)
		}
	}
	remember(g.Input, o.input)
	layer := 0
	for i := range g.Nodes {
		n := &g.Nodes[i]
		out, err := t.Compute(i)
		if err != nil {
			return err
		}
		if n.Weight() != nil {
			if err := o.observeLayer(layer, t.Values[n.Inputs[0]], out, ranks); err != nil {
				return err
			}
			layer++
		}
		remember(n.Output, out)
		t.Keep(i, out)
	}
	return nil
}

// observeLayer takes account of what a layer reads and gives.
func (o *original) observeLayer(layer int, input, output *runtime.Batch, ranks *ranking) error {
	seen := observation{
		refit.HistogramOf(o.workers, input, o.options.Calibration), refit.StatisticsOf(o.workers, output),
	}
	if !seen.output.Finite() {
		return fmt.Errorf("layer %q of the original network gives numbers that are not finite on the calibration images",
			o.structure.Layers[layer].Layer)
	}
	o.seen[layer] = seen
	ranks.rankInputs(layer, input, seen.output)
	if o.solver != nil {
		o.solver.observeInput(layer, input)
	}
	return nil
}
