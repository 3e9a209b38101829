// Package hw measures the latency of compressed networks on hardware.
package hw

import (
	"context"

	"galen/hw/graph"
)

// Device is where latency is measured. It is opened for one reference model,
// the uncompressed network, against which every candidate is timed.
type Device interface {
	Fingerprint() Fingerprint
	// Measure times the candidate interleaved with the reference, one image at a
	// time. It blocks until the ratio is known well enough or a limit is reached.
	Measure(ctx context.Context, candidate *graph.Graph) (Measurement, error)
	// MeasureThoroughly is Measure of the candidate prepared anew several times, to a tighter
	// interval, and takes several times as long.
	MeasureThoroughly(ctx context.Context, candidate *graph.Graph) (Measurement, error)
	Close() error
}

// Fingerprint says what a device is, so that latencies are never compared across
// devices unknowingly.
type Fingerprint struct {
	Device   string // as Open takes it: local, ort:LIBRARY, roofline:
	CPU      string // model name
	Cores    int
	ISA      string // instruction set galen's runtime uses
	Runtime  string // name and version of the runtime where it is not galen's
	Governor string // clock governor; empty if unknown
	OS       string
	Version  string // of galen
}

// Measurement is the latency of one candidate.
type Measurement struct {
	Candidate Statistic
	Reference Statistic
	Ratio     float64 // candidate ÷ reference, median over pairs; mean of that over preparations
	// RatioError is half the width of the ratio's 95 % confidence interval. The reference is prepared once per
	// process: that it would be faster or slower elsewhere in memory, as candidates are, is not in it.
	RatioError      float64
	Samples         []float64 // of the candidate, milliseconds
	Flags           []string  // noisy, drifting, throttled
	Layers          []LayerTime
	ReferenceLayers []LayerTime
}

// Throttled flags a measurement during which the reference was much slower than when the
// device was opened.
const Throttled = "throttled"

// Statistic is a robust summary of samples, in milliseconds.
type Statistic struct {
	Median float64
	MAD    float64 // median absolute deviation
}

// LayerTime is one layer's part of a latency.
type LayerTime struct {
	Layer  string
	Kernel string // what the runtime chose
	MS     float64
}
