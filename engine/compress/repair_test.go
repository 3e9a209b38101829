package compress

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"galen/engine/compress/structure"
	"galen/engine/compress/testnet"
	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

// problem is a random least-squares problem: correlated patches, and targets that are a
// linear map of them and some noise.
func problem(rng *rand.Rand, size, outputs, samples int) (f fit, patches, targets [][]float64) {
	mix := make([]float64, size*size)
	for i := range mix {
		mix[i] = rng.NormFloat64()
	}
	f = fit{gram: gram{size, make([]float64, size*size)}, products: make([]float64, size*outputs), outputs: outputs}
	for range samples {
		source, z, y := make([]float64, size), make([]float64, size), make([]float64, outputs)
		for i := range source {
			source[i] = rng.NormFloat64()
		}
		for i := range z {
			for j, s := range source[:1+i] {
				z[i] += mix[i*size+j] * s
			}
		}
		z[size-1] = 1
		for o := range y {
			for i, x := range z {
				y[o] += mix[(i*7+o*3)%len(mix)] * x
			}
			y[o] += rng.NormFloat64()
		}
		for i, a := range z {
			for j, b := range z {
				f.h[i*size+j] += a * b / float64(samples)
			}
			for o, b := range y {
				f.products[i*outputs+o] += a * b / float64(samples)
			}
		}
		patches, targets = append(patches, z), append(targets, y)
	}
	return f, patches, targets
}

// cost is what refitted weights minimize, by its definition.
func cost(f fit, patches, targets [][]float64, w, before []float64, o int) float64 {
	sum, trace := 0.0, 0.0
	for s, z := range patches {
		d := -targets[s][o]
		for i, x := range z {
			d += w[i] * x
		}
		sum += d * d / float64(len(patches))
	}
	for i := range f.size - 1 {
		trace += f.h[i*f.size+i]
	}
	for i := range f.size - 1 {
		d := w[i] - before[i]
		sum += ridge * trace / float64(f.size-1) * d * d
	}
	return sum
}

func TestSolveFindsTheMinimum(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const size, outputs = 12, 3
	f, patches, targets := problem(rng, size, outputs, 200)
	filters, bias := make([]float32, (size-1)*outputs), make([]float32, outputs)
	for i := range filters {
		filters[i] = float32(rng.NormFloat64())
	}
	row := func(o int) []float64 {
		return append(toFloat64(filters[o*(size-1):][:size-1]), float64(bias[o]))
	}
	var before [outputs][]float64
	for o := range before {
		before[o] = row(o)
	}
	f.solve(crew{isa: kernel.Portable, workers: 2}, filters, bias)
	for o := range outputs {
		w := row(o)
		least := cost(f, patches, targets, w, before[o], o)
		for i := range size {
			for _, step := range []float64{-0.01, 0.01} { // far above the rounding of float32
				moved := slices.Clone(w)
				moved[i] += step
				if c := cost(f, patches, targets, moved, before[o], o); c < least {
					t.Errorf("output %d: moving weight %d by %g lowers the cost from %g to %g", o, i, step, least, c)
				}
			}
		}
	}
}

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

// The loss that elimination states is what the best weights without the channels lose.
func TestEliminationStatesTheLossOfTheBestFit(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	const channels, taps, outputs = 5, 3, 4
	size := channels*taps + 1
	f, _, _ := problem(rng, size, outputs, 300)
	w := graph.Weight{Shape: []int{outputs, channels, taps, 1}, Float: make([]float32, outputs*channels*taps)}
	for i := range w.Float {
		w.Float[i] = float32(rng.NormFloat64())
	}
	n := &graph.Node{Op: &graph.Conv{Weight: w}}
	e := crew{isa: kernel.Portable, workers: 2}.newElimination(f.gram, n, upTo(channels))
	h := slices.Clone(f.h)
	for i := range size - 1 {
		h[i*size+i] += f.ridge()
	}
	// least is (w−w₀)·H·(w−w₀), summed over the outputs, where the weights of the channels gone are zero
	// and the others at their best: by Gauss's elimination, w_K = w₀_K + H_KK⁻¹·H_KS·w₀_S.
	least := func(gone []int) float64 {
		var left, lost []int
		for i := range size {
			if i < size-1 && slices.Contains(gone, i/taps) {
				lost = append(lost, i)
			} else {
				left = append(left, i)
			}
		}
		sum := 0.0
		for o := range outputs {
			change := make([]float64, size)
			for _, i := range lost {
				change[i] = -float64(w.Float[o*channels*taps+i])
			}
			a, b := make([][]float64, len(left)), make([]float64, len(left))
			for r, i := range left {
				a[r] = make([]float64, len(left))
				for c, j := range left {
					a[r][c] = h[i*size+j]
				}
				for _, j := range lost {
					b[r] -= h[i*size+j] * change[j]
				}
			}
			for r, x := range gauss(a, b) {
				change[left[r]] = x
			}
			for i, x := range change {
				for j, y := range change {
					sum += x * y * h[i*size+j]
				}
			}
		}
		return sum
	}
	var gone []int
	total := 0.0
	for _, class := range []int{3, 0, 4} {
		loss := e.loss(class) * e.energy
		gone = append(gone, class)
		if want := least(gone) - total; math.Abs(loss-want) > 1e-6*want {
			t.Errorf("without %v: a loss of %g, wants %g", gone, loss, want)
		}
		total += loss
		e.remove([]int{class})
	}
	if loss := e.loss(3); loss != 0 {
		t.Errorf("a channel that is gone has a loss of %g", loss)
	}
}

// gauss solves a·x = b.
func gauss(a [][]float64, b []float64) []float64 {
	n := len(b)
	for k := range n {
		pivot := k
		for r := k; r < n; r++ {
			if math.Abs(a[r][k]) > math.Abs(a[pivot][k]) {
				pivot = r
			}
		}
		a[k], a[pivot], b[k], b[pivot] = a[pivot], a[k], b[pivot], b[k]
		for r := range n {
			if r == k {
				continue
			}
			factor := a[r][k] / a[k][k]
			for c := k; c < n; c++ {
				a[r][c] -= factor * a[k][c]
			}
			b[r] -= factor * b[k]
		}
	}
	for k := range n {
		b[k] /= a[k][k]
	}
	return b
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
				want, got := c.crew.moments(was[n.Output]).of(kept), c.crew.moments(now[n.Output])
				for ch := range kept {
					if d := math.Abs(got.mean[ch] - want.mean[ch]); repair == Sequential && d > 1e-3*want.deviation[ch] {
						t.Errorf("%s: channel %d of %q has mean %g, had %g ± %g", repair, kept[ch], n.Name, got.mean[ch], want.mean[ch], want.deviation[ch])
					}
				}
				for image := range 48 {
					for p := range now[n.Output].Pixels {
						for ch, x := range now[n.Output].Pixel(image, p) {
							d := float64(x-was[n.Output].Pixel(image, p)[kept[ch]]) / want.deviation[ch]
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
