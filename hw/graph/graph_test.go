package graph

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestShapes(t *testing.T) {
	conv := func(out, in, size int, edit func(*Conv)) *Conv {
		c := &Conv{
			Kernel: [2]int{size, size}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1,
			Weight: Weight{Shape: []int{out, in, size, size}, Float: make([]float32, out*in*size*size)},
		}
		edit(c)
		return c
	}
	for _, test := range []struct {
		name string
		op   Op
		in   []Shape
		want Shape // nil: an error
	}{
		{"conv", conv(5, 3, 3, func(*Conv) {}), []Shape{{3, 8, 9}}, Shape{5, 6, 7}},
		{"padded, strided", conv(5, 3, 3, func(c *Conv) { c.Pad, c.Stride = [4]int{1, 1, 1, 1}, [2]int{2, 2} }), []Shape{{3, 8, 9}}, Shape{5, 4, 5}},
		{"dilated", conv(5, 3, 3, func(c *Conv) { c.Dilation = [2]int{2, 3} }), []Shape{{3, 8, 9}}, Shape{5, 4, 3}},
		{"depthwise", conv(6, 1, 3, func(c *Conv) { c.Groups = 6 }), []Shape{{6, 3, 3}}, Shape{6, 1, 1}},
		{"conv of other channels", conv(5, 3, 3, func(*Conv) {}), []Shape{{4, 8, 8}}, nil},
		{"conv larger than the image", conv(5, 3, 3, func(*Conv) {}), []Shape{{3, 2, 8}}, nil},
		{"conv without stride", conv(5, 3, 3, func(c *Conv) { c.Stride[1] = 0 }), []Shape{{3, 8, 8}}, nil},
		{"conv with few biases", conv(5, 3, 3, func(c *Conv) { c.Bias = make([]float32, 4) }), []Shape{{3, 8, 8}}, nil},
		{"conv of a vector", conv(5, 3, 3, func(*Conv) {}), []Shape{{3}}, nil},
		{"gemm", &Gemm{Weight: Weight{Shape: []int{4, 6}, Float: make([]float32, 24)}}, []Shape{{6}}, Shape{4}},
		{"gemm of an image", &Gemm{Weight: Weight{Shape: []int{4, 6}, Float: make([]float32, 24)}}, []Shape{{6, 1, 1}}, nil},
		{"gemm with few weights", &Gemm{Weight: Weight{Shape: []int{4, 6}, Float: make([]float32, 20)}}, []Shape{{6}}, nil},
		{"add", Add{}, []Shape{{2, 3, 4}, {2, 3, 4}}, Shape{2, 3, 4}},
		{"add of different shapes", Add{}, []Shape{{2, 3, 4}, {2, 4, 3}}, nil},
		{"max pool", MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1, 1, 1}}, []Shape{{2, 8, 7}}, Shape{2, 4, 4}},
		{"pool of padding only", MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}, Pad: [4]int{2, 0, 0, 0}}, []Shape{{2, 8, 8}}, nil},
		{"average pool", AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, []Shape{{2, 5, 4}}, Shape{2, 2, 2}},
		{"global average pool", GlobalAveragePool{}, []Shape{{7, 5, 4}}, Shape{7, 1, 1}},
		{"slice", &Slice{Start: []int{0, 1, 0}, End: []int{2, 8, 8}, Step: []int{1, 2, 3}}, []Shape{{3, 8, 8}}, Shape{2, 4, 3}},
		{"empty slice", &Slice{Start: []int{2}, End: []int{2}, Step: []int{1}}, []Shape{{3}}, nil},
		{"slice too long", &Slice{Start: []int{0}, End: []int{4}, Step: []int{1}}, []Shape{{3}}, nil},
		{"pad", &Pad{Before: []int{8, 0, 1}, After: []int{8, 0, 2}}, []Shape{{16, 4, 4}}, Shape{32, 4, 7}},
		{"negative pad", &Pad{Before: []int{-1}, After: []int{0}}, []Shape{{3}}, nil},
		{"concat", Concat{Axis: 0}, []Shape{{2, 4, 4}, {3, 4, 4}, {1, 4, 4}}, Shape{6, 4, 4}},
		{"concat of different images", Concat{Axis: 0}, []Shape{{2, 4, 4}, {3, 4, 5}}, nil},
		{"concat of nothing", Concat{}, nil, nil},
		{"flatten", Flatten{}, []Shape{{2, 3, 4}}, Shape{24}},
		{"softmax", Softmax{}, []Shape{{10}}, Shape{10}},
		{"softmax over columns", Softmax{Axis: 2}, []Shape{{10, 1, 3}}, Shape{10, 1, 3}},
		{"softmax over nothing", Softmax{Axis: 1}, []Shape{{10}}, nil},
		{"dilated pool", MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{3, 1}}, []Shape{{2, 8, 7}}, Shape{2, 5, 6}},
		{"dilated beyond the image", MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{3, 1}, Pad: [4]int{1, 0, 1, 0}}, []Shape{{2, 2, 7}}, nil},
		{"uncounted beyond the padding", AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}, Uncounted: [2]int{1, 0}}, []Shape{{2, 2, 7}}, nil},
		{"activation", Activation{Function: Tanh}, []Shape{{4, 2, 3}}, Shape{4, 2, 3}},
		{"slopes of other channels", &PRelu{Slope: []float32{1, 2}}, []Shape{{4, 2, 3}}, nil},
		{"gate", Binary{Operator: Times}, []Shape{{4, 2, 3}, {4, 1, 1}}, Shape{4, 2, 3}},
		{"gate of other channels", Binary{Operator: Times}, []Shape{{4, 2, 3}, {2, 1, 1}}, nil},
		{"gate of another rank", Binary{Operator: Times}, []Shape{{4, 2, 3}, {4}}, nil},
		{"shuffle", &Gather{Index: []int{2, 0, 1, 1}}, []Shape{{3, 2, 3}}, Shape{4, 2, 3}},
		{"shuffle of missing channels", &Gather{Index: []int{3}}, []Shape{{3, 2, 3}}, nil},
		{"rearranged", &Rearrange{Shape: Shape{2, 1, 3}}, []Shape{{6}}, Shape{2, 1, 3}},
		{"rearranged to more", &Rearrange{Shape: Shape{2, 1, 4}}, []Shape{{6}}, nil},
		{"rearranged from outside", &Rearrange{Shape: Shape{1}, Order: []int{6}}, []Shape{{6}}, nil},
		{"channels around", LRN{Size: 5}, []Shape{{6, 2, 2}}, Shape{6, 2, 2}},
		{"no channels around", LRN{}, []Shape{{6, 2, 2}}, nil},
		{"relu of two", Relu{}, []Shape{{1}, {1}}, nil},
	} {
		got, err := test.op.OutputShape(test.in)
		if (err == nil) != (test.want != nil) || err == nil && !slices.Equal(got, test.want) {
			t.Errorf("%s: %v gives %v and error %v, wants %v", test.name, test.in, got, err, test.want)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := everything(t).Validate(); err != nil {
		t.Fatal(err)
	}
	conv := func(g *Graph, edit func(*Conv)) {
		c := *g.Nodes[0].Op.(*Conv)
		edit(&c)
		g.Nodes[0].Op = &c
	}
	for name, spoil := range map[string]func(*Graph){
		"input out of range":       func(g *Graph) { g.Input = 99 },
		"output negative":          func(g *Graph) { g.Output = -1 },
		"read before written":      func(g *Graph) { g.Nodes[0].Inputs[0] = 5 },
		"written twice":            func(g *Graph) { g.Nodes[3].Output = g.Nodes[2].Output },
		"input overwritten":        func(g *Graph) { g.Nodes[0].Output = g.Input },
		"no operator":              func(g *Graph) { g.Nodes[2].Op = nil },
		"shape not the operator's": func(g *Graph) { g.Values[3].Shape = Shape{2, 4, 9} },
		"shape huge":               func(g *Graph) { g.Values[0].Shape = Shape{1 << 23, 1 << 23, 1} },
		"shape empty":              func(g *Graph) { g.Values[0].Shape = nil },
		"zero point too large":     func(g *Graph) { g.Values[1].Quant = &Quant{Scale: 1, Zero: 8, Bits: 3} },
		"nine bits":                func(g *Graph) { g.Values[1].Quant = &Quant{Scale: 1, Bits: 9} },
		"scale zero":               func(g *Graph) { g.Values[1].Quant = &Quant{Bits: 8} },
		"scale not a number":       func(g *Graph) { g.Values[1].Quant = &Quant{Scale: float32(math.NaN()), Bits: 8} },
		"weight beyond its bits": func(g *Graph) {
			conv(g, func(c *Conv) { c.Weight.Bits = 2; c.Weight.Int = slices.Repeat([]int8{-2}, 54) })
		},
		"weight scale infinite": func(g *Graph) { conv(g, func(c *Conv) { c.Weight.Scale = []float32{1, float32(math.Inf(1))} }) },
		"weight of both kinds":  func(g *Graph) { conv(g, func(c *Conv) { c.Weight.Float = make([]float32, 54) }) },
		"bias not a number":     func(g *Graph) { conv(g, func(c *Conv) { c.Bias = []float32{0, float32(math.NaN())} }) },
		"stride that overflows": func(g *Graph) { conv(g, func(c *Conv) { c.Dilation[0] = math.MaxInt / 2 }) },
		"pad that overflows": func(g *Graph) {
			g.Nodes[8].Op = &Pad{Before: []int{math.MaxInt, 0, 0}, After: []int{math.MaxInt, 0, 0}}
		},
		"clip upside down": func(g *Graph) { g.Nodes[3].Op = Clip{Min: 1, Max: 0} },
		"negative variance": func(g *Graph) {
			g.Nodes[1].Op = &BatchNorm{make([]float32, 2), make([]float32, 2), make([]float32, 2), []float32{1, -1}, 0}
		},
	} {
		g := everything(t)
		spoil(g)
		if err := g.Validate(); err == nil {
			t.Errorf("%s: taken for valid", name)
		}
	}
}

func TestFinite(t *testing.T) {
	for n := range 10 {
		list := make([]float32, n)
		if err := finite(list); err != nil {
			t.Errorf("%d zeros: %v", n, err)
		}
		for i := range list {
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				list[i] = float32(bad)
				if finite([]float32{1}, list) == nil {
					t.Errorf("%g at %d of %d is not reported", bad, i, n)
				}
				list[i] = math.MaxFloat32
			}
		}
	}
}

func TestAppendReports(t *testing.T) {
	g := NewGraph("g", "x", Shape{3, 4, 4})
	if _, err := g.Append("sum", Add{}, "y", 0, 7); err == nil || !strings.Contains(err.Error(), `"sum"`) {
		t.Errorf("an unknown input gives %v", err)
	}
	if _, err := g.Append("soft", Softmax{Axis: 3}, "y", 0); err == nil || !strings.Contains(err.Error(), `"soft"`) {
		t.Errorf("a wrong shape gives %v", err)
	}
	if len(g.Nodes) != 0 || len(g.Values) != 1 {
		t.Error("a refused node left traces")
	}
}

// foldable is conv → norm → relu with two channels and 1×1 windows, so that results are
// easy to compute by hand.
func foldable(t *testing.T) *Graph {
	t.Helper()
	g := NewGraph("g", "x", Shape{1, 1, 1})
	for _, op := range []Op{
		&Conv{
			Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1,
			Weight: Weight{Shape: []int{2, 1, 1, 1}, Float: []float32{3, 5}}, Bias: []float32{1, 2},
		},
		&BatchNorm{Scale: []float32{2, 4}, Shift: []float32{10, 20}, Mean: []float32{-1, 1}, Variance: []float32{3, 15}, Epsilon: 1},
		Relu{},
	} {
		if _, err := g.Append(op.Kind(), op, op.Kind(), g.Output); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func TestFoldBatchNorm(t *testing.T) {
	g := foldable(t)
	folded := g.FoldBatchNorm()
	if err := folded.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(folded.Nodes) != 2 {
		t.Fatalf("%d nodes are left, want Conv and Relu", len(folded.Nodes))
	}
	// Channel 0: (3x+1+1)·2/√4+10 = 3x+12; channel 1: (5x+2−1)·4/√16+20 = 5x+21.
	conv := folded.Nodes[0].Op.(*Conv)
	if !slices.Equal(conv.Weight.Float, []float32{3, 5}) || !slices.Equal(conv.Bias, []float32{12, 21}) {
		t.Errorf("folded to weights %v and biases %v", conv.Weight.Float, conv.Bias)
	}
	if len(g.Nodes) != 3 || g.Nodes[0].Op.(*Conv).Bias[0] != 1 {
		t.Error("folding changed the original")
	}

	shared := foldable(t)
	if _, err := shared.Append("again", Concat{}, "both", shared.Nodes[0].Output, shared.Output); err != nil {
		t.Fatal(err)
	}
	if n := len(shared.FoldBatchNorm().Nodes); n != 4 {
		t.Errorf("a Conv with another reader was folded: %d nodes are left of 4", n)
	}
}

func TestPrune(t *testing.T) {
	g := everything(t)
	read := g.Nodes[4].Output
	if _, err := g.Append("dead", Relu{}, "dead", read); err != nil {
		t.Fatal(err)
	}
	g.Output = read
	g.Prune()
	if err := g.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(g.Nodes) != 5 || len(g.Values) != 6 || g.Values[g.Output].Name != "of Add" {
		t.Errorf("%d nodes and %d values are left, the output is %q", len(g.Nodes), len(g.Values), g.Values[g.Output].Name)
	}
}

func TestInferShapes(t *testing.T) {
	g := everything(t)
	want := g.Clone()
	for i := range g.Values[1:] {
		g.Values[i+1].Shape = nil
	}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	for i, v := range g.Values {
		if !slices.Equal(v.Shape, want.Values[i].Shape) {
			t.Errorf("value %q is %v, wants %v", v.Name, v.Shape, want.Values[i].Shape)
		}
	}
	g.Values[0].Shape = Shape{4, 8, 8}
	if err := g.InferShapes(); err == nil {
		t.Error("a fourth input channel is not reported")
	}
}

func TestCosts(t *testing.T) {
	g := everything(t)
	layers := g.Layers()
	if len(layers) != 2 || g.Nodes[layers[0]].Op.Kind() != "Conv" || g.Nodes[layers[1]].Op.Kind() != "Gemm" {
		t.Fatalf("layers are %v", layers)
	}
	// Conv: 2·3·3·3 weights at 4×8 positions, 4 bits of weights and 8 of activations.
	if macs, bops := g.MACs(0), g.BOPs(0); macs != 54*32 || bops != 54*32*32 {
		t.Errorf("Conv: %d MACs, %d BOPs", macs, bops)
	}
	if macs, bops := g.MACs(layers[1]), g.BOPs(layers[1]); macs != 6 || bops != 6*32*32 {
		t.Errorf("Gemm: %d MACs, %d BOPs", macs, bops)
	}
	if g.MACs(2) != 0 || g.BOPs(2) != 0 {
		t.Error("a ReLU has costs")
	}
	macs, bops, parameters := g.Totals()
	if macs != 54*32+6 || bops != 54*32*32+6*32*32 || parameters != 54+2+6 {
		t.Errorf("totals are %d, %d, %d", macs, bops, parameters)
	}
}

func TestQuantizeBias(t *testing.T) {
	for _, test := range []struct {
		bias, input, weight float32
		want                int32
	}{
		{1, 0.5, 0.25, 8}, {0.3125, 0.5, 0.25, 2}, {0.4375, 0.5, 0.25, 4}, {-1, 1, 1, -1},
		{1e30, 1e-3, 1e-3, math.MaxInt32}, {-1e30, 1e-3, 1e-3, math.MinInt32},
	} {
		if got := QuantizeBias(test.bias, test.input, test.weight); got != test.want {
			t.Errorf("%g at %g·%g is %d, wants %d", test.bias, test.input, test.weight, got, test.want)
		}
	}
}

func TestReal(t *testing.T) {
	w := Weight{Shape: []int{2, 2}, Int: []int8{1, -2, 3, -4}, Scale: []float32{0.5, 2}, Bits: 4}
	if got := w.Real(); !slices.Equal(got, []float32{0.5, -1, 6, -8}) {
		t.Errorf("reals are %v", got)
	}
}

func TestSelect(t *testing.T) {
	float := Weight{Shape: []int{3, 2, 1, 2}, Float: []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}
	integer := Weight{Shape: []int{3, 2}, Bits: 4, Int: []int8{0, 1, 2, 3, 4, 5}, Scale: []float32{0.5, 1, 2}}
	for _, c := range []struct {
		from            Weight
		outputs, inputs []int
		want            Weight
	}{
		{float, []int{2, 0}, []int{1}, Weight{Shape: []int{2, 1, 1, 2}, Float: []float32{10, 11, 2, 3}}},
		{float, []int{1}, nil, Weight{Shape: []int{1, 2, 1, 2}, Float: []float32{4, 5, 6, 7}}},
		{float, nil, []int{0}, Weight{Shape: []int{3, 1, 1, 2}, Float: []float32{0, 1, 4, 5, 8, 9}}},
		{float, nil, nil, float},
		{integer, []int{1, 2}, []int{1}, Weight{Shape: []int{2, 1}, Bits: 4, Int: []int8{3, 5}, Scale: []float32{1, 2}}},
		{integer, []int{2}, nil, Weight{Shape: []int{1, 2}, Bits: 4, Int: []int8{4, 5}, Scale: []float32{2}}},
	} {
		if got := c.from.Select(c.outputs, c.inputs); !reflect.DeepEqual(got, c.want) {
			t.Errorf("outputs %v, inputs %v: %+v, want %+v", c.outputs, c.inputs, got, c.want)
		}
	}
}
