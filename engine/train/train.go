// Package train teaches networks: it runs a float graph forward with batch
// statistics, differentiates a loss with respect to every weight and descends by
// stochastic gradient descent with momentum.
//
// All passes run on all cores, one image or one fixed part of the batch at a time.
// Sums over images are taken in a fixed order that does not depend on the number of
// workers: a seed gives the same network on any number of cores of one kind.
package train

import (
	"errors"
	"fmt"
	"runtime"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// Options says how to train. The zero value of a field means its default; fields
// whose zero means something say so.
type Options struct {
	Epochs         int     // passes over the training images; default 30
	Batch          int     // images per step; default 128
	LearningRate   float64 // the largest; default 0.1
	WarmUp         float64 // epochs over which the rate rises from zero; 0: none
	Momentum       float64 // default 0.9
	Nesterov       bool    // look ahead along the momentum
	WeightDecay    float64 // L2 penalty on weights, not on biases and normalization; 0: none
	LabelSmoothing float64 // share of the target spread over all classes; 0: none
	StatisticsRate float64 // how fast running statistics follow the batch's; default 0.1
	Crop           int     // pixels by which images are shifted at random, each way; 0: none
	Flip           bool    // mirror every other image, at random
	Seed           uint64
	Workers        int        // 0: one per core
	ISA            kernel.ISA // empty: kernel.Default
}

func (o *Options) defaults() error {
	if o.Epochs == 0 {
		o.Epochs = 30
	}
	if o.Batch == 0 {
		o.Batch = 128
	}
	if o.LearningRate == 0 {
		o.LearningRate = 0.1
	}
	if o.Momentum == 0 {
		o.Momentum = 0.9
	}
	if o.StatisticsRate == 0 {
		o.StatisticsRate = 0.1
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Epochs < 0 || o.Batch < 2 || o.LearningRate < 0 || o.Momentum < 0 || o.Momentum >= 1 || o.WarmUp < 0 ||
		o.WeightDecay < 0 || o.LabelSmoothing < 0 || o.LabelSmoothing >= 1 || o.StatisticsRate < 0 || o.StatisticsRate > 1 || o.Crop < 0 {
		return fmt.Errorf("training options %+v: a batch is 2 or more, momentum and smoothing are below 1, nothing is negative", *o)
	}
	if o.ISA == "" {
		isa, err := kernel.Default()
		if err != nil {
			return err
		}
		o.ISA = isa
	}
	return nil
}

// Trainer holds a network in training. It is not for concurrent use.
type Trainer struct {
	options Options
	graph   *graph.Graph
	pool    pool
	nodes   []node
	logits  graph.ValueID

	values    []*tensor // by ValueID, of the last forward pass
	gradients []*tensor // by ValueID, during the backward pass
	spare     map[layout][]*tensor
	trainable []bool // by ValueID: whether a parameter comes before it

	parameters []*parameter
	workspaces [][]float32 // by worker
	sums       []float32   // of a weight gradient
	transforms []float32   // of a weight gradient
	partial    []float64   // channelSums'
	rate       float64
}

// A node is one operator in training.
type node interface {
	// forward computes the output for n images.
	forward(t *Trainer, out *tensor, in []*tensor)
	// backward adds to the gradients of the node's parameters and to those of its
	// inputs, where Trainer.trainable asks for them.
	backward(t *Trainer, gradient, out *tensor, in []*tensor, inputs []graph.ValueID)
	// operator is the node as it now stands, for inference.
	operator() graph.Op
}

// New prepares a network for training from its present weights. The graph itself
// is left as it is. It must be float, with convolutions of one group; a Softmax
// at its end is left out, since the loss has its own.
func New(g *graph.Graph, o Options) (*Trainer, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	if len(g.Nodes) == 0 || len(g.Values[g.Input].Shape) != 3 {
		return nil, fmt.Errorf("training %q: the network must have nodes and take images", g.Name)
	}
	t := &Trainer{
		options:   o,
		graph:     g.Clone(),
		pool:      newPool(o.Workers),
		logits:    g.Output,
		values:    make([]*tensor, len(g.Values)),
		gradients: make([]*tensor, len(g.Values)),
		trainable: make([]bool, len(g.Values)),
		spare:     map[layout][]*tensor{},
		rate:      o.LearningRate,

		workspaces: make([][]float32, o.Workers),
	}
	consumers := g.Consumers()
	producers := make([]node, len(g.Values))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if g.Values[n.Output].Quant != nil || g.Values[n.Inputs[0]].Quant != nil {
			return nil, fmt.Errorf("training %s node %q: its values are quantized; train the float network", n.Op.Kind(), n.Name)
		}
		before := len(t.parameters)
		trained, err := t.newNode(n)
		if err != nil {
			return nil, fmt.Errorf("training %s node %q: %w", n.Op.Kind(), n.Name, err)
		}
		t.nodes = append(t.nodes, trained)
		t.trainable[n.Output] = len(t.parameters) > before
		for _, in := range n.Inputs {
			t.trainable[n.Output] = t.trainable[n.Output] || t.trainable[in]
		}
		if limit, ok := trained.(*limiter); ok {
			if limit.inPlace = t.overwritable(n.Inputs[0], consumers); limit.inPlace {
				limit.mergeInto(producers[n.Inputs[0]])
			}
		}
		producers[n.Output] = trained
	}
	last := len(g.Nodes) - 1
	if _, ok := t.nodes[last].(skipped); ok {
		t.logits = g.Nodes[last].Inputs[0]
	}
	if len(g.Values[t.logits].Shape) != 1 {
		return nil, fmt.Errorf("training %q: its output is %v, wants one number per class", g.Name, g.Values[t.logits].Shape)
	}
	if !t.trainable[t.logits] {
		return nil, fmt.Errorf("training %q: it has no weights", g.Name)
	}
	return t, nil
}

// overwritable tells whether a limiter may write its output over the input, because
// nobody else reads it. Its producer may be a limiter, which reads it on the way
// back, but then finds no gradient where it was overwritten.
func (t *Trainer) overwritable(id graph.ValueID, consumers [][]int) bool {
	return id != t.graph.Input && id != t.graph.Output && len(consumers[id]) == 1
}

func (t *Trainer) newNode(n *graph.Node) (node, error) {
	in, out := t.graph.Values[n.Inputs[0]].Shape, t.graph.Values[n.Output].Shape
	if w := n.Weight(); w != nil && w.Quantized() {
		return nil, errors.New("its weights are quantized; train the float network")
	}
	switch op := n.Op.(type) {
	case *graph.Conv:
		return t.newConv(op, in, out)
	case *graph.Gemm:
		return t.newDense(op), nil
	case *graph.BatchNorm:
		if len(in) != 3 {
			return nil, fmt.Errorf("it normalizes %v; only images can be normalized in training", []int(in))
		}
		return t.newNorm(op), nil
	case graph.Clamp:
		return newLimiter(op), nil
	case graph.Add:
		return &add{op: op, low: -infinity}, nil
	case graph.MaxPool:
		if graph.Spread(op.Dilation) != [2]int{1, 1} {
			return nil, errors.New("no gradient is known for dilated pooling here")
		}
		return newMaxPool(op, in, out), nil
	case graph.AveragePool:
		if graph.Spread(op.Dilation) != [2]int{1, 1} || op.Uncounted != [2]int{} {
			return nil, errors.New("no gradient is known here for pooling that is dilated or leaves padding uncounted")
		}
		return newAveragePool(op, in, out), nil
	case graph.GlobalAveragePool:
		return newGlobalAverage(op, in), nil
	case graph.Mover, graph.Reshaper:
		return t.newRearrange(n), nil
	case graph.Softmax:
		if n.Output == t.graph.Output && op == (graph.Softmax{}) {
			return skipped{op}, nil
		}
	}
	return nil, errors.New("no gradient is known for it here")
}

// Step trains on a batch: images are CHW floats, one after the other, as
// dataset.Set.Normalized gives them. It returns the mean loss and how many images
// the network got right before the step.
func (t *Trainer) Step(images []float32, labels []int) (loss float64, correct int, err error) {
	shape := t.graph.Values[t.graph.Input].Shape
	if len(images) != len(labels)*shape.Elements() || len(labels) < 2 {
		return 0, 0, fmt.Errorf("training step: %d numbers for %d images of %v; a batch is 2 images or more", len(images), len(labels), []int(shape))
	}
	input := t.value(t.graph.Input, len(labels))
	t.pool.run(len(labels), func(_, i int) {
		input.setCHW(i, images[i*shape.Elements():][:shape.Elements()])
	})
	return t.step(labels)
}

// SetLearningRate sets the rate of the following Steps; Fit has its own schedule.
func (t *Trainer) SetLearningRate(rate float64) { t.rate = rate }

// step trains on the images in the input value.
func (t *Trainer) step(labels []int) (loss float64, correct int, err error) {
	classes := t.graph.Values[t.logits].Shape[0]
	for _, label := range labels {
		if label < 0 || label >= classes {
			return 0, 0, fmt.Errorf("training step: label %d, but the network tells %d classes apart", label, classes)
		}
	}
	loss, correct = t.differentiate(labels)
	t.descend()
	return loss, correct, nil
}

// differentiate runs forward and backward and leaves the gradients of the mean loss
// in the parameters.
func (t *Trainer) differentiate(labels []int) (loss float64, correct int) {
	n := len(labels)
	for i := range t.nodes {
		gn := &t.graph.Nodes[i]
		var out *tensor
		if limit, ok := t.nodes[i].(*limiter); ok && limit.inPlace {
			out = t.values[gn.Inputs[0]]
			t.values[gn.Output] = out
		} else {
			out = t.value(gn.Output, n)
		}
		t.nodes[i].forward(t, out, t.inputs(gn))
	}
	for _, p := range t.parameters {
		clear(p.gradient)
	}
	logits := t.values[t.logits]
	gradient, _ := t.gradient(t.logits)
	loss, correct = crossEntropy(gradient, logits, labels, t.options.LabelSmoothing)
	for i := len(t.nodes) - 1; i >= 0; i-- {
		gn := &t.graph.Nodes[i]
		if gradient := t.gradients[gn.Output]; gradient != nil {
			t.gradients[gn.Output] = nil
			t.nodes[i].backward(t, gradient, t.values[gn.Output], t.inputs(gn), gn.Inputs)
			t.release(gradient)
		}
	}
	return loss, correct
}

func (t *Trainer) inputs(n *graph.Node) []*tensor {
	in := make([]*tensor, len(n.Inputs))
	for i, id := range n.Inputs {
		in[i] = t.values[id]
	}
	return in
}

// Graph is the network with its present weights and running statistics; its
// BatchNorms are separate still (see graph.FoldBatchNorm).
func (t *Trainer) Graph() *graph.Graph {
	g := t.graph.Clone()
	for i, n := range t.nodes {
		g.Nodes[i].Op = n.operator()
	}
	return g
}

// skipped is a node that the loss takes over.
type skipped struct{ op graph.Op }

func (skipped) forward(*Trainer, *tensor, []*tensor)                            {}
func (skipped) backward(*Trainer, *tensor, *tensor, []*tensor, []graph.ValueID) {}
func (s skipped) operator() graph.Op                                            { return s.op }
