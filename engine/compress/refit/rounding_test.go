package refit

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// correlated is the covariance of n inputs that depend on each other.
func correlated(rng *rand.Rand, n int) []float64 {
	factors := make([]float64, n*(n/3+1))
	for i := range factors {
		factors[i] = rng.NormFloat64()
	}
	k := n/3 + 1
	h := make([]float64, n*n)
	for i := range n {
		for j := range n {
			for p := range k {
				h[i*n+j] += factors[i*k+p] * factors[j*k+p]
			}
		}
		h[i*n+i] += 0.3 * float64(1+i%5)
	}
	return h
}

// outputError is eᵀHe by definition.
func outputError(h []float64, w []float32, q []int8, scale float32) (sum float64) {
	n := len(w)
	for i := range n {
		for j := range n {
			sum += h[i*n+j] * (float64(w[i]) - float64(scale)*float64(q[i])) * (float64(w[j]) - float64(scale)*float64(q[j]))
		}
	}
	return sum
}

func TestCholeskySolves(t *testing.T) {
	isa, err := kernel.Default()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 5, 64, 65, 300} {
		h, outputs := correlated(rng, n), 3
		a, b := make([]float32, n*n), make([]float32, n*outputs)
		for i, x := range h {
			a[i] = float32(x)
		}
		for i := range b {
			b[i] = float32(rng.NormFloat64())
		}
		f, ok := cholesky(Workers{ISA: isa, Count: 2}, slices.Clone(a), n)
		if !ok {
			t.Fatalf("%d: not positive definite", n)
		}
		for i := range n {
			for j := i; j < n; j++ {
				sum := 0.0
				for p := range i + 1 {
					sum += float64(f.m[p*n+i]) * float64(f.m[p*n+j])
				}
				if d := math.Abs(sum - h[i*n+j]); d > 1e-4*math.Sqrt(h[i*n+i]*h[j*n+j]) {
					t.Fatalf("%d: MᵀM is off by %g at %d, %d", n, d, i, j)
				}
			}
		}
		x := slices.Clone(b)
		f.solve(isa, x, outputs)
		for i := range n {
			for o := range outputs {
				sum, size := 0.0, 0.0
				for j := range n {
					sum += h[i*n+j] * float64(x[j*outputs+o])
					size += math.Abs(h[i*n+j] * float64(x[j*outputs+o]))
				}
				if d := math.Abs(sum - float64(b[i*outputs+o])); d > 1e-4*(1+size) {
					t.Fatalf("%d: A·x is off by %g", n, d)
				}
			}
		}
	}
	if _, ok := cholesky(Workers{ISA: isa, Count: 1}, []float32{1, 2, 2, 1}, 2); ok {
		t.Error("an indefinite matrix was factorized")
	}
}

func TestCompensatedRoundingLosesLess(t *testing.T) {
	isa, err := kernel.Default()
	if err != nil {
		t.Fatal(err)
	}
	const n, outputs = 90, 40
	rng := rand.New(rand.NewPCG(5, 6))
	h := correlated(rng, n)
	w := make([]float32, n*outputs)
	for i := range w {
		w[i] = float32(rng.NormFloat64())
	}
	// What the filters read is not centred, which must not matter.
	g := Gram{n + 1, make([]float64, (n+1)*(n+1))}
	mean := func(i int) float64 {
		if i == n {
			return 1
		}
		return float64(i%7) - 2
	}
	for i := range n + 1 {
		for j := range n + 1 {
			g.h[i*(n+1)+j] = mean(i) * mean(j)
			if i < n && j < n {
				g.h[i*(n+1)+j] += h[i*n+j]
			}
		}
	}
	weight := &graph.Weight{Shape: []int{outputs, n}, Float: w}
	for _, bits := range []int{1, 2, 3, 4, 8} {
		nearest := RoundNearest(Workers{ISA: isa, Count: 1}, weight, bits, SquaredError, nil)
		var first []int8
		for _, workers := range []int{1, 3} {
			c := Workers{ISA: isa, Count: workers}
			rounded := roundCompensated(c, weight, bits, nil, []Gram{g})
			q, scales := rounded.Int, rounded.Scale
			var is, was float64
			for o := range outputs {
				is += outputError(h, w[o*n:(o+1)*n], q[o*n:(o+1)*n], scales[o])
				was += outputError(h, w[o*n:(o+1)*n], nearest.Int[o*n:(o+1)*n], nearest.Scale[o])
			}
			t.Logf("%d bits: %.3f of the error", bits, is/was)
			if is > 0.5*was {
				t.Errorf("%d bits: error %g, of rounding to nearest %g", bits, is, was)
			}
			limit := int8(graph.WeightLimit(bits))
			for _, x := range q {
				if x > limit || x < -limit || bits == 1 && x == 0 {
					t.Fatalf("%d bits: weight %d", bits, x)
				}
			}
			if first == nil {
				first = q
			} else if !slices.Equal(first, q) {
				t.Errorf("%d bits: the integers depend on the number of workers", bits)
			}
		}
	}
}

// Of all integers there are few filters small enough to try them all; on those the error must be
// near the least there is, whatever the scale.
func TestCompensatedRoundingIsNearTheOptimum(t *testing.T) {
	isa, err := kernel.Default()
	if err != nil {
		t.Fatal(err)
	}
	const n, outputs = 7, 30
	for _, bits := range []int{1, 2} {
		rng := rand.New(rand.NewPCG(7, uint64(bits)))
		var is, best, nearest float64
		for range 5 {
			h := correlated(rng, n)
			g := Gram{n + 1, make([]float64, (n+1)*(n+1))}
			for i := range n {
				copy(g.h[i*(n+1):], h[i*n:(i+1)*n])
			}
			w := &graph.Weight{Shape: []int{outputs, n}, Float: make([]float32, n*outputs)}
			for i := range w.Float {
				w.Float[i] = float32(rng.NormFloat64())
			}
			q := roundCompensated(Workers{ISA: isa, Count: 1}, w, bits, nil, []Gram{g})
			plain := RoundNearest(Workers{ISA: isa, Count: 1}, w, bits, SquaredError, nil)
			for o := range outputs {
				filter := w.Float[o*n : (o+1)*n]
				is += outputError(h, filter, q.Int[o*n:(o+1)*n], q.Scale[o])
				nearest += outputError(h, filter, plain.Int[o*n:(o+1)*n], plain.Scale[o])
				best += leastOutputError(h, filter, bits)
			}
		}
		t.Logf("%d bits: error %.3g, the least %.3g, of rounding to nearest %.3g", bits, is, best, nearest)
		if is > 1.25*best {
			t.Errorf("%d bits: error %g, the least is %g, of rounding to nearest %g", bits, is, best, nearest)
		}
	}
}

// leastOutputError tries all integers, each with the scale that suits them best.
func leastOutputError(h []float64, w []float32, bits int) float64 {
	n, limit := len(w), graph.WeightLimit(bits)
	q := make([]int8, n)
	best := outputError(h, w, q, 0)
	var try func(i int)
	try = func(i int) {
		if i < n {
			for x := -limit; x <= limit; x++ {
				if bits > 1 || x != 0 {
					q[i] = int8(x)
					try(i + 1)
				}
			}
			return
		}
		var along, length float64
		for i := range n {
			for j := range n {
				along += float64(q[i]) * h[i*n+j] * float64(w[j])
				length += float64(q[i]) * h[i*n+j] * float64(q[j])
			}
		}
		if along > 0 && length > 0 {
			best = min(best, outputError(h, w, q, float32(along/length)))
		}
	}
	try(0)
	return best
}

func TestCompensatedRoundingEdges(t *testing.T) {
	isa, err := kernel.Default()
	if err != nil {
		t.Fatal(err)
	}
	c := Workers{ISA: isa, Count: 1}
	w := &graph.Weight{Shape: []int{2, 3}, Float: []float32{0, 0, 0, 0.5, -0.25, 0.1}}
	constant := Gram{4, slices.Repeat([]float64{1}, 16)}
	broken := Gram{4, slices.Repeat([]float64{math.NaN()}, 16)}
	good := Gram{4, []float64{
		2, 1, 0, 0,
		1, 2, 0, 0,
		0, 0, 1, 0,
		0, 0, 0, 1,
	}}
	for bits := 1; bits <= 8; bits++ {
		want := RoundNearest(c, w, bits, SquaredError, nil)
		for name, g := range map[string]Gram{"constant": constant, "broken": broken} {
			if got := roundCompensated(c, w, bits, nil, []Gram{g}); !slices.Equal(got.Int, want.Int) || !slices.Equal(got.Scale, want.Scale) {
				t.Errorf("%d bits, %s inputs: not rounded to nearest", bits, name)
			}
		}
		q := roundCompensated(c, w, bits, []float32{0, 0.125}, []Gram{good})
		if !(q.Scale[0] > 0) || math.Abs(float64(q.Real()[0])) > 1e-20 {
			t.Errorf("%d bits: an empty filter becomes %v", bits, q.Real()[:3])
		}
		if q.Scale[1] < 0.125 {
			t.Errorf("%d bits: scale %v is below its floor", bits, q.Scale[1])
		}
	}
	// Two groups are rounded each by its own moments.
	two := &graph.Weight{Shape: []int{2, 3}, Float: w.Float}
	apart := roundCompensated(c, two, 2, nil, []Gram{constant, good})
	alone := roundCompensated(c, &graph.Weight{Shape: []int{1, 3}, Float: w.Float[3:]}, 2, nil, []Gram{good})
	if !slices.Equal(apart.Int[3:], alone.Int) || apart.Scale[1] != alone.Scale[0] {
		t.Error("a group is not rounded as if it were alone")
	}
}
