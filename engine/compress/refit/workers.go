// Package refit finds the numbers of a compressed network: what the weights that are left must be to make
// up for what was lost, how weights and activations become integers, and what biases and scales correct. It
// looks at layers one by one, at the tensors they read and give on calibration images and the moments of
// those. Which channels stay is decided elsewhere; here channels are lists of indices.
package refit

import (
	"context"

	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

// Workers do the arithmetic of this package with several goroutines. Results do not depend on how many there are.
type Workers struct {
	ISA    kernel.ISA
	Count  int // of goroutines
	Pixels int // that moments of a tensor are taken of, at most; 0: leastPixels
}

// NewWorkers are the workers for a graph.
func NewWorkers(isa kernel.ISA, count int, g *graph.Graph) Workers {
	return Workers{isa, count, momentPixels(g)}
}

// Alone is a single worker.
func (w Workers) Alone() Workers {
	w.Count = 1
	return w
}

// Each calls f for every index below n.
func (w Workers) Each(n int, f func(i int)) {
	_ = runtime.Parallel(context.Background(), n, max(w.Count, 1), func() func(int) { return f }) // a background context is never done
}

// Tracer returns a tracer with no memory of its own; what it recycles goes with it.
func (w Workers) Tracer() *runtime.Tracer { return runtime.NewTracer(w.ISA, w.Count) }
