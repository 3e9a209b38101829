package ui

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

// processorTime is what this process has used of all cores.
func processorTime(t *testing.T) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Skip("this system does not tell processor time: ", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// TestTheInterfaceLeavesTheProcessorToTheSearch takes the processor time of the interface alone, at
// ten states a second of a network of 200 layers after ten thousand episodes. About 3 % of a core
// is meant; the limit leaves room for machines where other work makes every instruction dearer.
func TestTheInterfaceLeavesTheProcessorToTheSearch(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	full := manyEpisodes()
	p, end := perform(t, blocked{}, &counting{}, full)
	defer end()
	runtime.GC() // of what the samples left behind
	const updates, each = 40, 100 * time.Millisecond
	before, began := processorTime(t), time.Now()
	for i := range updates {
		s := *full
		s.Episodes = full.Episodes[:9000+i/5]
		s.Best = s.Episodes[8000]
		s.Episode, s.Step, s.Done = len(s.Episodes)+1, i*7%200, i*7%200
		s.Version += uint64(i) + 1
		p.Send(snapshotMsg{&s})
		time.Sleep(each)
	}
	part := float64(processorTime(t)-before) / float64(time.Since(began))
	t.Logf("%.1f %% of a core", 100*part)
	if part > 0.06 {
		t.Errorf("the interface takes %.1f %% of a core", 100*part)
	}
}
