package hw

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// The measuring protocol's limits. A sample is the mean of enough runs to last
// shortestSample, after one run that brings the model's weights back into the caches
// the other model has just used.
const (
	shortestSample = 0.4                     // milliseconds
	openTime       = 1200 * time.Millisecond // sampling the reference when the device is opened
	warmUpLimit    = 250 * time.Millisecond
	enoughSamples  = 25 // quiet ones, at least
	layerRuns      = 15
	driftAllowed   = 0.05 // between the halves of the reference's samples
	throttleAlarm  = 1.25 // reference now ÷ reference when the device was opened
)

// rigour is how far a measurement goes.
type rigour struct {
	limit      time.Duration // it ends then, certain or not
	samples    int           // quiet ones, at least
	ratioError float64       // relative, that is small enough to end
}

// A search compares hundreds of candidates; the few that may win are worth more time. Where a
// candidate's memory comes to lie makes it a per cent faster or slower, and is another every time that it
// is prepared. So these are prepared several times, and timed each time.
var (
	usual    = rigour{limit: 2500 * time.Millisecond, samples: enoughSamples, ratioError: 0.006}
	thorough = rigour{limit: 2 * time.Second, samples: enoughSamples, ratioError: 0.0045} // each of the preparations
)

const preparations = 5

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

// program is a network made ready to run on inputs it holds.
type program interface {
	// run computes all outputs once.
	run() error
	// layerTimes times the layers one by one; nil where the runtime does not tell.
	layerTimes() []LayerTime
	close()
}

// subject is a program under measurement.
type subject struct {
	program
	threads int // that it runs on
	runs    int // per sample
}

func newSubject(p program, threads int) *subject {
	return &subject{program: p, threads: threads, runs: 1}
}

// yardstick is the reference that others are compared with.
type yardstick struct {
	*subject
	opened float64   // the quiet reference at first, milliseconds
	recent []float64 // the latest samples, milliseconds
	quiet  float64   // the quiet reference now, milliseconds: see remember
}

// newYardstick warms the reference up and learns how fast it is when nothing disturbs it.
func newYardstick(s *subject) (*yardstick, error) {
	y := &yardstick{subject: s}
	if err := y.warmUp(shortestSample); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(openTime); len(y.recent) < enoughSamples || time.Now().Before(deadline); {
		ms, _, err := y.sample()
		if err != nil {
			return nil, err
		}
		y.remember(ms)
	}
	y.opened = y.quiet
	return y, nil
}

// warmUpBeside warms the reference and candidates up that are to be compared with it. A candidate's samples
// last as long as the reference's: the system's clock interrupts a run of a millisecond once or
// twice, so that the median of runs that short jumps from the one to the other.
func (y *yardstick) warmUpBeside(candidates ...*subject) error {
	if err := y.warmUp(shortestSample); err != nil {
		return err
	}
	for _, c := range candidates {
		if err := c.warmUp(max(shortestSample, y.quiet*float64(y.runs))); err != nil {
			return err
		}
	}
	return nil
}

// remember keeps a sample of the reference among the recent ones.
func (y *yardstick) remember(ms float64) {
	if len(y.recent) == recentSamples {
		y.recent = append(y.recent[:0], y.recent[recentSamples/4:]...)
	}
	y.recent = append(y.recent, ms)
	if n := len(y.recent); n <= enoughSamples || n%64 == 0 {
		y.quiet = quantile(y.recent, quietQuantile)
	}
}

// samples are latencies in milliseconds: candidate[i] was taken between two samples of
// the reference, of which reference[i] is the later one and beside[i] the mean. That mean is the fairest
// to compare the candidate with, but it scatters less than the reference does.
type samples struct {
	candidate, reference, beside, ratio []float64
	settled                             bool // whether the ratio became as certain as wanted
	wanted                              rigour
}

func (s *samples) add(candidate, before, after float64) {
	s.append(candidate, after, (before+after)/2)
}

func (s *samples) append(candidate, reference, beside float64) {
	s.candidate = append(s.candidate, candidate)
	s.reference = append(s.reference, reference)
	s.beside = append(s.beside, beside)
	s.ratio = append(s.ratio, candidate/beside)
}

// contender is a candidate with the samples taken of it.
type contender struct {
	*subject
	all, calm *samples // calm: those taken while nothing disturbed
}

// interleave samples the reference and each candidate in turn until the ratios are certain
// or the time is up. It returns each candidate's quiet samples, or the calmest if there are
// too few.
func (y *yardstick) interleave(ctx context.Context, wanted rigour, candidates ...*subject) ([]*samples, error) {
	contenders := make([]contender, len(candidates))
	for i, c := range candidates {
		contenders[i] = contender{c, &samples{wanted: wanted}, &samples{wanted: wanted}}
	}
	deadline := time.Now().Add(wanted.limit)
	before, _, err := y.sample()
	if err != nil {
		return nil, err
	}
	unsettled := func(c contender) bool { return !c.calm.settled }
	for slices.ContainsFunc(contenders, unsettled) && (time.Now().Before(deadline) || len(contenders[0].all.ratio) < enoughSamples) {
		for _, c := range contenders {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			ms, kept, err := c.sample()
			if err != nil {
				return nil, err
			}
			after, _, err := y.sample()
			if err != nil {
				return nil, err
			}
			y.remember(after)
			c.all.add(ms, before, after)
			if kept && max(before, after) <= quietAllowance*y.quiet {
				c.calm.add(ms, before, after)
				c.calm.judge()
			}
			before = after
		}
	}
	taken := make([]*samples, len(contenders))
	for i, c := range contenders {
		if taken[i] = c.calm; len(c.calm.ratio) < enoughSamples/2 {
			taken[i] = c.all.calmest()
		}
	}
	return taken, nil
}

// calmest are the samples, a third of all, beside which the reference was fastest.
func (s *samples) calmest() *samples {
	order := make([]int, len(s.beside))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(s.beside[i], s.beside[j]) })
	order = order[:max(min(enoughSamples/2, len(order)), len(order)/3)]
	slices.Sort(order) // in time again
	c := &samples{wanted: s.wanted}
	for _, i := range order {
		c.append(s.candidate[i], s.reference[i], s.beside[i])
	}
	return c
}

// judge looks, after every fifth sample, whether the ratio has become as certain as wanted.
func (s *samples) judge() {
	if n := len(s.ratio); n >= s.wanted.samples && n%5 == 0 {
		s.settled = medianError(s.ratio) <= s.wanted.ratioError*median(s.ratio)
	}
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
		m.Flags = append(m.Flags, Throttled)
	}
	return m
}

// measurementOf summarizes what was seen of several preparations of a candidate. The interval is that of the
// mean of their ratios by Student's t or, where that is wider, that of the median over all pairs.
func measurementOf(prepared []*samples, opened float64) Measurement {
	all := &samples{settled: true}
	var ratios []float64
	for _, s := range prepared {
		all.candidate = append(all.candidate, s.candidate...)
		all.reference = append(all.reference, s.reference...)
		all.ratio = append(all.ratio, s.ratio...)
		all.settled = all.settled && s.settled
		ratios = append(ratios, median(s.ratio))
	}
	m := all.measurement(opened)
	if n := float64(len(ratios)); n > 1 {
		mean, deviation := stat.MeanStdDev(ratios, nil)
		t := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975)
		m.Ratio, m.RatioError = mean, max(m.RatioError, t*deviation/math.Sqrt(n))
	}
	return m
}

// warmUp runs the subject until two samples in a row agree, and sets how many runs
// make a sample that lasts as long as given, in milliseconds.
func (s *subject) warmUp(lasting float64) error {
	deadline := time.Now().Add(warmUpLimit)
	last := math.Inf(1)
	for time.Now().Before(deadline) {
		ms, kept, err := s.sample()
		if err != nil {
			return err
		}
		s.runs = max(1, int(math.Ceil(lasting/ms)))
		if kept && math.Abs(ms/last-1) < 0.02 {
			return nil
		}
		last = ms
	}
	return nil
}

// sample gives the mean latency of a few runs in milliseconds, and whether our thread
// kept its core throughout. Where it did not, the time it waited for one is left out: it says how
// busy the machine is, and hits long runs more often than short ones. Of a subject on several threads
// that time is not known: ours waits for the others, too.
func (s *subject) sample() (ms float64, kept bool, err error) {
	if err := s.run(); err != nil {
		return 0, false, err
	}
	preempted := preemptions()
	onCore, known := timeOnCore()
	start := time.Now()
	for range s.runs {
		if err := s.run(); err != nil {
			return 0, false, err
		}
	}
	elapsed := time.Since(start)
	kept = preemptions() == preempted
	if !kept && known && s.threads == 1 {
		now, _ := timeOnCore()
		elapsed = min(elapsed, now-onCore)
	}
	return milliseconds(elapsed) / float64(s.runs), kept, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measuring is held by whoever measures: two at once would disturb each other, on one core even, and each
// would leave the garbage collector as the other had it.
var measuring sync.Mutex

// HoldMeasurements waits for the measurement under way in this process and lets none begin until release is
// called: for work that would disturb it, and whose garbage would not be collected.
func HoldMeasurements() (release func()) {
	measuring.Lock()
	return measuring.Unlock
}

// undisturbed waits until nobody else in this process measures, turns the garbage collector off and, for
// measuring on a single thread, gives the calling goroutine a core of its own, until the returned function
// is called.
func undisturbed(threads int) (release func()) {
	measuring.Lock()
	runtime.GC()
	percent := debug.SetGCPercent(-1)
	runtime.LockOSThread()
	unpin := func() {}
	if threads == 1 {
		unpin = pin()
	}
	return func() {
		unpin()
		runtime.UnlockOSThread()
		debug.SetGCPercent(percent)
		measuring.Unlock()
	}
}
