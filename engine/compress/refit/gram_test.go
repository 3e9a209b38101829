package refit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"galen/engine/compress/testnet"
	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

// noisy is a batch of random numbers.
func noisy(rng *rand.Rand, shape graph.Shape, n int) *runtime.Batch {
	b := runtime.NewBatch(shape, n)
	for i := range n {
		for p := range b.Pixels {
			for c := range b.Pixel(i, p) {
				b.Pixel(i, p)[c] = float32(rng.NormFloat64()) + 0.5
			}
		}
	}
	return b
}

// A filter times its moments is what the layer computes: for any filter w, w·H·w is the
// mean of the squared outputs that the runtime gives, w·Q the mean product with a target.
func TestGramIsTheMomentsOfTheLayersOutputs(t *testing.T) {
	isa, err := kernel.Default()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for name, l := range map[string]struct {
		op      graph.Op
		in, out graph.Shape
		groups  int
	}{
		"3x3": {&graph.Conv{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 1,
			Weight: graph.Weight{Shape: []int{5, 19, 3, 3}}}, graph.Shape{19, 6, 5}, graph.Shape{5, 6, 5}, 1},
		"strided": {&graph.Conv{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}, Pad: [4]int{1, 0, 0, 2}, Groups: 1,
			Weight: graph.Weight{Shape: []int{60, 4, 3, 2}}}, graph.Shape{4, 7, 6}, graph.Shape{60, 3, 6}, 1},
		"grouped": {&graph.Conv{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 3,
			Weight: graph.Weight{Shape: []int{6, 2, 3, 3}}}, graph.Shape{6, 5, 5}, graph.Shape{6, 5, 5}, 3},
		"gemm": {&graph.Gemm{Weight: graph.Weight{Shape: []int{7, 33}}}, graph.Shape{33}, graph.Shape{7}, 1},
	} {
		n := graph.Node{Name: name, Op: l.op, Inputs: []graph.ValueID{0}, Output: 1}
		w := *n.Weight()
		w.Float = make([]float32, w.Elements())
		for i := range w.Float {
			w.Float[i] = float32(rng.NormFloat64())
		}
		bias := make([]float32, w.Shape[0])
		for i := range bias {
			bias[i] = float32(rng.NormFloat64())
		}
		n.Op = n.WithWeight(w, bias)
		g := &graph.Graph{Values: []graph.Value{{Name: "in", Shape: l.in}, {Name: "out", Shape: l.out}}, Nodes: []graph.Node{n}, Input: 0, Output: 1}
		const images = 50
		in, target := noisy(rng, l.in, images), noisy(rng, l.out, images)
		out, err := runtime.NewTracer("", 1).Node(g, 0, []*runtime.Batch{in})
		if err != nil {
			t.Fatal(err)
		}
		c := Workers{ISA: isa, Count: 2}
		all := patchesOf(c, &n, in, l.out)
		if len(all) != l.groups {
			t.Fatalf("%s: %d groups of patches", name, len(all))
		}
		grams := Grams(c, &n, in, l.out)
		per := w.Shape[0] / l.groups
		for k, p := range all {
			wanted := func(y []float32, _, image, pixel int) { copy(y, target.Pixel(image, pixel)[k*per:]) }
			g, q := regression(c, p, wanted, per)
			if alone, _ := regression(c.Alone(), p, wanted, per); !reflect.DeepEqual(g, alone) || !reflect.DeepEqual(g, grams[k]) {
				t.Errorf("%s: one worker finds other moments than two", name)
			}
			for o := range per {
				filter := append(toFloat64(w.Float[(k*per+o)*w.Channel():][:w.Channel()]), float64(bias[k*per+o]))
				var squares, mixed float64
				for i, a := range filter {
					for j, b := range filter {
						squares += a * b * g.h[i*g.size+j]
					}
					mixed += a * q[i*per+o]
				}
				var wantSquares, wantMixed float64
				for i := range images {
					for px := range out.Pixels {
						y := float64(out.Pixel(i, px)[k*per+o])
						wantSquares += y * y
						wantMixed += y * float64(target.Pixel(i, px)[k*per+o])
					}
				}
				count := float64(images * out.Pixels)
				if d := math.Abs(squares-wantSquares/count) / squares; d > 1e-5 {
					t.Errorf("%s: the outputs' mean square is off by %.2g", name, d)
				}
				if d := math.Abs(mixed-wantMixed/count) / math.Sqrt(squares); d > 1e-4 {
					t.Errorf("%s: the mean product is off by %.2g", name, d)
				}
			}
		}
	}
}

func toFloat64(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func TestSampledPixelsAreSpread(t *testing.T) {
	for _, s := range []struct{ images, pixels int }{{1024, 1024}, {1024, 16}, {300, 49}, {10, 1}, {1024, 64}} {
		sample := momentSample(Workers{}, s.images, s.pixels)
		if want := min(s.images*s.pixels, leastPixels); len(sample) != want {
			t.Errorf("%+v: %d pixels", s, len(sample))
		}
		met := make(map[int]bool)
		for _, at := range sample {
			met[at%s.pixels] = true
		}
		if len(met) != s.pixels {
			t.Errorf("%+v: only %d places in the image are looked at", s, len(met))
		}
	}
}

func BenchmarkGram(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	isa, err := kernel.Default()
	if err != nil {
		b.Fatal(err)
	}
	c := NewWorkers(isa, 0, testnet.Plain(b))
	for _, channels := range []int{16, 64, 512} {
		size := 512 / channels
		n := graph.Node{Op: &graph.Conv{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 1}}
		shape := graph.Shape{channels, max(4, size), max(4, size)}
		in := noisy(rng, shape, 1024)
		b.Run(fmt.Sprint(shape), func(b *testing.B) {
			for b.Loop() {
				Grams(c, &n, in, shape)
			}
		})
	}
}
