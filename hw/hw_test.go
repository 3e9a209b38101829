package hw

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"galen/hw/graph"
)

// network is a chain of 3×3 convolutions over a 16×16 image; bits 32 leaves it in float.
func network(t testing.TB, channels, layers, bits int) *graph.Graph {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	g := graph.NewGraph("chain", "input", graph.Shape{channels, 16, 16})
	quant := &graph.Quant{Scale: 0.05, Zero: 0, Bits: min(bits, 8)}
	last := g.Input
	append := func(op graph.Op, name string) {
		id, err := g.Append(name, op, name+".out", last)
		if err != nil {
			t.Fatal(err)
		}
		last = id
	}
	if bits < graph.FloatBits {
		append(graph.Quantize{}, "quantize")
		g.Values[last].Quant = quant
	}
	for i := range layers {
		n := channels * channels * 9
		w := graph.Weight{Shape: []int{channels, channels, 3, 3}}
		if bits < graph.FloatBits {
			w.Bits, w.Int, w.Scale = bits, make([]int8, n), make([]float32, channels)
			limit := graph.WeightLimit(bits)
			for j := range w.Int {
				w.Int[j] = int8(rng.IntN(2*limit+1) - limit)
			}
			for j := range w.Scale {
				w.Scale[j] = 0.01
			}
		} else {
			w.Float = make([]float32, n)
			for j := range w.Float {
				w.Float[j] = float32(rng.NormFloat64() / 20)
			}
		}
		append(&graph.Conv{
			Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 1, Weight: w,
		}, "conv"+string(rune('a'+i)))
		append(graph.Relu{}, "relu"+string(rune('a'+i)))
		if bits < graph.FloatBits && i < layers-1 {
			g.Values[last].Quant = quant
		}
	}
	return g
}

func TestLocalMeasuresTheReferenceAgainstItself(t *testing.T) {
	reference := network(t, 32, 3, graph.FloatBits)
	d, err := Open("local", reference, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	m, err := d.Measure(context.Background(), reference)
	if err != nil {
		t.Fatal(err)
	}
	// Wide on purpose: it must hold on a machine that is busy with other tests.
	if m.Ratio < 0.7 || m.Ratio > 1.4 {
		t.Errorf("the reference takes %.3f× its own time", m.Ratio)
	}
	if len(m.Samples) < enoughSamples/2 || m.Candidate.Median <= 0 || m.Reference.Median <= 0 {
		t.Errorf("implausible measurement %+v", m)
	}
	if len(m.Layers) != 3 || m.Layers[0].Layer != "conva" || m.Layers[0].MS <= 0 || m.Layers[0].Kernel == "" {
		t.Errorf("layer times %+v", m.Layers)
	}
	t.Logf("ratio %.4f ± %.4f from %d samples, %.3f ms, flags %v", m.Ratio, m.RatioError, len(m.Samples), m.Candidate.Median, m.Flags)
}

func TestLocalStopsWhenAsked(t *testing.T) {
	reference := network(t, 16, 1, graph.FloatBits)
	d, err := Open("local", reference, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := d.Measure(ctx, reference); !errors.Is(err, context.Canceled) {
		t.Errorf("measuring under an ended context gives %v", err)
	}
}

func TestRooflineRewardsCompression(t *testing.T) {
	reference := network(t, 32, 3, graph.FloatBits)
	d, err := Open("roofline:", reference, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ratio := func(g *graph.Graph) float64 {
		m, err := d.Measure(context.Background(), g)
		if err != nil {
			t.Fatal(err)
		}
		return m.Ratio
	}
	if r := ratio(reference); r != 1 {
		t.Errorf("the reference takes %v× its own time", r)
	}
	last := 1.0
	for _, bits := range []int{8, 4, 2, 1} {
		r := ratio(network(t, 32, 3, bits))
		if r > last {
			t.Errorf("%d bits take %.3f×, more than wider ones with %.3f×", bits, r, last)
		}
		last = r
	}
	if r := ratio(network(t, 16, 3, graph.FloatBits)); r >= 0.6 {
		t.Errorf("half the channels take %.3f×", r)
	}
	if a, b := ratio(network(t, 32, 3, 4)), ratio(network(t, 32, 3, 4)); a != b {
		t.Errorf("equal graphs take %v× and %v×", a, b)
	}
}

func TestOpenRefusesUnknownDevices(t *testing.T) {
	for _, name := range []string{"", "gpu", "roofline:fast", "ort:", "ort:/nowhere/libonnxruntime.so"} {
		if _, err := Open(name, network(t, 16, 1, graph.FloatBits), Options{}); err == nil {
			t.Errorf("device %q opens", name)
		}
	}
}

func TestLocateFindsLibraries(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	library := filepath.Join(folder, "lib", "libonnxruntime.so")
	if err := os.MkdirAll(filepath.Dir(library), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(library, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"local": "local", "roofline:": "roofline:", "ort:libonnxruntime.so": "ort:libonnxruntime.so",
		"ort:lib/libonnxruntime.so": "ort:" + library, "ort:" + library: "ort:" + library,
		"gpu": "", "ort:lib/": "", "ort:lib/libmissing.so": "",
	} {
		if got, err := Locate(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%s is located at %q, error %v; want %q", name, got, err, want)
		}
	}
	if err := Check("ort:lib/libmissing.so"); err != nil {
		t.Errorf("a library that is not there makes a wrong name: %v", err)
	}
}

func TestOpenWithoutAReferenceThatRunsGivesNoDevice(t *testing.T) {
	broken := network(t, 16, 1, graph.FloatBits)
	broken.Values[broken.Output].Shape = graph.Shape{1, 1, 1}
	if d, err := Open("local", broken, Options{}); d != nil || err == nil {
		t.Errorf("a reference that does not compile gives the device %v and the error %v", d, err)
	}
}

func TestADeviceThatCannotBePreparedClosesItsBackend(t *testing.T) {
	failed := errors.New("failed")
	for name, prepare := range map[string]func(*graph.Graph) (program, error){
		"prepare": func(*graph.Graph) (program, error) { return nil, failed },
		"run":     func(*graph.Graph) (program, error) { return failing{failed}, nil },
	} {
		closed := 0
		d, err := newTimed(&backend{prepare: prepare, close: func() { closed++ }}, nil)
		if d != nil || !errors.Is(err, failed) || closed != 1 {
			t.Errorf("%s: device %v, error %v, backend closed %d times", name, d, err, closed)
		}
	}
}

// failing is a program that cannot run.
type failing struct{ error }

func (f failing) run() error            { return f.error }
func (failing) layerTimes() []LayerTime { return nil }
func (failing) close()                  {}

func TestStatistics(t *testing.T) {
	s := summarize([]float64{5, 1, 2, 100, 3})
	if s.Median != 3 || s.MAD != 2 {
		t.Errorf("median and MAD of 1 2 3 5 100 are %+v", s)
	}
	if m := median([]float64{4, 1, 3, 2}); m != 2.5 {
		t.Errorf("median of 1 2 3 4 is %v", m)
	}
	if !math.IsInf(medianError([]float64{1, 2, 3}), 1) {
		t.Error("three samples give an interval")
	}
	// The interval must cover the true median about 95 times of 100.
	rng := rand.New(rand.NewPCG(5, 6))
	covered := 0
	const trials = 2000
	for range trials {
		samples := make([]float64, 25)
		for i := range samples {
			samples[i] = rng.ExpFloat64()
		}
		if low, high := medianInterval(samples); low <= math.Ln2 && math.Ln2 <= high {
			covered++
		}
	}
	if covered < trials*93/100 {
		t.Errorf("the interval covers the median in %d of %d trials", covered, trials)
	}
}

func TestMeasurementFlags(t *testing.T) {
	p := &samples{settled: true}
	for i := range 20 {
		reference := 1.0
		if i >= 10 {
			reference = 1.2
		}
		p.add(0.5*reference, reference, reference)
	}
	if m := p.measurement(1.1); len(m.Flags) != 1 || m.Flags[0] != "drifting" {
		t.Errorf("a reference that slows down by 20 %% is flagged %v", m.Flags)
	}
	if m := p.measurement(0.5); len(m.Flags) != 2 || m.Flags[1] != "throttled" {
		t.Errorf("a reference twice as slow as at first is flagged %v", m.Flags)
	}
	if m := p.measurement(1.1); m.Ratio != 0.5 {
		t.Errorf("ratio %v, want 0.5", m.Ratio)
	}
}

func TestReferenceScattersAsItsOwnSamplesDo(t *testing.T) {
	s := &samples{}
	before := 1.0
	for i := range 90 {
		after := 3 - 2*float64(i%2) // its mean with the sample before it is always 2
		s.add(1, before, after)
		before = after
	}
	for name, s := range map[string]*samples{"all": s, "the calmest": s.calmest()} {
		if m := s.measurement(2); m.Reference != (Statistic{Median: 2, MAD: 1}) || m.Ratio != 0.5 || m.RatioError != 0 {
			t.Errorf("a reference of 3, 1, 3, 1, … has %+v and ratio %v ± %v in %s", m.Reference, m.Ratio, m.RatioError, name)
		}
	}
}

func TestMeasurementOfSeveralPreparations(t *testing.T) {
	prepared := func(ratio float64, n int, settled bool) *samples {
		s := &samples{settled: settled}
		for range n {
			s.add(ratio, 1, 1)
		}
		return s
	}
	one := measurementOf([]*samples{prepared(0.2, 20, true)}, 1)
	if one.Ratio != 0.2 || one.RatioError != 0 || len(one.Flags) != 0 {
		t.Errorf("one preparation: %+v", one)
	}
	// Each counts as much, however many samples it took; t(0.975, 2) = 4.3027, s = 0.01.
	three := measurementOf([]*samples{prepared(0.20, 30, true), prepared(0.21, 10, true), prepared(0.22, 10, true)}, 1)
	if want := 4.3027 * 0.01 / math.Sqrt(3); math.Abs(three.Ratio-0.21) > 1e-12 || math.Abs(three.RatioError-want) > 1e-5 {
		t.Errorf("three preparations: %v ± %v, want 0.21 ± %v", three.Ratio, three.RatioError, want)
	}
	if len(three.Samples) != 50 || len(three.Flags) != 0 {
		t.Errorf("three preparations: %d samples, flagged %v; want 50 and none", len(three.Samples), three.Flags)
	}
	if m := measurementOf([]*samples{prepared(0.2, 20, true), prepared(0.2, 20, false)}, 1); !slices.Equal(m.Flags, []string{"noisy"}) {
		t.Errorf("one of two preparations not settled: flagged %v, want noisy", m.Flags)
	}
}

func TestCalmestSamples(t *testing.T) {
	s := &samples{}
	for i := range 90 {
		disturbed := 1.0
		if i%3 != 1 {
			disturbed = 1.5 + float64(i)/100
		}
		s.add(0.5, disturbed, disturbed)
	}
	c := s.calmest()
	if len(c.ratio) != 30 || len(c.candidate) != 30 {
		t.Fatalf("%d ratios and %d samples of the candidate, want a third of 90", len(c.ratio), len(c.candidate))
	}
	for i, r := range c.reference {
		if r != 1 || c.ratio[i] != 0.5 {
			t.Fatalf("reference %v and ratio %v among the calmest, want 1 and 0.5", r, c.ratio[i])
		}
	}
	few := &samples{}
	few.add(1, 1, 1)
	few.add(1, 2, 2)
	if few := few.calmest(); len(few.ratio) != 2 {
		t.Errorf("of two samples %d are kept, want both", len(few.ratio))
	}
}

func TestFingerprintString(t *testing.T) {
	f := Fingerprint{Device: "ort:/usr/lib/libonnxruntime.so", Runtime: "ONNX Runtime 1.30.0", CPU: "Z80"}
	if s := f.String(); s != "ort:libonnxruntime.so · ONNX Runtime 1.30.0 · Z80" {
		t.Errorf("%q", s)
	}
	for _, name := range []string{"local", "roofline:", "ort:"} {
		if Label(name) != name {
			t.Errorf("%q is shown as %q", name, Label(name))
		}
	}
}

func TestMeasurementsWaitForEachOther(t *testing.T) {
	collecting := func() int {
		percent := debug.SetGCPercent(100)
		debug.SetGCPercent(percent)
		return percent
	}
	before := collecting()
	first := undisturbed(1)
	began, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		second := undisturbed(1)
		close(began)
		time.Sleep(50 * time.Millisecond) // beyond the first
		second()
	}()
	select {
	case <-began:
		t.Error("two measure at once")
	case <-time.After(20 * time.Millisecond):
	}
	first()
	<-ended
	if after := collecting(); after != before {
		t.Errorf("the garbage collector's percentage was %d and is %d", before, after)
	}
}

// pause is a program that takes a given time.
type pause struct{ time.Duration }

func (p pause) run() error {
	for start := time.Now(); time.Since(start) < p.Duration; {
	}
	return nil
}

func (pause) layerTimes() []LayerTime { return nil }
func (pause) close()                  {}

func TestSamplesOfACandidateLastAsLongAsTheReferences(t *testing.T) {
	const threads = 2 // so that it is the clock that counts, as it does for a pause
	var runs [3]int
	for range 10 {
		y := &yardstick{subject: newSubject(pause{4 * time.Millisecond}, threads), quiet: 4}
		fast, slow := newSubject(pause{time.Millisecond}, threads), newSubject(pause{6 * time.Millisecond}, threads)
		if err := y.warmUpBeside(fast, slow); err != nil {
			t.Fatal(err)
		}
		runs = [3]int{y.runs, fast.runs, slow.runs}
		// A run is a little longer than asked for, and much longer where another process has the core.
		if runs == [3]int{1, 4, 1} || runs == [3]int{1, 3, 1} {
			return
		}
	}
	t.Errorf("runs of a sample of the reference, a fast and a slow candidate: %v, want 1, 4 and 1", runs)
}
