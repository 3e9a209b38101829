package compress

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
		f, ok := crew{isa, 2}.cholesky(slices.Clone(a), n)
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
	if _, ok := (crew{isa, 1}).cholesky([]float32{1, 2, 2, 1}, 2); ok {
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
	g := gram{n + 1, make([]float64, (n+1)*(n+1))}
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
		nearest := crew{isa, 1}.quantizeWeight(weight, bits, SquaredError, nil)
		var first []int8
		for _, workers := range []int{1, 3} {
			c := crew{isa, workers}
			rounded := c.compensatedWeight(weight, bits, nil, []gram{g})
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
