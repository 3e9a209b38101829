package compress

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/engine/compress/testnet"
	"galen/hw/graph"
	"galen/hw/runtime"
)

func newCompressor(t testing.TB, g *graph.Graph, o Options) *Compressor {
	t.Helper()
	c, err := New(g, testnet.Images(g, 48), 48, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func compressed(t testing.TB, c *Compressor, p structure.Policy) *Result {
	t.Helper()
	r, err := c.Compress(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNothingAskedChangesNothing(t *testing.T) {
	for name, g := range testnet.Networks(t) {
		c := newCompressor(t, g, Options{})
		r := compressed(t, c, c.structure.Uniform(0, graph.FloatBits))
		if !reflect.DeepEqual(r.Graph, g) {
			t.Errorf("%s: the graph changed", name)
		}
	}
}

// Every value is stored where its placement says, and all layers compute with integers.
func TestUniformInt8HasNoFloatIslands(t *testing.T) {
	for name, g := range testnet.Networks(t) {
		c := newCompressor(t, g, Options{})
		p := c.structure.Uniform(0, 8)
		r := compressed(t, c, p)
		placed := structure.Place(g, p)
		if len(r.Graph.Nodes) != len(placed.Graph.Nodes) {
			t.Errorf("%s: %d nodes, the placement has %d", name, len(r.Graph.Nodes), len(placed.Graph.Nodes))
		}
		for id, v := range r.Graph.Values {
			if bits := placed.Bits[id]; (v.Quant != nil) != (bits > 0) || v.Quant != nil && v.Quant.Bits != bits {
				t.Errorf("%s: %s is stored as %+v, the placement says %d bits", name, v.Name, v.Quant, bits)
			}
		}
		plan, err := runtime.Compile(r.Graph, runtime.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range plan.Layers() {
			if !strings.Contains(l.Kernel, "int") {
				t.Errorf("%s: layer %s runs as %s", name, l.Name, l.Kernel)
			}
		}
	}
}

func TestCompressedNetworksStayClose(t *testing.T) {
	for name, g := range testnet.Networks(t) {
		held := testnet.Images(g, 60)[48*g.Values[g.Input].Shape.Elements():]
		want := testnet.Outputs(t, g, held, 12)
		c := newCompressor(t, g, Options{})
		before := 0.0
		for _, p := range []struct {
			bits  int
			limit float64
		}{{8, 0.05}, {6, 0.15}, {4, 0.6}} {
			got := testnet.RelativeError(testnet.Outputs(t, compressed(t, c, c.structure.Uniform(0, p.bits)).Graph, held, 12), want)
			if got > p.limit || got <= before {
				t.Errorf("%s at %d bits: outputs are off by %.3f, with more bits %.3f", name, p.bits, got, before)
			}
			before = got
		}
	}
}

// The tensors the fitting pass holds must be those the finished graph computes.
func TestFittedTensorsAreTheGraphs(t *testing.T) {
	for name, g := range testnet.Networks(t) {
		c := newCompressor(t, g, Options{Repair: Statistics})
		p := c.structure.Uniform(0.3, 4)
		p[1].WeightBits, p[1].ActivationBits = graph.FloatBits, graph.FloatBits
		r := compressed(t, c, p)
		calibration := testnet.Images(g, 48)
		tracer := runtime.NewTracer("", 1)
		values := make([]*runtime.Batch, len(r.Graph.Values))
		if err := tracer.Run(r.Graph, tracer.Input(r.Graph, calibration, 48), 0, values, nil); err != nil {
			t.Fatal(err)
		}
		// Layer by layer the corrected statistics are the original's.
		original := make([]*runtime.Batch, len(g.Values))
		if err := tracer.Run(g, tracer.Input(g, calibration, 48), 0, original, nil); err != nil {
			t.Fatal(err)
		}
		for l, node := range r.Graph.Layers() {
			info := c.structure.Layers[l]
			v := r.Graph.Nodes[node].Output
			now, was := refit.StatisticsOf(c.workers, values[v]), refit.StatisticsOf(c.workers, original[g.Nodes[info.Node].Output])
			if len(now.Mean) != len(r.Kept[l]) {
				t.Fatalf("%s: layer %s has %d channels, kept %v", name, info.Layer, len(now.Mean), r.Kept[l])
			}
			for i, ch := range r.Kept[l] {
				// The bias is true to half a step of the accumulator, a rounded output's mean
				// nearly to half of one of its own.
				slack := 0.01*was.Deviation[ch] + 1e-3
				if in := r.Graph.Values[r.Graph.Nodes[node].Inputs[0]].Quant; in != nil {
					slack += 0.5 * float64(in.Scale) * float64(r.Graph.Nodes[node].Weight().Scale[i])
				}
				if q := r.Graph.Values[v].Quant; q != nil {
					slack += 0.1 * float64(q.Scale)
				}
				if d := math.Abs(now.Mean[i] - was.Mean[ch]); d > slack {
					t.Errorf("%s: layer %s channel %d has mean %v, the original %v ± %v", name, info.Layer, ch, now.Mean[i], was.Mean[ch], was.Deviation[ch])
				}
			}
		}
	}
}

// Any policy on any graph gives a network that compiles and whose integers say what
// its definition says.
func TestRandomGraphsUnderRandomPolicies(t *testing.T) {
	for seed := range uint64(60) {
		g := testnet.Random(t, seed)
		c, err := New(g, testnet.Images(g, 6), 6, Options{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		rng := rand.New(rand.NewPCG(seed, 9))
		p := c.structure.Uniform(0, graph.FloatBits)
		for l, info := range c.structure.Layers {
			if info.Root && info.Prunable {
				p[l].Sparsity = rng.Float64()
			}
			if rng.IntN(4) > 0 {
				p[l].WeightBits, p[l].ActivationBits = 1+rng.IntN(8), 1+rng.IntN(8)
			}
		}
		r := compressed(t, c, p)
		tracer := runtime.NewTracer("", 1)
		values := make([]*runtime.Batch, len(r.Graph.Values))
		if err := tracer.Run(r.Graph, tracer.Input(r.Graph, testnet.Images(g, 6), 6), 0, values, nil); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, want := testnet.Outputs(t, r.Graph, testnet.Images(g, 6), 6), values[r.Graph.Output].Outputs()
		// A float that falls on the other side of a rounding step moves a coarse network
		// visibly, so few outputs may differ, but not many, unless by little.
		differ := 0
		for i := range got {
			if d := math.Abs(float64(got[i] - want[i])); !(d <= 1e-3+1e-3*math.Abs(float64(want[i]))) {
				differ++
			}
		}
		if differ > len(got)/2 && testnet.RelativeError(got, want) > 0.03 {
			t.Errorf("seed %d: %d of %d outputs of the plan are not those of the trace", seed, differ, len(got))
		}
	}
}

// What mixes all kinds of blocks compiles under any policy, and its integers say what its definition says.
func TestMixedTopologiesUnderRandomPolicies(t *testing.T) {
	for seed := range uint64(40) {
		g := testnet.Mixed(t, seed)
		c, err := New(g, testnet.Images(g, 6), 6, Options{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		rng := rand.New(rand.NewPCG(seed, 10))
		p := c.structure.Uniform(0, graph.FloatBits)
		for l, info := range c.structure.Layers {
			if info.Root && info.Prunable {
				p[l].Sparsity = rng.Float64()
			}
			if rng.IntN(4) > 0 {
				p[l].WeightBits, p[l].ActivationBits = 1+rng.IntN(8), 1+rng.IntN(8)
			}
		}
		r := compressed(t, c, p)
		tracer := runtime.NewTracer("", 1)
		values := make([]*runtime.Batch, len(r.Graph.Values))
		if err := tracer.Run(r.Graph, tracer.Input(r.Graph, testnet.Images(g, 6), 6), 0, values, nil); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, want := testnet.Outputs(t, r.Graph, testnet.Images(g, 6), 6), values[r.Graph.Output].Outputs()
		differ := 0 // where a float fell on the other side of a rounding step
		for i := range got {
			if d := math.Abs(float64(got[i] - want[i])); !(d <= 1e-3+1e-3*math.Abs(float64(want[i]))) {
				differ++
			}
		}
		if differ > len(got)/2 {
			t.Errorf("seed %d: %d of %d outputs of the plan are not those of the trace", seed, differ, len(got))
		}
	}
}

func TestCorrectionPaysAfterPruning(t *testing.T) {
	g := testnet.Residual(t, true)
	held := testnet.Images(g, 60)[48*g.Values[g.Input].Shape.Elements():]
	want := testnet.Outputs(t, g, held, 12)
	off := map[bool]float64{}
	for _, uncorrected := range []bool{false, true} {
		c := newCompressor(t, g, Options{Repair: Statistics, Uncorrected: uncorrected})
		r := compressed(t, c, c.structure.Uniform(0.3, graph.FloatBits))
		off[uncorrected] = testnet.RelativeError(testnet.Outputs(t, r.Graph, held, 12), want)
	}
	if off[false] > 0.8*off[true] {
		t.Errorf("outputs are off by %.3f with correction, %.3f without", off[false], off[true])
	}
}

func TestCompressIsDeterministic(t *testing.T) {
	g := testnet.Residual(t, false)
	for _, bits := range []int{5, 2} {
		var first *Result
		for _, workers := range []int{1, 2, 5} {
			c := newCompressor(t, g, Options{Workers: workers})
			r := compressed(t, c, c.structure.Uniform(0.4, bits))
			if first == nil {
				first = r
			} else if !reflect.DeepEqual(first, r) {
				t.Errorf("%d bits: %d workers give another graph than one", bits, workers)
			}
		}
	}
}

func TestSilentChannels(t *testing.T) {
	g := testnet.Plain(t)
	conv := *g.Nodes[0].Op.(*graph.Conv)
	conv.Weight.Float, conv.Bias = slices.Clone(conv.Weight.Float), slices.Clone(conv.Bias)
	clear(conv.Weight.Float[:27])
	conv.Bias[0] = 0.7 // a constant channel
	for i := 27; i < 54; i++ {
		conv.Weight.Float[i] *= 1e-9 // a bias far above its weights' scale
	}
	conv.Bias[1] = -3
	g.Nodes[0].Op = &conv
	held := testnet.Images(g, 8)
	want := testnet.Outputs(t, g, held, 8)
	for _, bits := range []int{8, 1} {
		c := newCompressor(t, g, Options{})
		p := c.structure.Uniform(0, 8)
		p[0].WeightBits = bits
		r := compressed(t, c, p)
		got := testnet.Outputs(t, r.Graph, held, 8)
		if d := testnet.RelativeError(got, want); bits == 8 && d > 0.05 || math.IsNaN(d) {
			t.Errorf("%d bits: outputs are off by %v", bits, d)
		}
	}
}

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	g := testnet.Plain(t)
	if _, err := New(g, make([]float32, 10), 1, Options{}); err == nil {
		t.Error("calibration images of the wrong size were taken")
	}
	if _, err := New(g, nil, 0, Options{}); err == nil {
		t.Error("no calibration images were taken")
	}
	for _, o := range []Options{{Importance: "size"}, {Calibration: "guess"}, {WeightRange: refit.Entropy}, {Rounding: "up"}, {Equalization: "all"}} {
		if _, err := New(g, testnet.Images(g, 1), 1, o); err == nil || !strings.Contains(err.Error(), "unknown") {
			t.Errorf("options %+v: %v", o, err)
		}
	}
	c := newCompressor(t, g, Options{})
	r := compressed(t, c, c.structure.Uniform(0, 8))
	if _, err := New(r.Graph, testnet.Images(g, 2), 2, Options{}); err == nil || !strings.Contains(err.Error(), "quantized already") {
		t.Errorf("a quantized graph: %v", err)
	}
	broken := testnet.Images(g, 2)
	broken[5] = float32(math.NaN())
	if _, err := New(g, broken, 2, Options{}); err == nil || !strings.Contains(err.Error(), "finite") {
		t.Errorf("images with NaN: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Compress(ctx, c.structure.Uniform(0, 8)); err == nil {
		t.Error("a cancelled compression went on")
	}
}
