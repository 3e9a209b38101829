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

	"galen/hw/runtime"
)

// divergences finds, for every change, the sum over images of KL(original ‖ changed), given the
// original's logits and all tensors of the unchanged network. Each worker is at another change:
// they need not wait for each other after every node. found is told one after the other, in this
// goroutine; an error of it, or the end of ctx, ends the work.
func (s *unrepaired) divergences(ctx context.Context, changes []change, values []*runtime.Batch, original []float32, found func(ch *change, divergence float64) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type finding struct {
		ch         *change
		divergence float64
		err        error
	}
	findings := make(chan finding)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(s.options.Workers, len(changes)) {
		workers.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					findings <- finding{err: fmt.Errorf("internal error: %v\n%s", p, debug.Stack())}
				}
			}()
			tracer := runtime.NewTracer(s.options.ISA, 1)
			for i := next.Add(1) - 1; i < int64(len(changes)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				f := finding{ch: &changes[i]}
				var out *runtime.Batch
				if out, f.err = s.changed(tracer, f.ch, values); f.err == nil {
					f.divergence = klSum(original, out.Outputs(), out.N)
				}
				findings <- f
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
			failed = found(f.ch, f.divergence)
		}
		if failed != nil {
			cancel()
		}
	}
	return cmp.Or(failed, ctx.Err())
}

// klSum is the sum of KL(softmax(p) ‖ softmax(q)) over n rows of logits, in nats.
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
