package train

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"galen/engine/dataset"
	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

// small is a network with every kind of layer that has parameters.
func small(t testing.TB, size int) *graph.Graph {
	b := newBuilder(t, 3, 3, size, size)
	b.conv3(16)
	b.norm()
	x := b.op(graph.Relu{})
	b.conv3(16)
	b.norm()
	b.op(graph.Add{}, b.last, x)
	b.op(graph.Relu{})
	b.conv(20, [2]int{3, 3}, [2]int{2, 2}, [2]int{1, 1}, [4]int{1, 1, 1, 1}, false)
	b.norm()
	b.op(graph.Relu{})
	b.op(graph.GlobalAveragePool{})
	return b.head(10)
}

func TestLearnsABatchByHeart(t *testing.T) {
	g := small(t, 8)
	_, images, labels := batch(g, 20)
	trainer, err := New(g, Options{LearningRate: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	var loss float64
	var correct int
	for range 80 {
		if loss, correct, err = trainer.Step(images, labels); err != nil {
			t.Fatal(err)
		}
	}
	if correct != len(labels) || loss > 0.05 {
		t.Errorf("after 80 steps %d of %d right, loss %.3f", correct, len(labels), loss)
	}
}

// weights are all parameters of a graph, running statistics included.
func weights(g *graph.Graph) []float32 {
	var all []float32
	for i := range g.Nodes {
		for _, p := range parametersOf(&g.Nodes[i]) {
			all = append(all, p...)
		}
		if op, ok := g.Nodes[i].Op.(*graph.BatchNorm); ok {
			all = append(append(all, op.Mean...), op.Variance...)
		}
	}
	return all
}

func TestSeedDecidesWhateverTheWorkers(t *testing.T) {
	set := dataset.DemoTraining(1, 70)
	fit := func(workers int, seed uint64) []float32 {
		trainer, err := New(small(t, 32), Options{Epochs: 2, Batch: 33, Workers: workers, Seed: seed, Crop: 4, Flip: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := trainer.Fit(context.Background(), set, nil, nil); err != nil {
			t.Fatal(err)
		}
		return weights(trainer.Graph())
	}
	one := fit(1, 7)
	for _, workers := range []int{1, 2, 5} {
		if !slices.Equal(fit(workers, 7), one) {
			t.Errorf("%d workers train another network than one", workers)
		}
	}
	if slices.Equal(fit(2, 8), one) {
		t.Error("another seed trains the same network")
	}
}

func TestGivenGraphStaysAsItIs(t *testing.T) {
	g := small(t, 8)
	before := slices.Clone(weights(g))
	_, images, labels := batch(g, 6)
	trainer, err := New(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	step := func() {
		if _, _, err := trainer.Step(images, labels); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if !slices.Equal(weights(g), before) {
		t.Error("training changed the graph it was given")
	}
	taken := trainer.Graph()
	copied := slices.Clone(weights(taken))
	if slices.Equal(copied, before) {
		t.Error("the trained graph has the weights it started with")
	}
	step()
	if !slices.Equal(weights(taken), copied) {
		t.Error("training on changed a graph that was taken before")
	}
}

// With the running statistics those of the batch, the runtime's inference on the
// folded graph must give the logits of training.
func TestFoldedGraphInfersAsTrained(t *testing.T) {
	g := small(t, 8)
	_, images, labels := batch(g, 64)
	trainer, err := New(g, Options{StatisticsRate: 1})
	if err != nil {
		t.Fatal(err)
	}
	trainer.SetLearningRate(0)
	if _, _, err := trainer.Step(images, labels); err != nil {
		t.Fatal(err)
	}
	folded := trainer.Graph().FoldBatchNorm()
	for _, n := range folded.Nodes {
		if _, ok := n.Op.(*graph.BatchNorm); ok {
			t.Fatal("a BatchNorm was left")
		}
	}
	plan, err := runtime.Compile(folded, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	outputs := make([]float32, 64*10)
	plan.RunBatch(outputs, images, 64, 0)
	logits := trainer.values[trainer.logits]
	for i := range 64 {
		for c, want := range logits.pixels(i)[:10] {
			// The running variance is the unbiased estimate: off by a factor of
			// 64·16/(64·16−1) in the last layer.
			if got := outputs[i*10+c]; math.Abs(float64(got-want)) > 5e-3 {
				t.Fatalf("image %d, class %d: inferred %g, trained %g", i, c, got, want)
			}
		}
	}
}

func TestRunningStatistics(t *testing.T) {
	b := newBuilder(t, 1, 1, 2, 2)
	b.op(&graph.BatchNorm{Scale: []float32{1}, Shift: []float32{0}, Mean: []float32{2}, Variance: []float32{3}})
	trainer, err := New(b.head(2), Options{StatisticsRate: 0.25})
	if err != nil {
		t.Fatal(err)
	}
	images := []float32{1, 2, 3, 4, 5, 6, 7, 8} // mean 4.5, unbiased variance 6
	if _, _, err := trainer.Step(images, []int{0, 1}); err != nil {
		t.Fatal(err)
	}
	norm := trainer.Graph().Nodes[0].Op.(*graph.BatchNorm)
	if norm.Mean[0] != 2+0.25*2.5 || math.Abs(float64(norm.Variance[0])-3.75) > 1e-6 {
		t.Errorf("running mean %g and variance %g, want 2.625 and 3.75", norm.Mean[0], norm.Variance[0])
	}
}

func TestDescent(t *testing.T) {
	for _, c := range []struct {
		nesterov, decayed bool
		want              []float32 // after each of two steps from 1 with gradient 0.5
	}{
		{false, false, []float32{0.95, 0.95 - 0.1*(0.9*0.5+0.5)}},
		{true, false, []float32{1 - 0.1*(0.5+0.9*0.5), 0.905 - 0.1*(0.5+0.9*(0.9*0.5+0.5))}},
		{false, true, []float32{1 - 0.1*0.7, 0.93 - 0.1*(0.9*0.7+0.5+0.2*0.93)}},
	} {
		p := &parameter{value: []float32{1}, gradient: []float32{0.5}, velocity: []float32{0}, decayed: c.decayed}
		trainer := &Trainer{
			options:    Options{Momentum: 0.9, Nesterov: c.nesterov, WeightDecay: 0.2},
			parameters: []*parameter{p}, rate: 0.1, pool: newPool(1),
		}
		for step, want := range c.want {
			trainer.descend()
			if math.Abs(float64(p.value[0]-want)) > 1e-6 {
				t.Errorf("nesterov %v, decay %v: %g after step %d, want %g", c.nesterov, c.decayed, p.value[0], step+1, want)
			}
		}
	}
}

func TestDecayIsOfWeightsOnly(t *testing.T) {
	trainer, err := New(small(t, 8), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var decayed []bool
	for _, p := range trainer.parameters {
		decayed = append(decayed, p.decayed)
	}
	conv, norm := []bool{true}, []bool{false, false}
	want := slices.Concat(conv, norm, conv, norm, conv, norm, []bool{true, false})
	if !slices.Equal(decayed, want) {
		t.Errorf("decay is %v, want %v", decayed, want)
	}
}

func TestScheduledRate(t *testing.T) {
	for step, want := range map[int]float64{0: 0.02, 4: 0.1, 5: 0.1, 10: 0.05, 15: 0} {
		if got := scheduledRate(0.1, step, 5, 15); math.Abs(got-want) > 1e-12 {
			t.Errorf("rate %g at step %d, want %g", got, step, want)
		}
	}
}

func TestAugmentation(t *testing.T) {
	set := &dataset.Set{
		Shape:  graph.Shape{1, 2, 3},
		Images: []uint8{10, 20, 30, 40, 50, 60},
		Labels: []int{0},
		Mean:   []float32{0}, Std: []float32{1.0 / 255}, // normalized is as stored
	}
	a := newAugmentation(Options{}, set)
	for _, c := range []struct {
		choice choice
		want   []float32
	}{
		{choice{}, []float32{10, 20, 30, 40, 50, 60}},
		{choice{mirror: true}, []float32{30, 20, 10, 60, 50, 40}},
		{choice{dy: 1, dx: -1}, []float32{0, 40, 50, 0, 0, 0}},
		{choice{dy: -1, dx: 2, mirror: true}, []float32{0, 0, 0, 0, 0, 30}},
	} {
		x := newTensor(set.Shape, 1, kernel.Floats(scalars(set.Shape, 1)))
		a.write(x, 0, set.Image(0), c.choice)
		var got []float32
		for p := range 6 {
			got = append(got, float32(math.Round(float64(x.pixels(0)[p*x.stride]))))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v gives %v, want %v", c.choice, got, c.want)
		}
	}
}

func TestAugmentationUsesItsRange(t *testing.T) {
	set := dataset.DemoTraining(1, 400)
	trainer, err := New(small(t, 32), Options{Batch: 400, Epochs: 1, Crop: 2, Flip: true})
	if err != nil {
		t.Fatal(err)
	}
	a := newAugmentation(trainer.options, set)
	if err := a.fill(trainer, set.Indices(), rand.NewPCG(1, 0)); err != nil {
		t.Fatal(err)
	}
	seen := map[choice]int{}
	for _, c := range a.choices {
		seen[c]++
	}
	if len(seen) != 5*5*2 {
		t.Errorf("%d of the 50 crops and mirrors occur in 400 images", len(seen))
	}
}

func TestFitReportsAndStops(t *testing.T) {
	set := dataset.DemoTraining(1, 50)
	ctx, cancel := context.WithCancel(context.Background())
	trainer, err := New(small(t, 32), Options{Batch: 16, Epochs: 3})
	if err != nil {
		t.Fatal(err)
	}
	var steps []int
	err = trainer.Fit(ctx, set, nil, func(p Progress) {
		steps = append(steps, p.Step)
		if p.Steps != 9 || p.Epochs != 3 || p.Epoch != (p.Step-1)/3+1 || p.Loss <= 0 || p.ImagesPerSecond <= 0 {
			t.Errorf("progress %+v", p)
		}
		if p.Step == 4 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || !reflect.DeepEqual(steps, []int{1, 2, 3, 4}) {
		t.Errorf("steps %v, then %v", steps, err)
	}
}

// Images that stay in their files must train the same network as in memory.
func TestFitsImagesInFiles(t *testing.T) {
	folder := t.TempDir()
	demo := dataset.DemoTraining(1, 24)
	name := func(i int) string {
		return filepath.Join(folder, demo.Classes[demo.Labels[i]], fmt.Sprintf("%02d.png", i))
	}
	for i := range demo.Len() {
		picture := image.NewRGBA(image.Rect(0, 0, 32, 32))
		for p := range 32 * 32 {
			for c := range 3 {
				picture.Pix[4*p+c] = demo.Image(i)[c*32*32+p]
			}
			picture.Pix[4*p+3] = 255
		}
		if err := os.MkdirAll(filepath.Dir(name(i)), 0o755); err != nil {
			t.Fatal(err)
		}
		file, err := os.Create(name(i))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(png.Encode(file, picture), file.Close()); err != nil {
			t.Fatal(err)
		}
	}
	data, err := dataset.OpenFor(folder, dataset.Options{Shape: graph.Shape{3, 32, 32}})
	if err != nil {
		t.Fatal(err)
	}
	if data.Train.InMemory() {
		t.Fatal("the images are in memory: there is nothing to test")
	}
	loaded, err := data.Train.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	fit := func(set *dataset.Set) ([]float32, error) {
		trainer, err := New(small(t, 32), Options{Epochs: 2, Batch: 8, Crop: 2, Flip: true})
		if err != nil {
			t.Fatal(err)
		}
		err = trainer.Fit(context.Background(), set, nil, nil)
		return weights(trainer.Graph()), err
	}
	inFiles, err := fit(data.Train)
	if err != nil {
		t.Fatal(err)
	}
	inMemory, err := fit(loaded)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(inFiles, inMemory) {
		t.Error("images in files train another network than the same in memory")
	}
	if err := os.WriteFile(name(3), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := fit(data.Train); err == nil || !strings.Contains(err.Error(), filepath.Base(name(3))) {
		t.Errorf("a damaged file gives %v", err)
	}
}

func TestRefuses(t *testing.T) {
	grouped := newBuilder(t, 1, 2, 4, 4)
	grouped.op(&graph.Conv{Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 2,
		Weight: graph.Weight{Shape: []int{2, 1, 1, 1}, Float: []float32{1, 1}}})
	quantized := newBuilder(t, 1, 2, 4, 4)
	quantized.op(graph.Flatten{})
	quantized.op(&graph.Gemm{Weight: graph.Weight{Shape: []int{2, 32}, Int: make([]int8, 64), Scale: []float32{1, 1}, Bits: 8}})
	activations := small(t, 8)
	activations.Values[3].Quant = &graph.Quant{Scale: 1, Bits: 8}
	pixels := newBuilder(t, 1, 2, 4, 4)
	pixels.conv3(2)
	weightless := newBuilder(t, 1, 2, 4, 4)
	weightless.op(graph.Flatten{})
	for says, c := range map[string]struct {
		g *graph.Graph
		o Options
	}{
		"2 groups":              {grouped.head(2), Options{}},
		"weights are quantized": {quantized.Graph, Options{}},
		"values are quantized":  {activations, Options{}},
		"one number per class":  {pixels.Graph, Options{}},
		"no weights":            {weightless.Graph, Options{}},
		"must have nodes":       {graph.NewGraph("empty", "x", graph.Shape{1, 1, 1}), Options{}},
		"options":               {small(t, 8), Options{Momentum: 1}},
	} {
		if _, err := New(c.g, c.o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}

	trainer, err := New(small(t, 8), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := trainer.Step(make([]float32, 2*3*8*8), []int{0, 10}); err == nil {
		t.Error("label 10 of 10 classes was accepted")
	}
	if _, _, err := trainer.Step(make([]float32, 7), []int{0, 1}); err == nil {
		t.Error("half an image was accepted")
	}
	if err := trainer.Fit(context.Background(), dataset.DemoTraining(1, 4), nil, nil); err == nil {
		t.Error("images of another size were accepted")
	}
	diverging, err := New(small(t, 32), Options{LearningRate: 1e30, Batch: 8, Epochs: 9})
	if err != nil {
		t.Fatal(err)
	}
	if err := diverging.Fit(context.Background(), dataset.DemoTraining(1, 16), nil, nil); err == nil || !strings.Contains(err.Error(), "lower the learning rate") {
		t.Errorf("training at an absurd rate: %v", err)
	}
}

// A Softmax at the end is left to the loss and comes back in the trained graph.
func TestSoftmaxIsLeftOut(t *testing.T) {
	g := small(t, 8)
	_, images, labels := batch(g, 4)
	with := g.Clone()
	if _, err := with.Append("", graph.Softmax{}, "", g.Output); err != nil {
		t.Fatal(err)
	}
	var losses []float64
	for _, g := range []*graph.Graph{g, with} {
		trainer, err := New(g, Options{})
		if err != nil {
			t.Fatal(err)
		}
		trainer.Step(images, labels)
		loss, _, err := trainer.Step(images, labels)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, loss)
		if last := trainer.Graph().Nodes; last[len(last)-1].Op.Kind() != g.Nodes[len(g.Nodes)-1].Op.Kind() {
			t.Error("the trained graph ends otherwise")
		}
	}
	if losses[0] != losses[1] {
		t.Errorf("losses %v", losses)
	}
}
