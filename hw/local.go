package hw

import (
	"math/rand/v2"
	"sync"
	"time"

	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

// newLocal is galen's own runtime on this machine.
func newLocal(l Load) (*backend, error) {
	isa, err := kernel.Default()
	if err != nil {
		return nil, err
	}
	prepare := func(g *graph.Graph) (program, error) { return compile(g, l) }
	return &backend{machine(string(isa)), prepare, func() {}}, nil
}

// compiled is a network on galen's own runtime. Threads share out the images of a batch.
type compiled struct {
	plan    *runtime.Plan
	workers []*runtime.Worker // one per thread
	batch   int
	input   []float32 // batch images
	output  []float32
}

// compile makes a network ready to run on batches of random images; at most one thread
// per image is of use.
func compile(g *graph.Graph, l Load) (*compiled, error) {
	plan, err := runtime.Compile(g, runtime.Options{})
	if err != nil {
		return nil, err
	}
	c := &compiled{
		plan: plan, batch: l.Batch,
		input: noise(l.Batch * plan.InputElements()), output: make([]float32, l.Batch*plan.OutputElements()),
	}
	for range min(l.Threads, l.Batch) {
		c.workers = append(c.workers, plan.NewWorker())
	}
	return c, nil
}

// noise is an input like normalized images: normal with mean 0 and deviation 1, always the same.
func noise(n int) []float32 {
	rng := rand.New(rand.NewPCG(1, 1))
	input := make([]float32, n)
	for i := range input {
		input[i] = float32(rng.NormFloat64())
	}
	return input
}

func (c *compiled) run() error {
	if len(c.workers) == 1 {
		c.share(0)
		return nil
	}
	var group sync.WaitGroup
	for i := range c.workers {
		group.Go(func() { c.share(i) })
	}
	group.Wait()
	return nil
}

// share runs a worker's part of the batch: every len(workers)th image from the given one on.
func (c *compiled) share(worker int) {
	in, out := c.plan.InputElements(), c.plan.OutputElements()
	for i := worker; i < c.batch; i += len(c.workers) {
		c.workers[worker].Run(c.output[i*out:(i+1)*out], c.input[i*in:(i+1)*in])
	}
}

// layerTimes gives each layer's median time over a few runs of one image.
func (c *compiled) layerTimes() []LayerTime {
	input, output := c.input[:c.plan.InputElements()], c.output[:c.plan.OutputElements()]
	layers := c.plan.Layers()
	samples := make([][]float64, len(layers))
	for range layerRuns {
		times := make([]time.Duration, len(layers))
		c.workers[0].RunTimed(output, input, times)
		for i, t := range times {
			samples[i] = append(samples[i], milliseconds(t))
		}
	}
	times := make([]LayerTime, len(layers))
	for i, l := range layers {
		times[i] = LayerTime{Layer: l.Name, Kernel: l.Kernel, MS: median(samples[i])}
	}
	return times
}

func (*compiled) close() {}
