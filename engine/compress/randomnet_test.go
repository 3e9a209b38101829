package compress

import (
	"testing"

	"galen/hw/graph"
)

// randomNet joins random operators to random earlier values.
func randomNet(t testing.TB, seed uint64) *graph.Graph {
	b := newBuilder(t, seed, 4, 8, 8)
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
	pickFrom := func(ids []graph.ValueID) graph.ValueID { return ids[b.rng.IntN(len(ids))] }
	for range 12 + b.rng.IntN(12) {
		// Mostly deep, sometimes wide.
		x := pool[len(pool)-1]
		if b.rng.IntN(3) == 0 {
			x = pickFrom(pool)
		}
		s := b.shape(x)
		var y graph.ValueID
		switch b.rng.IntN(16) {
		case 13:
			index := b.rng.Perm(s[0])
			y = b.add(&graph.Gather{Index: index[:1+b.rng.IntN(s[0])]}, x)
		case 14:
			gate := b.add(graph.Activation{Function: graph.Sigmoid}, b.conv(b.add(graph.GlobalAveragePool{}, x), []int{1, s[0]}[b.rng.IntN(2)], 1, 1, 1))
			y = b.add(graph.Binary{Operator: graph.Times}, x, gate)
		case 15:
			y = b.add(&graph.PRelu{Slope: b.floats(s[0], 0, 0.3)}, b.add(&graph.Rearrange{Shape: graph.Shape{s[0], s[2], s[1]}}, x))
		case 0, 1, 2:
			y = b.conv(x, 2*(1+b.rng.IntN(6)), 1+2*b.rng.IntN(2), 1, 1)
		case 3:
			y = b.conv(x, 4, 3, 1+b.rng.IntN(min(2, s[1])), 1)
		case 4:
			y = b.conv(x, s[0]*(1+b.rng.IntN(2)), 3, 1, s[0])
		case 5:
			if s[0]%2 != 0 {
				continue
			}
			y = b.conv(x, 6, 3, 1, 2)
		case 6:
			y = b.norm(x)
		case 7:
			y = b.add(graph.Add{}, x, pickFrom(like(x, 0)))
		case 8:
			y = b.add(graph.Concat{}, x, pickFrom(like(x, 1)))
			if b.shape(y)[0] > 40 {
				continue
			}
		case 9:
			if b.rng.IntN(2) == 0 {
				y = b.add(graph.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}}, x)
			} else {
				y = b.add(graph.AveragePool{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, CountIncludePad: b.rng.IntN(2) == 0}, x)
			}
		case 10:
			y = b.add(&graph.Pad{Before: []int{b.rng.IntN(3), 0, 0}, After: []int{b.rng.IntN(3), 0, 0}, Value: float32(b.rng.IntN(2))}, x)
		case 11:
			from := b.rng.IntN(s[0])
			step := 1 + b.rng.IntN(8)/7
			y = b.add(&graph.Slice{Start: []int{from, 0, 0}, End: []int{from + 1 + b.rng.IntN(s[0]-from), s[1], s[2]}, Step: []int{step, 1, 1}}, x)
		case 12:
			y = b.add(graph.Concat{Axis: 1 + b.rng.IntN(2)}, x, pickFrom(like(x, 0)))
			if b.shape(y).Elements() > 4000 {
				continue
			}
		}
		if b.rng.IntN(2) == 0 {
			y = b.relu(y)
		}
		pool = append(pool, y)
	}
	x := pool[len(pool)-1]
	if b.rng.IntN(2) == 0 {
		x = b.add(graph.GlobalAveragePool{}, x)
	}
	x = b.add(graph.Flatten{}, x)
	if b.rng.IntN(2) == 0 {
		x = b.relu(b.gemm(x, 12))
	}
	b.gemm(x, 5)
	b.g.Prune()
	return b.g
}
