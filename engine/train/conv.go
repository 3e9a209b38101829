package train

import (
	"fmt"
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

var infinity = float32(math.Inf(1))

// conv is a convolution.
type conv struct {
	op      *graph.Conv
	inC     int
	weight  *parameter // OIHW
	bias    *parameter // nil: none
	run     kernel.BatchConv
	input   *inputGradient
	weights kernel.WeightGradient
}

func (t *Trainer) newConv(op *graph.Conv, in, out graph.Shape) (*conv, error) {
	if op.Groups != 1 {
		return nil, fmt.Errorf("it has %d groups; only convolutions of one group can be trained", op.Groups)
	}
	shape := runtime.LayerShape(op, in, out)
	c := &conv{
		op: op, inC: shape.InC,
		weight:  t.newParameter(op.Weight.Float, true),
		run:     kernel.NewBatchConv(t.options.ISA, shape),
		weights: kernel.NewWeightGradient(t.options.ISA, shape, t.options.Batch),
	}
	if op.Bias != nil {
		c.bias = t.newParameter(op.Bias, false)
	}
	return c, nil
}

func (c *conv) operator() graph.Op {
	op := *c.op
	op.Weight.Float = append([]float32(nil), c.weight.value...)
	if c.bias != nil {
		op.Bias = append([]float32(nil), c.bias.value...)
	}
	return &op
}

func (c *conv) forward(t *Trainer, out *tensor, in []*tensor) {
	if c.bias != nil {
		c.run.SetBias(c.bias.value)
	}
	t.pool.run(c.run.Blocks(), func(_, i int) { c.run.PackWeights(i, c.weight.value) })
	t.convolve(c.run, out, in[0], nil)
}

// convolve runs a convolution over the batch.
func (t *Trainer) convolve(run kernel.BatchConv, out, in, residual *tensor) {
	workers := t.pool.workers
	tasks := roundUp((out.n+run.Images()-1)/run.Images(), workers)
	t.pool.run(tasks, func(worker, i int) {
		first, end := part(out.n, tasks, i)
		if first == end {
			return
		}
		var r []float32
		if residual != nil {
			r = residual.from(first)
		}
		run.Run(end-first, out.from(first), in.from(first), r, t.workspace(worker, run.Scratch()))
	})
}

func (c *conv) backward(t *Trainer, gradient, _ *tensor, in []*tensor, inputs []graph.ValueID) {
	if c.bias != nil {
		t.addChannelSums(c.bias.gradient, gradient)
	}
	c.addWeightGradient(t, gradient, in[0])
	if t.trainable[inputs[0]] {
		if c.input == nil {
			c.input = newInputGradient(t.options.ISA, c.op, in[0], gradient)
		}
		c.input.add(t, c.weight.value, gradient, inputs[0])
	}
}

func (c *conv) addWeightGradient(t *Trainer, gradient, in *tensor) {
	w := c.weights
	sums, scratch := grow(&t.sums, w.Sums()), grow(&t.transforms, w.Scratch())
	const piece = 1 << 18
	t.pool.run((len(sums)+piece-1)/piece, func(_, i int) {
		clear(sums[i*piece : min((i+1)*piece, len(sums))])
	})
	for first := 0; first < in.n; first += w.Group() {
		count := min(w.Group(), in.n-first)
		t.pool.run(count, func(_, i int) { w.Transform(scratch, in.image(first+i), gradient.image(first+i), i) })
		t.pool.run(w.Tasks(), func(_, task int) { w.Add(task, sums, scratch, in.from(first), gradient.from(first), count) })
	}
	t.pool.run(c.inC, func(_, i int) { w.Finish(i, c.weight.gradient, sums) })
}

// addChannelSums adds to sums, per channel, what a tensor holds.
func (t *Trainer) addChannelSums(sums []float32, x *tensor) {
	pivot := make([]float32, x.stride)
	first, _ := t.channelSums(x, func(i int, first, second []float32) {
		kernel.ChannelMoments(t.options.ISA, x.pixels(i), pivot, first, second)
	})
	for c := range sums {
		sums[c] += float32(first[c])
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
