package runtime

import (
	"slices"
	"testing"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// A dimension of 1 is repeated on either side, channels included.
func TestBinaryRepeats(t *testing.T) {
	shapes := []graph.Shape{{3, 2, 2}, {1, 2, 2}, {3, 1, 1}, {1, 1, 2}, {1, 1, 1}, {3, 2, 1}}
	for _, a := range shapes {
		for _, b := range shapes {
			for operator := graph.Plus; operator <= graph.Over; operator++ {
				g := &graph.Graph{}
				var in []*tensor
				var floats [][]float32
				for side, shape := range []graph.Shape{a, b} {
					g.Values = append(g.Values, graph.Value{Shape: shape})
					batch, exact := NewBatch(shape, 1), newTensor(shape)
					for i := range exact.real {
						exact.real[i] = float64(1 + (i*5+side*3)%7)
					}
					for p := range batch.Pixels {
						for c, pixel := 0, batch.Pixel(0, p); c < len(pixel); c++ {
							pixel[c] = float32(exact.real[c*batch.Pixels+p])
						}
					}
					in, floats = append(in, exact), append(floats, batch.Images[0])
				}
				id, err := g.Append("op", graph.Binary{Operator: operator}, "out", 0, 1)
				if err != nil {
					t.Fatal(err)
				}
				out := NewBatch(g.Values[id].Shape, 1)
				newFloatOp(kernel.Portable, g, 0, negInf, posInf)(out.Images[0], floats)
				want := interpret(g, 0, in)
				rounded := make([]float32, len(want.real))
				for i, v := range want.real {
					rounded[i] = float32(v)
				}
				if got := out.Outputs(); !slices.Equal(got, rounded) {
					t.Errorf("%v %s %v is %v, wants %v", a, g.Nodes[0].Op.Kind(), b, got, rounded)
				}
			}
		}
	}
}
