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
	sampleTime    = 400 * time.Microsecond
	openTime      = 1200 * time.Millisecond // sampling the reference when the device is opened
	warmUpLimit   = 250 * time.Millisecond
	measureLimit  = 2500 * time.Millisecond
	enoughSamples = 25    // quiet ones, at least
	wantedError   = 0.006 // of the ratio, relative
	layerRuns     = 15
	driftAllowed  = 0.05 // between the halves of the reference's samples
	throttleAlarm = 1.25 // reference now ÷ reference when the device was opened
)

// Whatever shares the processor's caches, memory or execution units with our core slows
// some models more than others, and comes and goes within milliseconds: over a second the
// ratio of two medians can be ten percent off. So a candidate's sample counts only
// if the reference's samples right before and after it were about as fast as the
// reference ever is.
const (
	quietAllowance = 1.06 // how much slower than the quiet reference still is quiet
	quietQuantile  = 0.03 // of the recent reference samples: the quiet reference
	recentSamples  = 4096
)

// local measures on this machine, one image at a time on one pinned core.
type local struct {
	fingerprint Fingerprint
	reference   *model
	layers      []LayerTime
	opened      float64   // the quiet reference when the device was opened, milliseconds
	recent      []float64 // the reference's latest samples, milliseconds
	quiet       float64   // the quiet reference now, milliseconds: see remember
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
	release := undisturbed()
	defer release()
	d.reference.warmUp()
	for deadline := time.Now().Add(openTime); len(d.recent) < enoughSamples || time.Now().Before(deadline); {
		ms, _ := d.reference.sample()
		d.remember(ms)
	}
	d.opened = d.quiet
	d.layers = d.reference.layerTimes()
	return d, nil
}

// remember keeps a sample of the reference among the recent ones.
func (d *local) remember(ms float64) {
	if len(d.recent) == recentSamples {
		d.recent = append(d.recent[:0], d.recent[recentSamples/4:]...)
	}
	d.recent = append(d.recent, ms)
	if n := len(d.recent); n <= enoughSamples || n%64 == 0 {
		d.quiet = quantile(d.recent, quietQuantile)
	}
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
	release := undisturbed()
	defer release()
	d.reference.warmUp()
	m.warmUp()
	taken, err := d.interleave(ctx, m)
	if err != nil {
		return Measurement{}, err
	}
	result := taken.measurement(d.opened)
	result.Layers = m.layerTimes()
	result.ReferenceLayers = d.layers
	return result, nil
}

// samples are latencies in milliseconds: candidate[i] was taken between two samples of
// the reference, whose mean is reference[i].
type samples struct {
	candidate, reference, ratio []float64
	settled                     bool // whether the ratio became as certain as wanted
}

func (s *samples) add(candidate, before, after float64) {
	reference := (before + after) / 2
	s.candidate = append(s.candidate, candidate)
	s.reference = append(s.reference, reference)
	s.ratio = append(s.ratio, candidate/reference)
}

// interleave samples the reference and the candidate in turn until the ratio is certain
// or the time is up. It returns the quiet samples, or all of them if there are too few.
func (d *local) interleave(ctx context.Context, candidate *model) (*samples, error) {
	all, calm := &samples{}, &samples{}
	deadline := time.Now().Add(measureLimit)
	before, beforeKept := d.reference.sample()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ms, kept := candidate.sample()
		after, afterKept := d.reference.sample()
		d.remember(after)
		all.add(ms, before, after)
		if kept && beforeKept && afterKept && max(before, after) <= quietAllowance*d.quiet {
			calm.add(ms, before, after)
			if n := len(calm.ratio); n >= enoughSamples && n%5 == 0 {
				calm.settled = medianError(calm.ratio) <= wantedError*median(calm.ratio)
			}
		}
		if calm.settled || time.Now().After(deadline) && len(all.ratio) >= enoughSamples {
			break
		}
		before, beforeKept = after, afterKept
	}
	if len(calm.ratio) >= enoughSamples/2 {
		return calm, nil
	}
	return all, nil
}

// measurement summarizes the samples and flags what casts doubt on them; opened is the
// quiet reference's latency when the device was opened, in milliseconds.
func (s *samples) measurement(opened float64) Measurement {
	m := Measurement{
		Candidate:  summarize(s.candidate),
		Reference:  summarize(s.reference),
		Ratio:      median(s.ratio),
		RatioError: medianError(s.ratio),
		Samples:    s.candidate,
	}
	if !s.settled {
		m.Flags = append(m.Flags, "noisy")
	}
	half := len(s.reference) / 2
	early, late := median(s.reference[:half]), median(s.reference[half:])
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

// undisturbed gives the calling goroutine a core of its own with the garbage collector off,
// until the returned function is called.
func undisturbed() (release func()) {
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
