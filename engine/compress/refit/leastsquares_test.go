package refit

import (
	"math/rand/v2"
	"slices"
	"testing"

	"galen/hw/kernel"
)

// randomProblem is a random least-squares problem: correlated patches, and targets that are a
// linear map of them and some noise.
func randomProblem(rng *rand.Rand, size, outputs, samples int) (f problem, patches, targets [][]float64) {
	mix := make([]float64, size*size)
	for i := range mix {
		mix[i] = rng.NormFloat64()
	}
	f = problem{Gram: Gram{size, make([]float64, size*size)}, products: make([]float64, size*outputs), outputs: outputs}
	for range samples {
		source, z, y := make([]float64, size), make([]float64, size), make([]float64, outputs)
		for i := range source {
			source[i] = rng.NormFloat64()
		}
		for i := range z {
			for j, s := range source[:1+i] {
				z[i] += mix[i*size+j] * s
			}
		}
		z[size-1] = 1
		for o := range y {
			for i, x := range z {
				y[o] += mix[(i*7+o*3)%len(mix)] * x
			}
			y[o] += rng.NormFloat64()
		}
		for i, a := range z {
			for j, b := range z {
				f.h[i*size+j] += a * b / float64(samples)
			}
			for o, b := range y {
				f.products[i*outputs+o] += a * b / float64(samples)
			}
		}
		patches, targets = append(patches, z), append(targets, y)
	}
	return f, patches, targets
}

// cost is what refitted weights minimize, by its definition.
func cost(f problem, patches, targets [][]float64, w, before []float64, o int) float64 {
	sum, trace := 0.0, 0.0
	for s, z := range patches {
		d := -targets[s][o]
		for i, x := range z {
			d += w[i] * x
		}
		sum += d * d / float64(len(patches))
	}
	for i := range f.size - 1 {
		trace += f.h[i*f.size+i]
	}
	for i := range f.size - 1 {
		d := w[i] - before[i]
		sum += Ridge * trace / float64(f.size-1) * d * d
	}
	return sum
}

func TestSolveFindsTheMinimum(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const size, outputs = 12, 3
	f, patches, targets := randomProblem(rng, size, outputs, 200)
	filters, bias := make([]float32, (size-1)*outputs), make([]float32, outputs)
	for i := range filters {
		filters[i] = float32(rng.NormFloat64())
	}
	row := func(o int) []float64 {
		return append(toFloat64(filters[o*(size-1):][:size-1]), float64(bias[o]))
	}
	var before [outputs][]float64
	for o := range before {
		before[o] = row(o)
	}
	f.refitFilters(Workers{ISA: kernel.Portable, Count: 2}, filters, bias)
	for o := range outputs {
		w := row(o)
		least := cost(f, patches, targets, w, before[o], o)
		for i := range size {
			for _, step := range []float64{-0.01, 0.01} { // far above the rounding of float32
				moved := slices.Clone(w)
				moved[i] += step
				if c := cost(f, patches, targets, moved, before[o], o); c < least {
					t.Errorf("output %d: moving weight %d by %g lowers the cost from %g to %g", o, i, step, least, c)
				}
			}
		}
	}
}
