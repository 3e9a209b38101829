package hw

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"time"

	"galen/hw/graph"
	"galen/hw/kernel"
	engine "galen/hw/runtime"
)

// The measuring protocol's limits. A sample is the mean of enough runs to last
// sampleTime, after one run that brings the model's weights back into the caches
// the other model has just used.
const (
	sampleTime    = 500 * time.Microsecond
	minimumPairs  = 15
	maximumPairs  = 400
	warmUpLimit   = 250 * time.Millisecond
	measureLimit  = 1500 * time.Millisecond
	wantedError   = 0.006 // of the ratio, relative
	layerRuns     = 15
	driftAllowed  = 0.05 // between the halves of the reference's samples
	throttleAlarm = 1.25 // reference now ÷ reference when the device was opened
)

// local measures on this machine, one image at a time on one pinned core.
type local struct {
	fingerprint Fingerprint
	reference   *model
	opened      float64 // the reference's first median, milliseconds
	layers      []LayerTime
}

// model is a compiled graph with what one run of it needs.
type model struct {
	plan   *engine.Plan
	worker *engine.Worker
	input  []float32
	output []float32
	runs   int // per sample
}

func newLocal(reference *graph.Graph) (*local, error) {
	isa, err := kernel.Default()
	if err != nil {
		return nil, err
	}
	d := &local{fingerprint: machine(string(isa))}
	if d.reference, err = compile(reference); err != nil {
		return nil, fmt.Errorf("compile the reference model: %w", err)
	}
	release := quiet()
	defer release()
	d.reference.warmUp()
	samples := make([]float64, minimumPairs)
	for i := range samples {
		samples[i], _ = d.reference.sample()
	}
	d.opened = median(samples)
	d.layers = d.reference.layerTimes()
	return d, nil
}

func compile(g *graph.Graph) (*model, error) {
	plan, err := engine.Compile(g, engine.Options{})
	if err != nil {
		return nil, err
	}
	m := &model{plan: plan, worker: plan.NewWorker(), runs: 1}
	m.input = make([]float32, g.Values[g.Input].Shape.Elements())
	m.output = make([]float32, g.Values[g.Output].Shape.Elements())
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range m.input {
		m.input[i] = float32(rng.NormFloat64())
	}
	return m, nil
}

func (d *local) Fingerprint() Fingerprint { return d.fingerprint }

func (d *local) Close() error { return nil }

func (d *local) Measure(ctx context.Context, candidate *graph.Graph) (Measurement, error) {
	m, err := compile(candidate)
	if err != nil {
		return Measurement{}, fmt.Errorf("compile the candidate: %w", err)
	}
	release := quiet()
	defer release()
	d.reference.warmUp()
	m.warmUp()
	pairs, err := interleave(ctx, m, d.reference)
	if err != nil {
		return Measurement{}, err
	}
	result := pairs.measurement(d.opened)
	result.Layers = m.layerTimes()
	result.ReferenceLayers = d.layers
	return result, nil
}

// pairs are interleaved samples in milliseconds: candidate[i] and reference[i] were
// taken right after each other.
type pairs struct {
	candidate, reference, ratio []float64
	disturbed                   int  // pairs thrown away because the kernel took the core from us
	settled                     bool // whether the ratio became as certain as wanted
}

// interleave samples candidate and reference in turn, swapping who goes first,
// until the ratio is certain or a limit is reached. Pairs during which the
// operating system ran something else on our core are thrown away, unless
// there is hardly anything else.
func interleave(ctx context.Context, candidate, reference *model) (*pairs, error) {
	clean, disturbed := &pairs{}, &pairs{}
	deadline := time.Now().Add(measureLimit)
	for i := 0; i < maximumPairs; i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		first, second := candidate, reference
		if i%2 == 1 {
			first, second = reference, candidate
		}
		a, aClean := first.sample()
		b, bClean := second.sample()
		if i%2 == 1 {
			a, b = b, a
		}
		if aClean && bClean {
			clean.add(a, b)
		} else {
			disturbed.add(a, b)
		}
		if n := len(clean.ratio); n >= minimumPairs && n%5 == 0 {
			if medianError(clean.ratio) <= wantedError*median(clean.ratio) {
				clean.settled = true
				break
			}
		}
		if time.Now().After(deadline) && len(clean.ratio)+len(disturbed.ratio) >= minimumPairs {
			break
		}
	}
	if len(clean.ratio) >= minimumPairs/2 {
		clean.disturbed = len(disturbed.ratio)
		return clean, nil
	}
	disturbed.disturbed = len(disturbed.ratio)
	disturbed.candidate = append(disturbed.candidate, clean.candidate...)
	disturbed.reference = append(disturbed.reference, clean.reference...)
	disturbed.ratio = append(disturbed.ratio, clean.ratio...)
	return disturbed, nil
}

func (p *pairs) add(candidate, reference float64) {
	p.candidate = append(p.candidate, candidate)
	p.reference = append(p.reference, reference)
	p.ratio = append(p.ratio, candidate/reference)
}

// measurement summarizes the pairs and flags what casts doubt on them; opened is
// the reference's latency when the device was opened, in milliseconds.
func (p *pairs) measurement(opened float64) Measurement {
	m := Measurement{
		Candidate:  summarize(p.candidate),
		Reference:  summarize(p.reference),
		Ratio:      median(p.ratio),
		RatioError: medianError(p.ratio),
		Samples:    p.candidate,
	}
	if !p.settled && m.RatioError > 2*wantedError*m.Ratio || p.disturbed > len(p.ratio) {
		m.Flags = append(m.Flags, "noisy")
	}
	half := len(p.reference) / 2
	early, late := median(p.reference[:half]), median(p.reference[half:])
	if math.Abs(late/early-1) > driftAllowed {
		m.Flags = append(m.Flags, "drifting")
	}
	if m.Reference.Median > throttleAlarm*opened {
		m.Flags = append(m.Flags, "throttled")
	}
	return m
}

// warmUp runs the model until two samples in a row agree, and sets how many runs
// make a sample.
func (m *model) warmUp() {
	deadline := time.Now().Add(warmUpLimit)
	last := math.Inf(1)
	for time.Now().Before(deadline) {
		ms, clean := m.sample()
		m.runs = max(1, int(math.Ceil(float64(sampleTime)/float64(time.Millisecond)/ms)))
		if clean && math.Abs(ms/last-1) < 0.02 {
			return
		}
		last = ms
	}
}

// sample gives the mean latency of a few runs in milliseconds, and whether our thread
// kept its core throughout.
func (m *model) sample() (ms float64, clean bool) {
	m.worker.Run(m.output, m.input)
	before := preemptions()
	start := time.Now()
	for range m.runs {
		m.worker.Run(m.output, m.input)
	}
	elapsed := time.Since(start)
	return float64(elapsed) / float64(time.Millisecond) / float64(m.runs), preemptions() == before
}

// layerTimes gives each layer's median time over a few runs.
func (m *model) layerTimes() []LayerTime {
	layers := m.plan.Layers()
	samples := make([][]float64, len(layers))
	for range layerRuns {
		times := make([]time.Duration, len(layers))
		m.worker.RunTimed(m.output, m.input, times)
		for i, t := range times {
			samples[i] = append(samples[i], float64(t)/float64(time.Millisecond))
		}
	}
	ms := make([]float64, len(layers))
	for i := range samples {
		ms[i] = median(samples[i])
	}
	return layerTimes(layers, ms)
}

// quiet gives the calling goroutine a core of its own with the garbage collector off,
// until the returned function is called.
func quiet() (release func()) {
	runtime.GC()
	percent := debug.SetGCPercent(-1)
	runtime.LockOSThread()
	unpin := pin()
	return func() {
		unpin()
		runtime.UnlockOSThread()
		debug.SetGCPercent(percent)
	}
}
