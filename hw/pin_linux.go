package hw

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// measuringCPU is the core that the calling thread measures on, the last of those it may use, allowed: the
// first ones are where most systems put their interrupts.
func measuringCPU() (cpu int, allowed unix.CPUSet, err error) {
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return 0, allowed, err
	}
	for cpu = len(allowed)*64 - 1; cpu > 0 && !allowed.IsSet(cpu); cpu-- {
	}
	return cpu, allowed, nil
}

// pin binds the calling thread to the core it measures on. Where that is not allowed the thread
// stays free.
func pin() (unpin func()) {
	cpu, allowed, err := measuringCPU()
	if err != nil {
		return func() {}
	}
	var one unix.CPUSet
	one.Set(cpu)
	if unix.SchedSetaffinity(0, &one) != nil {
		return func() {}
	}
	return func() { _ = unix.SchedSetaffinity(0, &allowed) }
}

// governor is the clock governor of the core that is measured on; empty if unknown.
func governor() string {
	cpu, _, err := measuringCPU()
	if err != nil {
		return ""
	}
	content, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpu))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
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
