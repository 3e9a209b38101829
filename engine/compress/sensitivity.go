package compress

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// Levels is the number of points of a sensitivity curve: the parameter at 0, 0.1, … 0.9.
const Levels = 10

// NotAllowed stands in a curve where a layer cannot take the parameter.
const NotAllowed = 1000

// Curve is how far the network's output distribution moves when one layer is compressed
// by one parameter: the mean over images of KL(original ‖ compressed) of the softmax
// outputs, in nats.
type Curve struct {
	Sparsity       []float64 // of the layer's whole group; NotAllowed for layers that do not decide it
	ActivationBits []float64 // level x: clip(⌊(1−x)·B⌋+1, 1, B) bits, B the ceiling; NotAllowed for layers that must not be mixed
	WeightBits     []float64 // as ActivationBits
	Int8           float64   // weights and activations at eight bits
	Float          float64   // nothing done: 0
}

// Sensitivity measures the curves of all layers, in order, on n images (as those given
// to New) with maxBits as the ceiling of mixed precision. Quantization ranges are those
// of the calibration images. progress, if not nil, is told after each piece of work; an error of
// it ends the measurement. The result depends on nothing but graph, images and
// settings; a Database that has it spares the work.
func (c *Compressor) Sensitivity(ctx context.Context, images []float32, n, maxBits int, progress func(done, total int) error) ([]Curve, error) {
	g := c.structure.Graph
	size := g.Values[g.Input].Shape.Elements()
	if n < 1 || len(images) != n*size {
		return nil, fmt.Errorf("measuring sensitivity: %d numbers are not the pixels of %d images of %v", len(images), n, g.Values[g.Input].Shape)
	}
	if maxBits < 1 || maxBits > 8 {
		return nil, fmt.Errorf("measuring sensitivity: a ceiling of %d bits; 1 to 8 are possible", maxBits)
	}
	var key entryKey
	if c.options.Database != nil {
		var err error
		if key, err = c.curvesKey(images, maxBits); err != nil {
			return nil, fmt.Errorf("measuring sensitivity: %w", err)
		}
		if curves, ok := c.storedCurves(key); ok {
			return curves, nil
		}
	}
	curves, variants := c.variants(maxBits)
	// Images are taken in portions that, with all of the original's tensors, stay in bounds.
	portion := c.portion(n)
	tracer := c.newTracer()
	done, total := 0, (n+portion-1)/portion*len(variants)
	for first := 0; first < n; first += portion {
		count := min(portion, n-first)
		original, err := c.trace(tracer, images[first*size:(first+count)*size], count)
		if err != nil {
			return nil, fmt.Errorf("measuring sensitivity: %w", err)
		}
		err = c.divergences(ctx, variants, original, func(v *variant, divergence float64) error {
			for _, point := range v.points {
				*point += divergence / float64(n)
			}
			if done++; progress != nil {
				return progress(done, total)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("measuring sensitivity: %w", err)
		}
	}
	if c.options.Database != nil {
		c.options.Database.put(key, encodeCurves(curves))
	}
	return curves, nil
}

// variant is the original network with one thing changed.
type variant struct {
	points  []*float64           // where its divergence counts
	from    int                  // the first node that computes something else
	replace map[int]graph.Weight // weights of layers, by node
	removed []bool               // classes that layers read as zeros; nil: none
	input   *graph.Quant         // rounds what node from reads; nil: nothing
}

// variants lists what must be measured for all curves, each distinct variant once.
func (c *Compressor) variants(maxBits int) ([]Curve, []variant) {
	curves := make([]Curve, len(c.structure.Layers))
	var variants []variant
	for l, info := range c.structure.Layers {
		curve := &curves[l]
		*curve = Curve{Sparsity: make([]float64, Levels), ActivationBits: make([]float64, Levels), WeightBits: make([]float64, Levels)}
		if info.Root && info.Prunable {
			variants = append(variants, c.sparsities(l, curve.Sparsity)...)
		} else {
			forbid(curve.Sparsity)
		}
		eight := c.quantized(l, 8, 8)
		eight.points = []*float64{&curve.Int8}
		variants = append(variants, eight)
		if !info.MayMix {
			forbid(curve.ActivationBits)
			forbid(curve.WeightBits)
			continue
		}
		for bits := maxBits; bits >= 1; bits-- {
			weights, activations := c.quantized(l, bits, graph.FloatBits), c.quantized(l, graph.FloatBits, bits)
			for level := range Levels {
				if levelBits(level, maxBits) == bits {
					weights.points = append(weights.points, &curve.WeightBits[level])
					activations.points = append(activations.points, &curve.ActivationBits[level])
				}
			}
			for _, v := range []variant{weights, activations} {
				if len(v.points) > 0 {
					variants = append(variants, v)
				}
			}
		}
	}
	return curves, variants
}

func forbid(curve []float64) {
	for i := range curve {
		curve[i] = NotAllowed
	}
}

// levelBits is clip(⌊(1−x)·B⌋+1, 1, B) at x = level/Levels, in whole numbers.
func levelBits(level, maxBits int) int {
	return min((Levels-level)*maxBits/Levels+1, maxBits)
}

// sparsities are the variants of a root layer's group at every level.
func (c *Compressor) sparsities(l int, curve []float64) (variants []variant) {
	for level := range Levels {
		p := c.structure.Uniform(0, graph.FloatBits)
		p[l].Sparsity = float64(level) / Levels
		removed := c.structure.Select(p, c.importance, c.options.RoundTo)
		if !slices.Contains(removed, true) {
			continue
		}
		if last := len(variants) - 1; last >= 0 && slices.Equal(variants[last].removed, removed) {
			variants[last].points = append(variants[last].points, &curve[level])
			continue
		}
		v := variant{points: []*float64{&curve[level]}, removed: removed, from: len(c.structure.Graph.Nodes)}
		for _, info := range c.structure.Layers {
			if c.reads(info.Node, removed) {
				v.from = min(v.from, info.Node)
			}
		}
		variants = append(variants, v)
	}
	return variants
}

// reads tells whether a layer reads a channel of the given classes.
func (c *Compressor) reads(node int, classes []bool) bool {
	input := c.structure.Graph.Nodes[node].Inputs[0]
	return slices.ContainsFunc(c.structure.classes[input], func(class int) bool { return classes[class] })
}

// quantized is the variant of a layer at the given bits (32: float).
func (c *Compressor) quantized(l, weightBits, activationBits int) variant {
	node := c.structure.Layers[l].Node
	v := variant{from: node}
	if weightBits != graph.FloatBits {
		w := c.structure.Graph.Nodes[node].Weight()
		v.replace = map[int]graph.Weight{node: c.crew.quantizeWeight(w, weightBits, nil)}
	}
	if activationBits != graph.FloatBits {
		q := c.seen[l].input.quant(activationBits, c.options.Calibration)
		v.input = &q
	}
	return v
}

// weight is a layer's weight in a variant; false: the original's.
func (c *Compressor) weight(v *variant, node int) (graph.Weight, bool) {
	if w, ok := v.replace[node]; ok {
		return w, true
	}
	if v.removed == nil || !c.reads(node, v.removed) {
		return graph.Weight{}, false
	}
	n := &c.structure.Graph.Nodes[node]
	w := *n.Weight()
	inputs := c.structure.classes[n.Inputs[0]]
	groups := len(inputs) / w.Shape[1]
	outputs, taps := w.Shape[0]/groups, graph.Shape(w.Shape[2:]).Elements()
	w.Float = slices.Clone(w.Float)
	for i, class := range inputs {
		if !v.removed[class] {
			continue
		}
		group, column := i/w.Shape[1], i%w.Shape[1]
		for o := group * outputs; o < (group+1)*outputs; o++ {
			at := o*w.Channel() + column*taps
			clear(w.Float[at : at+taps])
		}
	}
	return w, true
}

// portionBytes bounds the original's tensors that Sensitivity holds at a time, unless they are of
// leastPortion images: every variant packs its weights anew for every portion.
const (
	portionBytes = 128 << 20
	leastPortion = 4
)

// portion is how many of n images are run together. Divergences are summed by portions, so it depends
// on nothing but the graph.
func (c *Compressor) portion(n int) int {
	bytes := 0
	for _, v := range c.structure.Graph.Values {
		bytes += 4 * v.Shape.Elements()
	}
	return min(n, max(portionBytes/bytes, leastPortion))
}

// trace runs the original network over images and keeps all tensors.
func (c *Compressor) trace(tracer *runtime.Tracer, images []float32, n int) ([]*runtime.Batch, error) {
	g := c.structure.Graph
	values := make([]*runtime.Batch, len(g.Values))
	return values, tracer.Run(g, tracer.Input(g, images, n), 0, values, nil)
}

// divergences finds the divergence of every variant, each worker of another one: they need not
// wait for each other after every node. found is told one after the other, in this goroutine; an
// error of it, or the end of ctx, ends the work.
func (c *Compressor) divergences(ctx context.Context, variants []variant, original []*runtime.Batch, found func(v *variant, divergence float64) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type finding struct {
		v          *variant
		divergence float64
		err        error
	}
	findings := make(chan finding)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(c.options.Workers, len(variants)) {
		workers.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					findings <- finding{err: fmt.Errorf("internal error: %v\n%s", p, debug.Stack())}
				}
			}()
			tracer := runtime.NewTracer(c.options.ISA, 1)
			for i := next.Add(1) - 1; i < int64(len(variants)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				v := &variants[i]
				divergence, err := c.divergence(tracer, v, original)
				findings <- finding{v, divergence, err}
			}
		})
	}
	go func() {
		workers.Wait()
		close(findings)
	}()
	var failed error
	for f := range findings {
		if failed = cmp.Or(failed, ctx.Err(), f.err); failed == nil {
			failed = found(f.v, f.divergence)
		}
		if failed != nil {
			cancel()
		}
	}
	return cmp.Or(failed, ctx.Err())
}

// divergence is the sum over images of KL(original ‖ variant). Only nodes that depend
// on what the variant changes are run. Any number of goroutines may call it, each with a
// tracer of its own.
func (c *Compressor) divergence(tracer *runtime.Tracer, v *variant, original []*runtime.Batch) (float64, error) {
	g := c.structure.Graph.Clone()
	end := c.logits()
	t := newTrace(g, tracer, nil)
	changed := make([]bool, len(g.Values))
	for i := v.from; i < len(g.Nodes); i++ {
		n := &g.Nodes[i]
		dirty := i == v.from
		for _, id := range n.Inputs {
			dirty = dirty || changed[id]
			if !changed[id] {
				t.values[id] = original[id]
			}
		}
		if n.Weight() != nil {
			if w, ok := c.weight(v, i); ok {
				n.Op, dirty = n.WithWeight(w, n.Bias()), true
			}
		}
		if !dirty {
			continue
		}
		if i == v.from && v.input != nil {
			t.values[n.Inputs[0]] = c.crew.alone().rounded(original[n.Inputs[0]], *v.input)
		}
		out, err := t.compute(i)
		if err != nil {
			return 0, err
		}
		changed[n.Output] = true
		t.keep(i, out)
		if n.Output == end {
			return klSum(original[end].Outputs(), out.Outputs(), out.N), nil
		}
	}
	return 0, nil
}

// logits is the value whose softmax is the network's output distribution.
func (c *Compressor) logits() graph.ValueID {
	g := c.structure.Graph
	if last := g.Producer(g.Output); last >= 0 {
		if _, ok := g.Nodes[last].Op.(graph.Softmax); ok {
			return g.Nodes[last].Inputs[0]
		}
	}
	return g.Output
}

// klSum is the sum of KL(softmax(p) ‖ softmax(q)) over n rows of logits.
func klSum(p, q []float32, n int) float64 {
	features := len(p) / n
	total := 0.0
	for i := range n {
		total += kl(p[i*features:(i+1)*features], q[i*features:(i+1)*features])
	}
	return total
}

func kl(p, q []float32) float64 {
	logP, logQ := logSumExp(p), logSumExp(q)
	sum := 0.0
	for i := range p {
		lp, lq := float64(p[i])-logP, float64(q[i])-logQ
		sum += math.Exp(lp) * (lp - lq)
	}
	return max(sum, 0)
}

func logSumExp(x []float32) float64 {
	most := float64(slices.Max(x))
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}
