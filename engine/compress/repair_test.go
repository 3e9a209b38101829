package compress

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/engine/compress/testnet"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// doubled is a network whose first layer computes every channel twice, the second time scaled: half of
// them can go without any loss, if it is the right half.
func doubled(t *testing.T) *graph.Graph {
	rng := rand.New(rand.NewPCG(5, 6))
	weight := func(shape ...int) graph.Weight {
		w := graph.Weight{Shape: shape, Float: make([]float32, graph.Shape(shape).Elements())}
		for i := range w.Float {
			w.Float[i] = float32(rng.NormFloat64()) * 0.4
		}
		return w
	}
	conv := func(w graph.Weight, bias []float32) *graph.Conv {
		return &graph.Conv{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 1, Weight: w, Bias: bias}
	}
	const channels = 12
	first, bias := weight(channels, 3, 3, 3), make([]float32, channels)
	for o := range channels / 2 {
		bias[o] = float32(rng.NormFloat64())
		factor := 0.3 + 2*rng.Float32()
		twin := channels/2 + o
		bias[twin] = bias[o] * factor
		for i := range first.Channel() {
			first.Float[twin*first.Channel()+i] = first.Float[o*first.Channel()+i] * factor
		}
	}
	image := graph.Shape{3, 8, 8}
	wide := graph.Shape{channels, 8, 8}
	g := &graph.Graph{
		Name: "doubled",
		Values: []graph.Value{
			{Name: "in", Shape: image}, {Name: "a", Shape: wide}, {Name: "b", Shape: wide}, {Name: "c", Shape: graph.Shape{5, 8, 8}},
			{Name: "d", Shape: graph.Shape{5, 1, 1}},
		},
		Nodes: []graph.Node{
			{Name: "first", Op: conv(first, bias), Inputs: []graph.ValueID{0}, Output: 1},
			{Name: "relu", Op: graph.Relu{}, Inputs: []graph.ValueID{1}, Output: 2},
			{Name: "second", Op: conv(weight(5, channels, 3, 3), nil), Inputs: []graph.ValueID{2}, Output: 3},
			{Name: "pool", Op: graph.GlobalAveragePool{}, Inputs: []graph.ValueID{3}, Output: 4},
		},
		Input: 0, Output: 4,
	}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestWhatIsRedundantGoesWithoutLoss(t *testing.T) {
	g := doubled(t)
	held := testnet.Images(g, 60)[48*g.Values[g.Input].Shape.Elements():]
	want := testnet.Outputs(t, g, held, 12)
	for _, repair := range []Repair{Sequential, Statistics} {
		c := newCompressor(t, g, Options{Importance: structure.Reconstruction, Repair: repair})
		p := c.structure.Uniform(0, graph.FloatBits)
		p[0].Sparsity = 0.55
		r := compressed(t, c, p)
		if len(r.Kept[0]) != 6 {
			t.Fatalf("%d channels are kept", len(r.Kept[0]))
		}
		for o := range 6 {
			if slices.Contains(r.Kept[0], o) == slices.Contains(r.Kept[0], o+6) {
				t.Errorf("channels %v are kept: not one of %d and %d, which are the same", r.Kept[0], o, o+6)
			}
		}
		off := testnet.RelativeError(testnet.Outputs(t, r.Graph, held, 12), want)
		if repair == Sequential && off > 0.01 {
			t.Errorf("outputs are off by %.4f though nothing was lost", off)
		}
		if repair == Statistics && off < 0.02 {
			t.Errorf("outputs are off by no more than %.4f without a refit: the test shows nothing", off)
		}
	}
}

func TestScheduleKeepsTheOrderOfComputation(t *testing.T) {
	for name, g := range testnet.Networks(t) {
		known := map[graph.ValueID]bool{g.Input: true}
		done := make(map[int]bool)
		for _, i := range schedule(g) {
			for _, id := range g.Nodes[i].Inputs {
				if !known[id] {
					t.Errorf("%s: %q reads what is not computed yet", name, g.Nodes[i].Name)
				}
			}
			known[g.Nodes[i].Output], done[i] = true, true
		}
		if len(done) != len(g.Nodes) {
			t.Errorf("%s: %d of %d nodes are in the schedule", name, len(done), len(g.Nodes))
		}
	}
}

// Where branches meet, the sum is what is repaired: on average it is what it was, and closer to it,
// pixel by pixel, than if every layer kept its own statistics.
func TestBranchesMakeUpForEachOther(t *testing.T) {
	for _, shortcut := range []bool{true, false} {
		g := testnet.Residual(t, shortcut)
		var off [2]float64
		for i, repair := range []Repair{Sequential, Statistics} {
			c := newCompressor(t, g, Options{Repair: repair})
			r := compressed(t, c, c.structure.Uniform(0.3, graph.FloatBits))
			trace := func(g *graph.Graph) []*runtime.Batch {
				tracer, values := runtime.NewTracer("", 1), make([]*runtime.Batch, len(g.Values))
				if err := tracer.Run(g, tracer.Input(g, testnet.Images(g, 48), 48), 0, values, nil); err != nil {
					t.Fatal(err)
				}
				return values
			}
			now, was := trace(r.Graph), trace(g)
			for _, n := range g.Nodes {
				if _, ok := n.Op.(graph.Add); !ok {
					continue
				}
				// The sum has the channels of the layer that is its first operand.
				kept := r.Kept[slices.IndexFunc(c.Layers(), func(info structure.LayerInfo) bool { return g.Nodes[info.Node].Output == n.Inputs[0] })]
				want, got := refit.StatisticsOf(c.workers, was[n.Output]).Select(kept), refit.StatisticsOf(c.workers, now[n.Output])
				for ch := range kept {
					if d := math.Abs(got.Mean[ch] - want.Mean[ch]); repair == Sequential && d > 1e-3*want.Deviation[ch] {
						t.Errorf("%s: channel %d of %q has mean %g, had %g ± %g", repair, kept[ch], n.Name, got.Mean[ch], want.Mean[ch], want.Deviation[ch])
					}
				}
				for image := range 48 {
					for p := range now[n.Output].Pixels {
						for ch, x := range now[n.Output].Pixel(image, p) {
							d := float64(x-was[n.Output].Pixel(image, p)[kept[ch]]) / want.Deviation[ch]
							off[i] += d * d
						}
					}
				}
			}
		}
		if off[0] > 0.6*off[1] {
			t.Errorf("sums are off by %.0f when repaired, by %.0f when not", off[0], off[1])
		}
	}
}
