package runtime

import (
	"math"
	"testing"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// TestUnusedLanes has operators write over NaNs: lanes beyond the channels must come out as
// zeros, or a NaN there would spoil the sums of a convolution.
func TestUnusedLanes(t *testing.T) {
	for _, test := range []struct {
		op graph.Op
		in []graph.Shape
	}{
		{graph.Flatten{}, []graph.Shape{{3, 2, 2}}},
		{graph.Softmax{}, []graph.Shape{{5}}},
		{graph.Softmax{Axis: 1, Log: true}, []graph.Shape{{3, 2, 2}}},
		{graph.LRN{Size: 3, Alpha: 1, Beta: 0.75, Bias: 1}, []graph.Shape{{5, 2, 2}}},
		{graph.Activation{Function: graph.Exp}, []graph.Shape{{3, 2, 2}}},
		{&graph.PRelu{Slope: []float32{1, 2, 3}}, []graph.Shape{{3, 2, 2}}},
		{graph.Binary{Operator: graph.Plus}, []graph.Shape{{3, 2, 2}, {3, 1, 1}}},
		{&graph.Gather{Index: []int{2, 1, 0}}, []graph.Shape{{3, 2, 2}}},
		{&graph.Gather{Axis: 1, Index: []int{0, 0, 1}}, []graph.Shape{{3, 2, 2}}},
		{&graph.Rearrange{Shape: graph.Shape{2, 3, 2}}, []graph.Shape{{3, 2, 2}}},
		{&graph.Slice{Start: []int{1, 0, 0}, End: []int{3, 2, 2}, Step: []int{1, 1, 1}}, []graph.Shape{{4, 2, 2}}},
		{&graph.Pad{Before: []int{1, 1, 0}, After: []int{0, 0, 1}, Value: 2}, []graph.Shape{{4, 2, 2}}},
		{graph.Concat{}, []graph.Shape{{4, 2, 2}, {3, 2, 2}}},
		{graph.MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}}, []graph.Shape{{4, 2, 2}}},
		{graph.GlobalAveragePool{}, []graph.Shape{{4, 2, 2}}},
		{graph.Relu{}, []graph.Shape{{4, 2, 2}}},
		{graph.Add{}, []graph.Shape{{4, 2, 2}, {4, 2, 2}}},
		{&graph.BatchNorm{Scale: []float32{1}, Shift: []float32{1}, Mean: []float32{1}, Variance: []float32{1}}, []graph.Shape{{1, 2, 2}}},
	} {
		g := &graph.Graph{}
		var inputs []graph.ValueID
		var in [][]float32
		for i, shape := range test.in {
			g.Values = append(g.Values, graph.Value{Shape: shape})
			inputs = append(inputs, graph.ValueID(i))
			in = append(in, NewBatch(shape, 1).Images[0])
		}
		id, err := g.Append("op", test.op, "out", inputs...)
		if err != nil {
			t.Fatal(err)
		}
		out := NewBatch(g.Values[id].Shape, 1)
		for i := range out.Images[0] {
			out.Images[0][i] = float32(math.NaN())
		}
		newFloatOp(kernel.Portable, g, 0, negInf, posInf)(out.Images[0], in)
		for i, x := range out.Images[0][out.Stride:] {
			if i%out.Stride >= out.Channels && x != 0 {
				t.Errorf("%s leaves %g in lane %d of %d channels", test.op.Kind(), x, i%out.Stride, out.Channels)
				break
			} else if x != x {
				t.Errorf("%s does not write channel %d of pixel %d", test.op.Kind(), i%out.Stride, i/out.Stride)
				break
			}
		}
	}
}
