package testnet

import (
	"testing"

	"galen/hw/graph"
)

// Random joins random operators to random earlier values.
func Random(t testing.TB, seed uint64) *graph.Graph {
	b := NewBuilder(t, seed, 4, 8, 8)
	pool := []graph.ValueID{0}
	like := func(id graph.ValueID, from int) (same []graph.ValueID) {
		for _, other := range pool {
			s, o := b.shape(id), b.shape(other)
			if s[1] == o[1] && s[2] == o[2] && (from == 1 || s[0] == o[0]) {
				same = append(same, other)
			}
		}
		return same
	}
	pickFrom := func(ids []graph.ValueID) graph.ValueID { return ids[b.Rand.IntN(len(ids))] }
	for range 12 + b.Rand.IntN(12) {
		// Mostly deep, sometimes wide.
		x := pool[len(pool)-1]
		if b.Rand.IntN(3) == 0 {
			x = pickFrom(pool)
		}
		s := b.shape(x)
		var y graph.ValueID
		switch b.Rand.IntN(16) {
		case 13:
			index := b.Rand.Perm(s[0])
			y = b.Add(&graph.Gather{Index: index[:1+b.Rand.IntN(s[0])]}, x)
		case 14:
			gate := b.Add(graph.Activation{Function: graph.Sigmoid}, b.Conv(b.Add(graph.GlobalAveragePool{}, x), []int{1, s[0]}[b.Rand.IntN(2)], 1, 1, 1))
			y = b.Add(graph.Binary{Operator: graph.Times}, x, gate)
		case 15:
			y = b.Add(&graph.PRelu{Slope: b.floats(s[0], 0, 0.3)}, b.Add(&graph.Rearrange{Shape: graph.Shape{s[0], s[2], s[1]}}, x))
		case 0, 1, 2:
			y = b.Conv(x, 2*(1+b.Rand.IntN(6)), 1+2*b.Rand.IntN(2), 1, 1)
		case 3:
			y = b.Conv(x, 4, 3, 1+b.Rand.IntN(min(2, s[1])), 1)
		case 4:
			y = b.Conv(x, s[0]*(1+b.Rand.IntN(2)), 3, 1, s[0])
		case 5:
			if s[0]%2 != 0 {
				continue
			}
			y = b.Conv(x, 6, 3, 1, 2)
		case 6:
			y = b.norm(x)
		case 7:
			y = b.Add(graph.Add{}, x, pickFrom(like(x, 0)))
		case 8:
			y = b.Add(graph.Concat{}, x, pickFrom(like(x, 1)))
			if b.shape(y)[0] > 40 {
				continue
			}
		case 9:
			if b.Rand.IntN(2) == 0 {
				y = b.Add(graph.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}}, x)
			} else {
				y = b.Add(graph.AveragePool{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, CountIncludePad: b.Rand.IntN(2) == 0}, x)
			}
		case 10:
			y = b.Add(&graph.Pad{Before: []int{b.Rand.IntN(3), 0, 0}, After: []int{b.Rand.IntN(3), 0, 0}, Value: float32(b.Rand.IntN(2))}, x)
		case 11:
			from := b.Rand.IntN(s[0])
			step := 1 + b.Rand.IntN(8)/7
			y = b.Add(&graph.Slice{Start: []int{from, 0, 0}, End: []int{from + 1 + b.Rand.IntN(s[0]-from), s[1], s[2]}, Step: []int{step, 1, 1}}, x)
		case 12:
			y = b.Add(graph.Concat{Axis: 1 + b.Rand.IntN(2)}, x, pickFrom(like(x, 0)))
			if b.shape(y).Elements() > 4000 {
				continue
			}
		}
		if b.Rand.IntN(2) == 0 {
			y = b.Relu(y)
		}
		pool = append(pool, y)
	}
	x := pool[len(pool)-1]
	if b.Rand.IntN(2) == 0 {
		x = b.Add(graph.GlobalAveragePool{}, x)
	}
	x = b.Add(graph.Flatten{}, x)
	if b.Rand.IntN(2) == 0 {
		x = b.Relu(b.Gemm(x, 12))
	}
	b.Gemm(x, 5)
	b.Graph.Prune()
	return b.Graph
}
