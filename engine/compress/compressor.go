// Package compress turns a policy and a graph into a compressed graph: channels are
// removed, weights and activations quantized, and the weights that are left are refitted on
// calibration images so that they make up for what was lost.
package compress

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"

	"galen/engine/compress/structure"
	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

// Options are a Compressor's settings; the zero value is the default.
type Options struct {
	RoundTo      int                  // channels are kept in multiples of this; 0: 1
	Importance   structure.Importance // how channels are ranked; empty: Energy
	Calibration  Calibration          // how activation ranges are chosen; empty: SquaredError
	WeightRange  Calibration          // how the scales of weights rounded to nearest are chosen, MinMax or SquaredError; empty: SquaredError
	Rounding     Rounding             // how weights become integers; empty: Automatic
	Equalization Equalization         // how channels are rescaled before they are quantized; empty: EqualizeNone
	Workers      int                  // goroutines; 0: all cores
	ISA          kernel.ISA           // empty: kernel.Default
	Repair       Repair               // how what is left makes up for what is lost; empty: Sequential
	Database     *Database            // where sensitivities, and what Independent finds, are kept; nil: nowhere, which Independent refuses
	Uncorrected  bool                 // leave weights and statistics as compression makes them, for comparison
}

// complete puts the defaults in.
func (o Options) complete() (Options, error) {
	o.RoundTo = max(o.RoundTo, 1)
	switch o.Importance {
	case "":
		o.Importance = structure.Energy
	case structure.GroupL2, structure.RootL1, structure.Energy, structure.Reconstruction:
	default:
		return o, fmt.Errorf("importance %q is unknown; take %q, %q, %q or %q", o.Importance, structure.Energy, structure.Reconstruction, structure.GroupL2, structure.RootL1)
	}
	switch o.Calibration {
	case "":
		o.Calibration = SquaredError
	case MinMax, Percentile, SquaredError, Entropy:
	default:
		return o, fmt.Errorf("calibration %q is unknown; take %q, %q, %q or %q", o.Calibration, MinMax, Percentile, SquaredError, Entropy)
	}
	switch o.Rounding {
	case "":
		o.Rounding = Automatic
	case Automatic, Compensated, Nearest:
	default:
		return o, fmt.Errorf("rounding %q is unknown; take %q, %q or %q", o.Rounding, Automatic, Compensated, Nearest)
	}
	switch o.WeightRange {
	case "":
		o.WeightRange = SquaredError
	case MinMax, SquaredError:
	default:
		return o, fmt.Errorf("weight range %q is unknown; take %q or %q", o.WeightRange, MinMax, SquaredError)
	}
	switch o.Equalization {
	case "":
		o.Equalization = EqualizeNone
	case EqualizeNone, EqualizeWeights, EqualizeActivations:
	default:
		return o, fmt.Errorf("equalization %q is unknown; take %q, %q or %q", o.Equalization, EqualizeActivations, EqualizeWeights, EqualizeNone)
	}
	switch o.Repair {
	case "":
		o.Repair = Sequential
	case Sequential, Statistics:
	case Independent:
		if o.Database == nil {
			return o, errors.New("independent repair needs a database to keep layers in")
		}
	default:
		return o, fmt.Errorf("repair %q is unknown; take %q, %q or %q", o.Repair, Sequential, Independent, Statistics)
	}
	if o.Workers <= 0 {
		o.Workers = goruntime.GOMAXPROCS(0)
	}
	var err error
	if o.ISA == "" {
		o.ISA, err = kernel.Default()
	}
	return o, err
}

// Compressor compresses one graph by any number of policies. It is not for concurrent
// use.
type Compressor struct {
	structure  *structure.Structure
	options    Options
	crew       crew
	input      *runtime.Batch // the calibration images
	importance []float64      // per channel class
	seen       []observation  // per layer

	before []*sampled // for Sequential alone: per value of the original network; nil: not regressed

	// For Independent alone:
	values   []*histogram // per value of the original network
	identity entryKey     // of model, calibration images and settings
}

// observation is what was seen at a layer of the original network.
type observation struct {
	input  *histogram // of what it reads
	output moments    // of what it computes, per channel
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
	c := &Compressor{
		structure: s, options: o, crew: crew{o.ISA, o.Workers, momentPixels(g)},
		importance: s.Scores(o.Importance), seen: make([]observation, len(s.Layers)),
	}
	c.input = c.newTracer().Input(g, calibration, n)
	if o.Equalization != EqualizeNone && hasDepthwise(g) {
		scaled := *s
		if scaled.Graph, err = c.equalized(g, c.input, o.Equalization); err != nil {
			return nil, err
		}
		c.structure = &scaled
	}
	if c.independent() {
		if err := c.identify(calibration); err != nil {
			return nil, err
		}
		c.values = make([]*histogram, len(g.Values))
		c.values[g.Input] = c.crew.histogram(c.input, o.Calibration)
	}
	return c, c.observe()
}

// newTracer returns a tracer with no memory of its own; what it recycles goes with it.
func (c *Compressor) newTracer() *runtime.Tracer {
	return runtime.NewTracer(c.options.ISA, c.options.Workers)
}

// Layers tells what may be done to each layer.
func (c *Compressor) Layers() []structure.LayerInfo { return c.structure.Layers }

// Structure is how the graph's channels hang together.
func (c *Compressor) Structure() *structure.Structure { return c.structure }

// Sizes are what a policy would leave of each layer.
func (c *Compressor) Sizes(p structure.Policy) []structure.Size {
	return c.structure.Sizes(p, c.options.RoundTo)
}

// observe runs the original network over the calibration images.
func (c *Compressor) observe() error {
	g := c.structure.Graph
	t := newTrace(g, c.newTracer(), c.input)
	ranks := c.newRanking()
	regressed := regressed(g)
	c.before = make([]*sampled, len(g.Values))
	remember := func(id graph.ValueID, b *runtime.Batch) {
		if c.sequential() && regressed[id] {
			c.before[id] = c.crew.sampled(b)
		}
	}
	remember(g.Input, c.input)
	layer := 0
	for i := range g.Nodes {
		n := &g.Nodes[i]
		out, err := t.compute(i)
		if err != nil {
			return err
		}
		if n.Weight() != nil {
			seen := observation{c.crew.histogram(t.values[n.Inputs[0]], c.options.Calibration), c.crew.moments(out)}
			if !seen.output.finite() {
				return fmt.Errorf("layer %q of the original network gives numbers that are not finite on the calibration images", n.Name)
			}
			c.seen[layer] = seen
			ranks.read(layer, t.values[n.Inputs[0]])
			if c.independent() && c.solvable(layer) && !c.options.Database.has(c.entryKey("moments", layer, nil, 0)) {
				c.keepMoments(layer, t)
			}
			layer++
		}
		if c.independent() {
			c.values[n.Output] = c.crew.histogram(out, c.options.Calibration)
		}
		remember(n.Output, out)
		t.keep(i, out)
	}
	return nil
}

// independent tells whether layers are repaired by themselves.
func (c *Compressor) independent() bool {
	return c.options.Repair == Independent && !c.options.Uncorrected
}

// sequential tells whether layers are refitted one after the other.
func (c *Compressor) sequential() bool {
	return c.options.Repair == Sequential && !c.options.Uncorrected
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
	if c.independent() {
		s := &stitching{c, p, removed, kept, placed, placed.Graph}
		if err := s.run(ctx); err != nil {
			return nil, fmt.Errorf("compressing: %w", err)
		}
		return &Result{s.graph, kept}, nil
	}
	f := &fitting{
		Compressor: c, policy: p, kept: kept, placed: placed, graph: placed.Graph,
		trace: newTrace(placed.Graph, c.newTracer(), c.input), readers: placed.Graph.Consumers(),
		changed: make([]bool, len(placed.Graph.Values)), worn: make([]bool, len(placed.Graph.Values)),
	}
	f.refits = c.sequential() && f.wearing()
	if err := f.run(ctx); err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	return &Result{f.graph, kept}, nil
}
