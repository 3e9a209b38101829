package runtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"galen/hw/graph"
	"galen/hw/kernel"
)

func compiled(t testing.TB, g *graph.Graph, isa kernel.ISA) *Plan {
	t.Helper()
	p, err := Compile(g, Options{ISA: isa})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRunAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	check := func(name string, g *graph.Graph, isa kernel.ISA) {
		p := compiled(t, g, isa)
		w := p.NewWorker()
		in, out := make([]float32, p.InputElements()), make([]float32, p.OutputElements())
		times := make([]time.Duration, len(p.Layers()))
		if n := testing.AllocsPerRun(2, func() { w.Run(out, in); w.RunTimed(out, in, times) }); n != 0 {
			t.Errorf("%s on %s: %v allocations", name, isa, n)
		}
	}
	for _, isa := range instructionSets(t) {
		check("float ResNet20", resnet(t, resnet20, nil), isa)
		check("int8 ResNet20", resnet(t, resnet20, &precision{8, 8}), isa)
		check("2-bit network", resnet(t, architecture{[]int{64}, 1, true}, &precision{2, 2}), isa)
		for seed := range several(15) {
			s := randomGraph(seed, 12, false)
			check(describe(s.g), s.g, isa)
		}
	}
}

// TestBatch has several goroutines share a plan; every one must see the results of a
// single worker.
func TestBatch(t *testing.T) {
	const n = 9
	for _, p := range []*precision{nil, {4, 5}} {
		g := resnet(t, architecture{[]int{8, 16}, 1, true}, p)
		plan := compiled(t, g, "")
		x := images(g, n)
		in, out := plan.InputElements(), plan.OutputElements()
		want := make([]float32, n*out)
		w := plan.NewWorker()
		for i := range n {
			w.Run(want[i*out:(i+1)*out], x[i*in:(i+1)*in])
		}
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				got := make([]float32, n*out)
				plan.RunBatch(got, x, n, 4)
				if !slices.Equal(got, want) {
					t.Errorf("quantized %v: a batch differs from single runs", p != nil)
				}
			})
		}
		group.Wait()
	}
}

func TestBatchStops(t *testing.T) {
	g := resnet(t, resnet20, nil)
	plan := compiled(t, g, "")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := plan.RunBatchContext(ctx, make([]float32, 20), images(g, 2), 2, 1)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled batch gives %v", err)
	}
}

// TestStaleIntegers checks that nothing depends on what integer tensors leave in lanes beyond their channels, nor on
// what lay in the arena before.
// TestPanicReachesTheCaller panics on a worker's goroutine.
func TestPanicReachesTheCaller(t *testing.T) {
	for _, workers := range []int{1, 3} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, "index out of range") || !strings.Contains(p, "worker_test.go") {
					t.Errorf("with %d workers the caller recovers %q", workers, p)
				}
			}()
			var none []int
			_ = Parallel(context.Background(), 100, workers, func() func(int) { return func(i int) { none[i]++ } })
		}()
	}
}

func TestStaleIntegers(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 8))
	for seed := range several(150) {
		s := randomGraph(seed, 12, false)
		for _, isa := range instructionSets(t) {
			p := compiled(t, s.g, isa)
			clean, stale := p.NewWorker(), p.NewWorker()
			for i := range stale.bytes {
				stale.bytes[i] = uint8(random.Uint32())
			}
			want, got := make([]float32, p.OutputElements()), make([]float32, p.OutputElements())
			clean.Run(want, s.image)
			stale.Run(got, s.image)
			for i := range want {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Fatalf("%s on %s: out[%d] = %v, in a fresh arena %v", describe(s.g), isa, i, got[i], want[i])
				}
			}
		}
	}
}

func TestRunTimed(t *testing.T) {
	g := resnet(t, resnet20, &precision{8, 8})
	p := compiled(t, g, "")
	x := images(g, 1)
	want, got := make([]float32, 10), make([]float32, 10)
	w := p.NewWorker()
	w.Run(want, x)
	times := make([]time.Duration, len(g.Layers()))
	w.RunTimed(got, x, times)
	if !slices.Equal(got, want) {
		t.Errorf("timed results %v differ from %v", got, want)
	}
	for i, d := range times {
		if d <= 0 {
			t.Errorf("layer %d took %v", i, d)
		}
	}
}

func TestLayers(t *testing.T) {
	for _, isa := range kernel.Supported() {
		bits := precision{8, 8}
		if isa == kernel.AVX512VNNI {
			bits = precision{4, 4} // for which dot products of 8 bits are faster
		}
		g := resnet(t, resnet20, &bits)
		layers := compiled(t, g, isa).Layers()
		for i, node := range g.Layers() {
			if l := layers[i]; l.Name != g.Nodes[node].Name || l.MACs != g.MACs(node) || l.Kernel != "int8" {
				t.Errorf("with %s layer %d is %+v", isa, i, l)
			}
		}
	}
	float := resnet(t, resnet20, nil)
	for i, l := range compiled(t, float, kernel.Portable).Layers() {
		want := "fp32"
		if c, ok := float.Nodes[float.Layers()[i]].Op.(*graph.Conv); ok && c.Stride == [2]int{1, 1} && i > 0 {
			want = "winograd"
		}
		if l.Kernel != want {
			t.Errorf("layer %s runs on %s, %s is faster", l.Name, l.Kernel, want)
		}
	}
}

// TestQuantizedLike checks that an int8 network is near the float one it was
// rounded from: no scale may be applied twice or left out.
func TestQuantizedLike(t *testing.T) {
	float, integer := resnet(t, resnet20, nil), resnet(t, resnet20, &precision{8, 8})
	x := images(float, 1)
	a, b := run(t, float, "", x), run(t, integer, "", x)
	var difference, size float64
	for i := range a {
		difference += float64((a[i] - b[i]) * (a[i] - b[i]))
		size += float64(a[i] * a[i])
	}
	if difference > 0.02*size {
		t.Errorf("float gives %v, int8 %v", a, b)
	}
}

func TestArenaIsReused(t *testing.T) {
	g := resnet(t, resnet18, nil)
	sum := 0
	for _, v := range g.Values {
		sum += 4 * v.Shape.Elements()
	}
	p := compiled(t, g, "")
	if arena := 4*p.floats + p.bytes; arena > sum/4 {
		t.Errorf("the arena takes %d bytes of %d for all tensors", arena, sum)
	}
}

func TestCompileRefuses(t *testing.T) {
	g := graph.NewGraph("", "x", graph.Shape{1, 2, 3, 4})
	if _, err := Compile(g, Options{}); err == nil {
		t.Error("a 4-D value is not refused")
	}
	if _, err := Compile(resnet(t, resnet20, nil), Options{ISA: "abacus"}); err == nil {
		t.Error("an unknown instruction set is not refused")
	}
	g = graph.NewGraph("", "x", graph.Shape{1, 1 << 12, 1 << 12})
	if _, err := g.Append("", &graph.Pad{Before: []int{0, 0, 0}, After: []int{0, 1 << 12, 1 << 12}}, "y", g.Output); err != nil {
		t.Fatal(err)
	}
	if _, err := Compile(g, Options{}); err == nil {
		t.Error("a tensor of several GiB is not refused")
	}
	g = graph.NewGraph("", "x", graph.Shape{1, 1 << 12, 1 << 12})
	for range 5 {
		if _, err := g.Append("", graph.Softmax{Axis: 1}, "y", 0); err != nil {
			t.Fatal(err)
		}
	}
	for id := graph.ValueID(1); id < 5; id++ {
		if _, err := g.Append("", graph.Add{}, "z", id, g.Output); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Compile(g, Options{}); err == nil {
		t.Error("an arena of many GiB is not refused")
	}
	for _, op := range []graph.Op{
		graph.MaxPool{Kernel: [2]int{1, 1 << 14}, Stride: [2]int{1, 1}},
		graph.AveragePool{Kernel: [2]int{1, 1 << 14}, Stride: [2]int{1, 1}},
		&graph.Conv{
			Kernel: [2]int{1, 1 << 14}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1,
			Weight: graph.Weight{Shape: []int{1, 1, 1, 1 << 14}, Float: make([]float32, 1<<14)},
		},
	} {
		g = graph.NewGraph("", "x", graph.Shape{1, 1, 1 << 15})
		if _, err := g.Append("wide", op, "y", g.Input); err != nil {
			t.Fatal(err)
		}
		if _, err := Compile(g, Options{}); err == nil || !strings.Contains(err.Error(), op.Kind()+` node "wide"`) {
			t.Errorf("offsets of a GiB for %s are refused by %v", op.Kind(), err)
		}
		tracer := NewTracer("", 1)
		if _, err := tracer.Node(g, 0, []*Batch{tracer.Input(g, make([]float32, 1<<15), 1)}); err == nil {
			t.Errorf("offsets of a GiB for %s are traced", op.Kind())
		}
	}
	g = graph.NewGraph("identity", "x", graph.Shape{2, 1, 2})
	if got := run(t, g, "", []float32{1, 2, 3, 4}); !slices.Equal(got, []float32{1, 2, 3, 4}) {
		t.Errorf("a graph without nodes gives %v", got)
	}
}
