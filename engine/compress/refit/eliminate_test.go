package refit

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// The loss that elimination states is what the best weights without the channels lose.
func TestEliminationStatesTheLossOfTheBestFit(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	const channels, taps, outputs = 5, 3, 4
	size := channels*taps + 1
	f, _, _ := randomProblem(rng, size, outputs, 300)
	w := graph.Weight{Shape: []int{outputs, channels, taps, 1}, Float: make([]float32, outputs*channels*taps)}
	for i := range w.Float {
		w.Float[i] = float32(rng.NormFloat64())
	}
	n := &graph.Node{Op: &graph.Conv{Weight: w}}
	e := NewElimination(Workers{ISA: kernel.Portable, Count: 2}, &f.Gram, n, upTo(channels))
	h := slices.Clone(f.h)
	for i := range size - 1 {
		h[i*size+i] += f.ridge()
	}
	// least is (w−w₀)·H·(w−w₀), summed over the outputs, where the weights of the channels gone are zero
	// and the others at their best: by Gauss's elimination, w_K = w₀_K + H_KK⁻¹·H_KS·w₀_S.
	least := func(gone []int) float64 {
		var left, lost []int
		for i := range size {
			if i < size-1 && slices.Contains(gone, i/taps) {
				lost = append(lost, i)
			} else {
				left = append(left, i)
			}
		}
		sum := 0.0
		for o := range outputs {
			change := make([]float64, size)
			for _, i := range lost {
				change[i] = -float64(w.Float[o*channels*taps+i])
			}
			a, b := make([][]float64, len(left)), make([]float64, len(left))
			for r, i := range left {
				a[r] = make([]float64, len(left))
				for c, j := range left {
					a[r][c] = h[i*size+j]
				}
				for _, j := range lost {
					b[r] -= h[i*size+j] * change[j]
				}
			}
			for r, x := range gauss(a, b) {
				change[left[r]] = x
			}
			for i, x := range change {
				for j, y := range change {
					sum += x * y * h[i*size+j]
				}
			}
		}
		return sum
	}
	var gone []int
	total := 0.0
	for _, class := range []int{3, 0, 4} {
		loss := e.loss(class) * e.energy
		gone = append(gone, class)
		if want := least(gone) - total; math.Abs(loss-want) > 1e-6*want {
			t.Errorf("without %v: a loss of %g, wants %g", gone, loss, want)
		}
		total += loss
		e.remove([]int{class})
	}
	if loss := e.loss(3); loss != 0 {
		t.Errorf("a channel that is gone has a loss of %g", loss)
	}
}

// gauss solves a·x = b.
func gauss(a [][]float64, b []float64) []float64 {
	n := len(b)
	for k := range n {
		pivot := k
		for r := k; r < n; r++ {
			if math.Abs(a[r][k]) > math.Abs(a[pivot][k]) {
				pivot = r
			}
		}
		a[k], a[pivot], b[k], b[pivot] = a[pivot], a[k], b[pivot], b[k]
		for r := range n {
			if r == k {
				continue
			}
			factor := a[r][k] / a[k][k]
			for c := k; c < n; c++ {
				a[r][c] -= factor * a[k][c]
			}
			b[r] -= factor * b[k]
		}
	}
	for k := range n {
		b[k] /= a[k][k]
	}
	return b
}
