package hw

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// work is a program that computes for about so long on its thread, whatever else runs.
type work struct{ rounds int }

func (w work) run() error {
	x := uint64(1)
	for range w.rounds {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	if x == 0 {
		panic("xorshift never gets to zero")
	}
	return nil
}

func (work) layerTimes() []LayerTime { return nil }
func (work) close()                  {}

func TestSampleLeavesOutWaitingForTheCore(t *testing.T) {
	if _, known := timeOnCore(); !known {
		t.Skip("this system does not tell how long a thread had a core")
	}
	release := undisturbed(1)
	defer release()
	s := newSubject(work{10_000_000}, 1)
	alone := fastest(t, s)
	stop := rival()
	defer stop()
	var contended []float64
	preempted := false
	for range 5 {
		ms, kept, err := s.sample()
		if err != nil {
			t.Fatal(err)
		}
		contended = append(contended, ms)
		preempted = preempted || !kept
	}
	if !preempted {
		t.Skip("nobody took the core away")
	}
	// Sharing the core in turns would double it.
	if ratio := quantile(contended, 0) / alone; ratio > 1.5 {
		t.Errorf("a sample takes %.2f times as long beside another thread on its core; its own time should not change", ratio)
	}
}

func TestMeasuringIsPinnedToTheCoreThatIsAskedForItsGovernor(t *testing.T) {
	want, _, err := measuringCPU()
	if err != nil {
		t.Skip(err)
	}
	release := undisturbed(1)
	defer release()
	var pinned unix.CPUSet
	if err := unix.SchedGetaffinity(0, &pinned); err != nil {
		t.Fatal(err)
	}
	if pinned.Count() != 1 || !pinned.IsSet(want) {
		t.Errorf("measuring is pinned to %d cores, %t that to %d", pinned.Count(), pinned.IsSet(want), want)
	}
}

// clocked takes the time of its last run.
type clocked struct {
	work
	took *time.Duration
}

func (c clocked) run() error {
	start := time.Now()
	err := c.work.run()
	*c.took = time.Since(start)
	return err
}

func TestSampleOfSeveralThreadsCountsWaiting(t *testing.T) {
	release := undisturbed(1)
	defer release()
	stop := rival()
	defer stop()
	var took time.Duration
	s := newSubject(clocked{work{10_000_000}, &took}, 2)
	for range 5 {
		ms, kept, err := s.sample()
		if err != nil {
			t.Fatal(err)
		}
		if !kept {
			if ms < milliseconds(took) {
				t.Errorf("a run of %v is a sample of %.3f ms", took, ms)
			}
			return
		}
	}
	t.Skip("nobody took the core away")
}

func fastest(t *testing.T, s *subject) float64 {
	t.Helper()
	var alone []float64
	for range 5 {
		ms, _, err := s.sample()
		if err != nil {
			t.Fatal(err)
		}
		alone = append(alone, ms)
	}
	return quantile(alone, 0)
}

// rival computes on the core that measuring is pinned to, until stopped.
func rival() (stop func()) {
	var done atomic.Bool
	running := make(chan struct{})
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		pin()
		close(running)
		for !done.Load() {
			_ = work{1000}.run()
		}
	}()
	<-running
	time.Sleep(10 * time.Millisecond)
	return func() { done.Store(true) }
}
