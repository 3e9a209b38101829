package engine

import (
	"slices"
	"time"

	"galen/store"
)

// stopwatch adds up working time.
type stopwatch struct {
	elapsed time.Duration
	since   time.Time // zero: stopped
}

func (w *stopwatch) start() {
	if w.since.IsZero() {
		w.since = time.Now()
	}
}

func (w *stopwatch) stop() {
	w.elapsed = w.read()
	w.since = time.Time{}
}

func (w *stopwatch) read() time.Duration {
	if w.since.IsZero() {
		return w.elapsed
	}
	return w.elapsed + time.Since(w.since)
}

// laps splits working time.
type laps struct {
	clock         *stopwatch
	begun, latest time.Duration
}

func startLaps(clock *stopwatch) *laps {
	now := clock.read()
	return &laps{clock, now, now}
}

// next is the working time since the lap before, in seconds.
func (l *laps) next() float64 {
	now := l.clock.read()
	lap := now - l.latest
	l.latest = now
	return lap.Seconds()
}

// total is the working time of all laps, in seconds.
func (l *laps) total() float64 { return (l.latest - l.begun).Seconds() }

// Phase is what one part of the episodes of a run cost.
type Phase struct {
	Name  string  `json:"name"`
	Agent bool    `json:"agent"` // whether it is the agent's own work
	Mean  float64 `json:"mean"`  // seconds
	P95   float64 `json:"p95"`   // seconds; 95 of 100 episodes took no longer
	Share float64 `json:"share"` // of all parts, in [0,1]
}

// Timing is where the time of a run's episodes went.
type Timing struct {
	Episodes int     `json:"episodes"` // those whose times were taken
	Mean     float64 `json:"mean"`     // seconds
	P95      float64 `json:"p95"`      // seconds
	Agent    float64 `json:"agent"`    // share of the agent's own work, in [0,1]
	Phases   []Phase `json:"phases"`
}

// TimingOf sums up where the time of episodes went.
func TimingOf(episodes []*store.Episode) Timing {
	phases := []struct {
		name  string
		agent bool
		of    func(*store.Timing) float64
	}{
		{"deciding", true, func(t *store.Timing) float64 { return t.Deciding }},
		{"compressing", false, func(t *store.Timing) float64 { return t.Compressing }},
		{"scoring", false, func(t *store.Timing) float64 { return t.Scoring }},
		{"measuring", false, func(t *store.Timing) float64 { return t.Measuring }},
		{"learning", true, func(t *store.Timing) float64 { return t.Learning }},
		{"committing", false, func(t *store.Timing) float64 { return t.Committing }},
	}
	seconds := make([][]float64, len(phases))
	var whole []float64
	for _, e := range episodes {
		if e.Timing == nil {
			continue
		}
		sum := 0.0
		for i, p := range phases {
			seconds[i] = append(seconds[i], p.of(e.Timing))
			sum += p.of(e.Timing)
		}
		whole = append(whole, sum)
	}
	t := Timing{Episodes: len(whole)}
	if len(whole) == 0 {
		return t
	}
	t.Mean, t.P95 = meanAndP95(whole)
	for i, p := range phases {
		phase := Phase{Name: p.name, Agent: p.agent}
		phase.Mean, phase.P95 = meanAndP95(seconds[i])
		if t.Mean > 0 {
			phase.Share = phase.Mean / t.Mean
		}
		if p.agent {
			t.Agent += phase.Share
		}
		t.Phases = append(t.Phases, phase)
	}
	return t
}

// meanAndP95 are the mean and the 95th percentile, by the nearest rank.
func meanAndP95(x []float64) (mean, p95 float64) {
	for _, v := range x {
		mean += v
	}
	sorted := slices.Sorted(slices.Values(x))
	return mean / float64(len(x)), sorted[(95*len(x)+99)/100-1]
}
