package graph

import (
	"bytes"
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

func TestSerialize(t *testing.T) {
	g := everything(t)
	stream := bytes.NewBuffer(serialized(t, g))
	stream.WriteString("next")
	got, err := Read(stream)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, g) {
		t.Errorf("read %+v,\nwrote %+v", got, g)
	}
	if stream.String() != "next" {
		t.Errorf("%q is left of the stream", stream)
	}
}

// TestReadBroken cuts a graph off anywhere and damages every byte: an error or a valid
// graph, but no panic.
func TestReadBroken(t *testing.T) {
	data := serialized(t, everything(t))
	for n := range data {
		if _, err := Read(bytes.NewReader(data[:n])); err == nil {
			t.Errorf("the first %d of %d bytes are taken for a graph", n, len(data))
		}
	}
	for i := range data {
		for _, flip := range []byte{1, 0x80, 0xff} {
			broken := bytes.Clone(data)
			broken[i] ^= flip
			if g, err := Read(bytes.NewReader(broken)); err == nil {
				if err := g.Validate(); err != nil {
					t.Errorf("byte %d: read an invalid graph: %v", i, err)
				}
			}
		}
	}
}

func TestWriteRefusesInvalid(t *testing.T) {
	g := everything(t)
	g.Values[2].Shape = Shape{1, 1, 1}
	if err := Write(&bytes.Buffer{}, g); err == nil {
		t.Error("a graph with a wrong shape was written")
	}
}

func FuzzRead(f *testing.F) {
	data := serialized(f, everything(f))
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte(serialMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := Read(bytes.NewReader(serialized(t, g)))
		if err != nil || !bytes.Equal(serialized(t, again), serialized(t, g)) {
			t.Errorf("a graph changed by writing and reading it: %v", err)
		}
	})
}
