// Package runtime compiles a graph to a plan and runs it.
//
// Compile fuses what follows a layer into it, chooses where integers stay integers,
// packs the weights and lays every intermediate tensor out in one arena by lifetime. The
// plan is immutable; each worker adds an arena of its own, so that any number of
// them run at once and a run allocates nothing.
package runtime

import (
	"fmt"
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// Options steer compilation.
type Options struct {
	ISA kernel.ISA // instruction set of the kernels; empty: kernel.Default
	// Direct keeps float convolutions from Winograd's transforms, which are faster but less accurate,
	// see kernel.PlanFloat.
	Direct bool
}

// Plan is a compiled graph: what to run, in which order, on which part of the arena.
type Plan struct {
	isa        kernel.ISA
	layers     []LayerPlan
	steps      []step
	input      *slot
	inputShape graph.Shape
	output     *slot
	outShape   graph.Shape

	floats, bytes, sums, inputs int // extents of a worker's memory
}

// LayerPlan says how a layer of the graph is executed.
type LayerPlan struct {
	Name   string
	Kernel string // what its arithmetic runs on: "fp32", "winograd", "int8", "bits"
	MACs   int64  // per image
}

// step is one kernel call. It names the layer its time belongs to and the tensor it
// writes.
type step struct {
	run   func(*memory)
	out   *slot
	layer int // position in graph.Layers; −1: none
}

// maxArena bounds a worker's memory: a graph that needs more is refused rather than
// left to exhaust the machine.
const maxArena = 4 << 30

// maxTensor bounds the memory of a tensor: what the offsets of kernels can reach.
const maxTensor = math.MaxInt32

// maxTaps bounds the taps of a node's window over all output pixels, whose offsets kernels keep in tables:
// 1 GiB of them. A 7×7 window at every pixel of a 1024×1024 image has a fifth as many.
const maxTaps = 1 << 28

// Compile translates a graph into a plan. It fails if the graph is malformed, has
// tensors that are neither [channels, height, width] nor [features], or needs an
// instruction set that this machine lacks. The plan shares nothing with the graph
// that later edits to the graph could change.
func Compile(g *graph.Graph, o Options) (*Plan, error) {
	isa, err := resolve(o.ISA)
	if err != nil {
		return nil, err
	}
	if err := check(g); err != nil {
		return nil, fmt.Errorf("compile graph %q: %w", g.Name, err)
	}
	c := newCompiler(g, isa, o.Direct)
	for _, u := range c.lowerInput(fuse(g)) {
		c.lower(u)
	}
	output := c.value(g.Output)
	output.hold(len(c.steps), len(c.steps))
	floats, bytes := place(c.slots)
	if need := 4*int64(floats) + int64(bytes); need > maxArena {
		return nil, fmt.Errorf("compile graph %q: intermediate tensors need %d MiB per image, more than %d MiB", g.Name, need>>20, maxArena>>20)
	}
	c.finish()
	return &Plan{
		isa:        isa,
		layers:     c.layers,
		steps:      c.steps,
		input:      c.input,
		inputShape: g.Values[g.Input].Shape,
		output:     output,
		outShape:   g.Values[g.Output].Shape,
		sums:       c.sums,
		floats:     floats,
		bytes:      bytes,
		inputs:     c.inputs,
	}, nil
}

func resolve(isa kernel.ISA) (kernel.ISA, error) {
	if isa == "" {
		return kernel.Default()
	}
	for _, s := range kernel.Supported() {
		if s == isa {
			return isa, nil
		}
	}
	return "", fmt.Errorf("instruction set %q is not available here; choose one of %v", isa, kernel.Supported())
}

func check(g *graph.Graph) error {
	if err := g.Validate(); err != nil {
		return err
	}
	for _, v := range g.Values {
		if len(v.Shape) != 1 && len(v.Shape) != 3 {
			return fmt.Errorf("value %q is %v, wants [channels, height, width] or [features]", v.Name, v.Shape)
		}
		if need := newSlot(v.Shape, v.Quant).memory(); need > maxTensor {
			return fmt.Errorf("value %q of %v needs %d MiB, more than %d MiB", v.Name, v.Shape, need>>20, maxTensor>>20)
		}
	}
	for i := range g.Nodes {
		if err := checkWindow(g, &g.Nodes[i]); err != nil {
			return err
		}
	}
	return nil
}

// checkWindow refuses operators whose windows have more than maxTaps.
func checkWindow(g *graph.Graph, n *graph.Node) error {
	op, ok := n.Op.(graph.Windowed)
	if !ok {
		return nil
	}
	window, out := op.Window(), g.Values[n.Output].Shape
	if window[0]*window[1] > maxTaps/(out[1]*out[2]) {
		return fmt.Errorf("%s node %q looks through a window of %d×%d at each of %d×%d pixels, which makes more than %d taps",
			n.Op.Kind(), n.Name, window[0], window[1], out[1], out[2], maxTaps)
	}
	return nil
}

// Layers says how each layer runs, in the order of graph.Layers.
func (p *Plan) Layers() []LayerPlan { return append([]LayerPlan(nil), p.layers...) }

// InputElements is the number of scalars of an input image.
func (p *Plan) InputElements() int { return p.inputShape.Elements() }

// OutputElements is the number of scalars of an output.
func (p *Plan) OutputElements() int { return p.outShape.Elements() }
