// Package compress turns a policy and a graph into a compressed graph: channels are
// removed, weights and activations quantized, and the weights that are left are refitted on
// calibration images so that they make up for what was lost. Which channels stay, package structure
// says; which numbers take their place, package refit finds; neither knows the other. This package puts
// the two together, measures how sensitive the network is to either, and keeps what was found about
// single layers.
package compress

import (
	"context"
	"fmt"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/hw/graph"
)

// Compressor compresses one graph by any number of policies. It is not for concurrent
// use.
type Compressor struct {
	original
}

// Result is a compressed graph.
type Result struct {
	Graph *graph.Graph
	Kept  [][]int // per layer: the original's output channels that are left, ascending
}

// New prepares the compression of a float graph and observes it on n calibration images
// (channels, height, width each, normalized as the network expects). Memory grows
// with n times the largest tensors that are alive together.
func New(g *graph.Graph, calibration []float32, n int, o Options) (*Compressor, error) {
	s, err := structure.Analyze(g)
	if err != nil {
		return nil, err
	}
	for _, info := range s.Layers {
		if g.Nodes[info.Node].Weight().Quantized() {
			return nil, fmt.Errorf("layer %q is quantized already; bring the float model", info.Layer)
		}
	}
	for _, v := range g.Values {
		if v.Quant != nil {
			return nil, fmt.Errorf("the tensor %q is quantized already; bring the float model", v.Name)
		}
	}
	if size := g.Values[g.Input].Shape.Elements(); n < 1 || len(calibration) != n*size {
		return nil, fmt.Errorf("%d numbers are not the pixels of %d calibration images of %v", len(calibration), n, g.Values[g.Input].Shape)
	}
	if o, err = o.complete(); err != nil {
		return nil, err
	}
	c := &Compressor{original{
		structure: s, options: o, workers: refit.NewWorkers(o.ISA, o.Workers, g),
		importance: s.Scores(o.Importance), seen: make([]observation, len(s.Layers)),
	}}
	c.input = c.workers.Tracer().Input(g, calibration, n)
	if s.Graph, err = refit.Equalize(g, c.input, o.Equalization, c.workers.Tracer()); err != nil {
		return nil, err
	}
	if o.repairs(Independent) {
		if c.solver, err = newLayerSolver(s, c.workers, o, calibration, c.input); err != nil {
			return nil, err
		}
		c.ranges = make([]*refit.Histogram, len(g.Values))
	}
	return c, c.observe()
}

// Layers tells what may be done to each layer.
func (c *Compressor) Layers() []structure.LayerInfo { return c.structure.Layers }

// Structure is how the graph's channels hang together.
func (c *Compressor) Structure() *structure.Structure { return c.structure }

// Sizes are what a policy would leave of each layer.
func (c *Compressor) Sizes(p structure.Policy) []structure.Size {
	return c.structure.Sizes(p, c.options.RoundTo)
}

// Compress applies a policy: it removes channels and then, unless repair is Independent, goes
// through the network once, layer by layer, on the calibration images, so that every layer is
// repaired, quantized and corrected for what its compressed predecessors really
// hand it. Under a policy that asks for nothing the graph computes what the original
// computes.
func (c *Compressor) Compress(ctx context.Context, p structure.Policy) (*Result, error) {
	if err := c.structure.Validate(p); err != nil {
		return nil, err
	}
	removed := c.structure.Select(p, c.importance, c.options.RoundTo)
	pruned, err := c.structure.Prune(removed)
	if err != nil {
		return nil, err
	}
	kept := c.structure.Kept(removed)
	placed := structure.Place(pruned, p)
	if c.options.repairs(Independent) {
		a := &assembly{&c.original, p, removed, kept, placed, placed.Graph}
		if err := a.run(ctx); err != nil {
			return nil, fmt.Errorf("compressing: %w", err)
		}
		return &Result{a.graph, kept}, nil
	}
	f := &fitting{
		original: &c.original, policy: p, kept: kept, placed: placed, graph: placed.Graph,
		trace: refit.NewTrace(placed.Graph, c.workers.Tracer(), c.input), readers: placed.Graph.Consumers(),
		changed: make([]bool, len(placed.Graph.Values)), degraded: make([]bool, len(placed.Graph.Values)),
	}
	f.refits = c.options.repairs(Sequential) && f.degrades()
	if err := f.run(ctx); err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	return &Result{f.graph, kept}, nil
}
