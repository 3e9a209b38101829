package graph

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
)

// everything is a graph with every operator and both kinds of weights.
func everything(t testing.TB) *Graph {
	t.Helper()
	g := NewGraph("everything", "image", Shape{3, 8, 8})
	g.Values[0].Quant = &Quant{Scale: 0.02, Zero: 117, Bits: 8}
	add := func(op Op, inputs ...ValueID) ValueID {
		t.Helper()
		id, err := g.Append(op.Kind(), op, "of "+op.Kind(), inputs...)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	x := add(&Conv{
		Kernel: [2]int{3, 3}, Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}, Pad: [4]int{1, 2, 0, 2}, Groups: 1,
		Weight: Weight{Shape: []int{2, 3, 3, 3}, Int: make([]int8, 54), Scale: []float32{1, 2}, Bits: 4},
		Bias:   []float32{1, 2},
	}, 0)
	g.Values[x].Quant = &Quant{Scale: 0.5, Zero: 3, Bits: 3}
	x = add(&BatchNorm{Scale: []float32{1, 2}, Shift: []float32{3, 4}, Mean: []float32{5, 6}, Variance: []float32{7, 8}, Epsilon: 1e-5}, x)
	x = add(Relu{}, x)
	x = add(Clip{Min: 0, Max: float32(math.Inf(1))}, x)
	x = add(Add{}, x, x)
	x = add(MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}, Pad: [4]int{1, 0, 0, 1}}, x)
	x = add(AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}, CountIncludePad: true}, x)
	x = add(&Slice{Start: []int{0, 0, 0}, End: []int{2, 3, 3}, Step: []int{1, 2, 1}}, x)
	x = add(&Pad{Before: []int{1, 0, 0}, After: []int{0, 2, 0}, Value: -1}, x)
	x = add(Concat{Axis: 1}, x, x)
	x = add(Quantize{}, x)
	x = add(MaxPool{Kernel: [2]int{2, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{2, 1}, Pad: [4]int{1, 0, 1, 0}}, x)
	x = add(AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 2}, Pad: [4]int{0, 0, 1, 0}, Uncounted: [2]int{1, 0}}, x)
	x = add(Activation{Function: HardSigmoid, Alpha: 0.5, Beta: 0.25}, x)
	x = add(&PRelu{Slope: []float32{1, 2, 3}}, x)
	x = add(LRN{Size: 3, Alpha: 1, Beta: 0.75, Bias: 2}, x)
	x = add(Binary{Operator: Over}, x, add(Binary{Operator: Times}, add(GlobalAveragePool{}, x), x))
	x = add(&Gather{Index: []int{2, 0, 1}}, x)
	x = add(&Rearrange{Shape: slices.Clone(g.Values[x].Shape)}, x)
	x = add(&Rearrange{Shape: Shape{3, 1, 2}, Order: []int{5, 1, 0, 2, 3, 4}}, x)
	x = add(Softmax{Axis: 2, Log: true}, x)
	x = add(GlobalAveragePool{}, x)
	x = add(Flatten{}, x)
	x = add(&Gemm{Weight: Weight{Shape: []int{2, 3}, Float: []float32{1, 2, 3, 4, 5, 6}}}, x)
	add(Softmax{}, x)
	return g
}

func serialized(t testing.TB, g *Graph) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSerializedGraphsAreEqualIfTheGraphsAre(t *testing.T) {
	want := serialized(t, everything(t))
	if !bytes.Equal(serialized(t, everything(t)), want) {
		t.Error("equal graphs are written differently")
	}
	content := func(g *Graph) []byte {
		var e encoder // which takes graphs that are not valid, too
		e.graph(g)
		return e.bytes
	}
	g := everything(t)
	before, changes := content(g), 0
	eachChange(reflect.ValueOf(g).Elem(), "graph", func(what string) {
		changes++
		if bytes.Equal(content(g), before) {
			t.Errorf("%s is not written", what)
		}
	})
	if changes < 300 || !reflect.DeepEqual(g, everything(t)) {
		t.Errorf("after %d changes the graph is another", changes)
	}
	moved := everything(t) // the last input of a node to the next
	for i := range moved.Nodes[:len(moved.Nodes)-1] {
		if n, next := &moved.Nodes[i], &moved.Nodes[i+1]; len(n.Inputs) > 1 {
			next.Inputs = append([]ValueID{n.Inputs[1]}, next.Inputs...)
			n.Inputs = n.Inputs[:1]
		}
	}
	if bytes.Equal(content(moved), before) {
		t.Error("where a list ends is not written")
	}
}

// Solutions that people keep are found by hashes of serialized graphs.
func TestSerializedGraphsStay(t *testing.T) {
	const want = "8c8f41c6fe0323824489f8ae63168a8bbf25899031040850225d147dc2c80e0f"
	if got := fmt.Sprintf("%x", sha256.Sum256(serialized(t, everything(t)))); got != want {
		t.Errorf("the same graph hashes to %s, which was %s: no solution that was kept is found again", got, want)
	}
}

// eachChange changes every number, string and truth in v, one at a time, and calls changed while it is.
func eachChange(v reflect.Value, what string, changed func(what string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachChange(v.Elem(), what, changed)
		}
		return
	case reflect.Interface:
		what += "." + v.Elem().Type().String()
		if v.Elem().Kind() == reflect.Pointer {
			eachChange(v.Elem(), what, changed)
			return
		}
		held := reflect.ValueOf(v.Interface())
		changing := reflect.New(held.Type()).Elem()
		changing.Set(held)
		eachChange(changing, what, func(what string) {
			v.Set(changing)
			changed(what)
		})
		v.Set(held)
		return
	case reflect.Struct:
		for i := range v.NumField() {
			eachChange(v.Field(i), what+"."+v.Type().Field(i).Name, changed)
		}
		return
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			eachChange(v.Index(i), fmt.Sprintf("%s[%d]", what, i), changed)
		}
		return
	}
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	switch {
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	case v.CanFloat() && v.Float() == 77:
		v.SetFloat(78)
	case v.CanFloat():
		v.SetFloat(77)
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	default:
		v.SetString(v.String() + "+")
	}
	changed(what)
	v.Set(old)
}

func TestWriteRefusesInvalid(t *testing.T) {
	g := everything(t)
	g.Values[2].Shape = Shape{1, 1, 1}
	if err := Write(&bytes.Buffer{}, g); err == nil {
		t.Error("a graph with a wrong shape was written")
	}
}
