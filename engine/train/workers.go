package train

import (
	"sync"
	"sync/atomic"
)

// pool spreads independent tasks over workers.
type pool struct{ workers int }

func newPool(workers int) pool { return pool{workers} }

// run calls task for 0 … n−1, each once, in any order. No two calls with the same
// worker number, from 0, overlap, so that workers may have scratch of their own.
func (p pool) run(n int, task func(worker, i int)) {
	workers := min(p.workers, n)
	if workers <= 1 {
		for i := range n {
			task(0, i)
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				task(worker, i)
			}
		})
	}
	all.Wait()
}

// parts is into how many parts a batch is cut whose sums are added up afterwards, in
// order. It must not depend on the number of workers.
const parts = 16

// part is the images of the i-th of count parts of a batch.
func part(n, count, i int) (first, end int) { return n * i / count, n * (i + 1) / count }
