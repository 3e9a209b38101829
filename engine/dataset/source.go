package dataset

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// source is where the images of a set come from. It may be read from any goroutine.
type source interface {
	// read writes image i, which is in range, to dst: channels outermost, of the
	// shape the set has. The error names the file.
	read(i int, dst []uint8) error
}

// pixels is the set's source, in memory or not.
func (s *Set) pixels() source {
	if s.source != nil {
		return s.source
	}
	return memory{s.Images}
}

// memory is the source of a set in memory.
type memory struct{ images []uint8 }

func (m memory) read(i int, dst []uint8) error {
	copy(dst, m.images[i*len(dst):])
	return nil
}

// reordered gives the images of another source in another order.
type reordered struct {
	source
	order []int
}

func (r reordered) read(i int, dst []uint8) error { return r.source.read(r.order[i], dst) }

// shuffle puts the records of a set in a fixed random order, for data that may be
// sorted by class: the records at its end then are a fair sample to hold out.
func (s *Set) shuffle() {
	const seed, stream = 0, 2
	order := draw(seed, stream, 0, s.Len())
	s.source = reordered{s.pixels(), order}
	s.Labels = s.LabelsOf(order)
	s.Images = nil
}

// inParallel calls do for 0 … n−1 on all cores until one call fails, and returns the
// error of the lowest number that failed. A call that panics fails, too.
func inParallel(n int, do func(i int) error) error {
	var (
		next    atomic.Int64
		workers sync.WaitGroup
		mu      sync.Mutex
		failed  = n
		failure error
	)
	for range min(n, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := guarded(do, i); err != nil {
					mu.Lock()
					if i < failed {
						failed, failure = i, err
					}
					mu.Unlock()
					next.Store(int64(n)) // what is under way has lower numbers and is finished
					return
				}
			}
		})
	}
	workers.Wait()
	return failure
}

func guarded(do func(i int) error, i int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v\n%s", p, debug.Stack())
		}
	}()
	return do(i)
}
