package hw

import (
	"time"

	"golang.org/x/sys/unix"
)

// pin binds the calling thread to the last core it may use: the first ones are
// where most systems put their interrupts. Where that is not allowed the thread
// stays free.
func pin() (unpin func()) {
	var allowed unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) != nil {
		return func() {}
	}
	var one unix.CPUSet
	for cpu := len(allowed)*64 - 1; cpu >= 0; cpu-- {
		if allowed.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	if unix.SchedSetaffinity(0, &one) != nil {
		return func() {}
	}
	return func() { _ = unix.SchedSetaffinity(0, &allowed) }
}

// preemptions counts how often the kernel took the core from the calling thread.
func preemptions() int64 {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &usage) != nil {
		return 0
	}
	return int64(usage.Nivcsw)
}

// timeOnCore is how long the calling thread has had a core so far.
func timeOnCore() (time.Duration, bool) {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}
