package runtime

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"galen/hw/kernel"
)

// memory is what a worker's steps read and write.
type memory struct {
	floats []float32
	bytes  []uint8
	sums   []int32     // accumulators of integer pooling
	inputs [][]float32 // of the operator that runs

	integerInputs [][]uint8 // the same

	requantize kernel.Requantize // the parameters of the layer that runs
	add        kernel.QuantAdd
}

// Worker runs a plan one image at a time. It is not safe for concurrent use.
type Worker struct {
	plan *Plan
	memory
}

// NewWorker returns a worker with an arena of its own.
func (p *Plan) NewWorker() *Worker {
	return &Worker{p, memory{
		floats: kernel.Floats(p.floats),
		bytes:  kernel.Bytes(p.bytes),
		sums:   make([]int32, p.sums),
		inputs: make([][]float32, p.inputs),

		integerInputs: make([][]uint8, p.inputs),
	}}
}

// Run computes the output of one image; both in ONNX layout, [channels, height, width].
// It allocates nothing. It panics if the slices are not as long as
// InputElements and OutputElements say.
func (w *Worker) Run(output, input []float32) {
	w.load(output, input)
	steps := w.plan.steps
	for i := range steps {
		steps[i].exec(&w.memory)
	}
	store(&w.memory, output, w.plan.output)
}

// RunTimed is Run; it adds the time each layer took to layers, indexed as
// graph.Layers. What was fused into a layer, or converts tensors for it, counts to it; the
// rest is not attributed.
func (w *Worker) RunTimed(output, input []float32, layers []time.Duration) {
	w.load(output, input)
	steps := w.plan.steps
	for i := range steps {
		s := &steps[i]
		if s.layer < 0 {
			s.exec(&w.memory)
			continue
		}
		start := time.Now()
		s.exec(&w.memory)
		layers[s.layer] += time.Since(start)
	}
	store(&w.memory, output, w.plan.output)
}

func (w *Worker) load(output, input []float32) {
	p := w.plan
	if len(input) != p.InputElements() || len(output) != p.OutputElements() {
		panic(fmt.Sprintf("runtime: input has %d scalars and output %d, the plan wants %d and %d", len(input), len(output), p.InputElements(), p.OutputElements()))
	}
	load(&w.memory, p.isa, p.input, input)
	p.input.fillBorder(&w.memory)
}

func (s *step) exec(m *memory) {
	s.run(m)
	if s.out.border {
		s.out.fillBorder(m)
	}
}

// RunBatch runs n images, one after the other in images, over the given number of
// workers (0: all cores). Each image is computed on its own, so that the result does
// not depend on how they are shared out.
func (p *Plan) RunBatch(outputs, images []float32, n, workers int) {
	if err := p.RunBatchContext(context.Background(), outputs, images, n, workers); err != nil {
		panic("runtime: " + err.Error()) // a background context is never done
	}
}

// RunBatchContext is RunBatch that stops early when ctx is done, with its error;
// outputs are incomplete then.
func (p *Plan) RunBatchContext(ctx context.Context, outputs, images []float32, n, workers int) error {
	in, out := p.InputElements(), p.OutputElements()
	return Parallel(ctx, n, workers, func() func(int) {
		w := p.NewWorker()
		return func(i int) { w.Run(outputs[i*out:(i+1)*out], images[i*in:(i+1)*in]) }
	})
}

// Parallel calls a function for 0 … n−1 on several goroutines, each with a
// function of its own, until ctx is done. What panics on one of them panics here, where the
// caller can recover from it.
func Parallel(ctx context.Context, n, workers int, start func() func(int)) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, n)
	var (
		next   atomic.Int64
		broken atomic.Pointer[string]
	)
	work := func() {
		defer func() {
			if p := recover(); p != nil {
				what := fmt.Sprintf("%v\n%s", p, debug.Stack())
				broken.Store(&what)
			}
		}()
		do := start()
		for ctx.Err() == nil && broken.Load() == nil {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			do(i)
		}
	}
	if workers == 1 {
		work()
	} else {
		var group sync.WaitGroup
		for range workers {
			group.Go(work)
		}
		group.Wait()
	}
	if what := broken.Load(); what != nil {
		panic(*what)
	}
	return ctx.Err()
}
