package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The operations of normalization on more pixels than they take at a time.
func TestChannelOperations(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 3))
	for _, isa := range Supported() {
		for _, stride := range []int{16, 48} {
			const pixels = 301
			n := pixels * stride
			x, gradient, out, prior := normals(random, n), normals(random, n), normals(random, n), normals(random, n)
			pivot, factor, slope, offset := normals(random, stride), normals(random, stride), normals(random, stride), normals(random, stride)
			out[3] = 0 // stops a gradient
			sums := func(term func(i int) float64) []float64 {
				s := make([]float64, stride)
				for i := range n {
					s[i%stride] += term(i)
				}
				return s
			}
			passed := func(i int) float64 {
				if out[i] > 0 {
					return float64(gradient[i])
				}
				return 0
			}
			all := func(i int) float64 { return float64(gradient[i]) }
			off := func(i int) float64 { return float64(x[i]) - float64(pivot[i%stride]) }
			check := func(what string, got []float32, want func(i int) float64) {
				t.Helper()
				for i, y := range got {
					if d := math.Abs(float64(y) - want(i)); !(d <= 1e-4*(1+math.Abs(want(i)))) {
						t.Fatalf("%s, %d channels: %s [%d] = %v, want %v", isa, stride, what, i, y, want(i))
					}
				}
			}
			both := func(what string, run func(first, second []float32), one, two func(i int) float64) {
				t.Helper()
				first, second := normals(random, stride), normals(random, stride)
				a, b := append([]float32(nil), first...), append([]float32(nil), second...)
				run(first, second)
				s, q := sums(one), sums(two)
				check(what+": first", first, func(i int) float64 { return float64(a[i]) + s[i] })
				check(what+": second", second, func(i int) float64 { return float64(b[i]) + q[i] })
			}
			both("moments", func(first, second []float32) { ChannelMoments(isa, x, pivot, first, second) },
				off, func(i int) float64 { return off(i) * off(i) })
			both("products", func(first, second []float32) { ChannelProducts(isa, gradient, nil, x, pivot, first, second) },
				all, func(i int) float64 { return all(i) * off(i) })
			both("rectified products", func(first, second []float32) { ChannelProducts(isa, gradient, out, x, pivot, first, second) },
				passed, func(i int) float64 { return passed(i) * off(i) })

			to := normals(random, n)
			affine := func(i int) float64 {
				return float64(factor[i%stride])*float64(x[i]) + float64(offset[i%stride])
			}
			ChannelAffine(isa, to, x, factor, offset, float32(math.Inf(-1)))
			check("affine", to, affine)
			ChannelAffine(isa, to, x, factor, offset, 0)
			check("rectified affine", to, func(i int) float64 { return max(0, affine(i)) })

			norm := func(i int, g, prior float64) float64 {
				c := i % stride
				return float64(factor[c])*g + float64(slope[c])*float64(x[i]) + float64(offset[c]) + prior
			}
			NormGradient(isa, to, nil, gradient, nil, x, factor, slope, offset)
			check("norm", to, func(i int) float64 { return norm(i, all(i), 0) })
			copy(to, prior)
			NormGradient(isa, to, to, gradient, out, x, factor, slope, offset)
			check("rectified norm, added", to, func(i int) float64 { return norm(i, passed(i), float64(prior[i])) })

			to = to[:n-5] // not whole vectors
			copy(to, gradient)
			PassPositive(isa, to, nil, to, out)
			check("relu", to, passed)
			copy(to, prior)
			PassPositive(isa, to, to, gradient, out)
			check("relu, added", to, func(i int) float64 { return passed(i) + float64(prior[i]) })
		}
	}
}
