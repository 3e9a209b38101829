package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestReciprocal compares integers found with reciprocals to those that division gives, near halves, where they could differ.
func TestReciprocal(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 4))
	inexact := 0
	for range 2000 {
		of := float32(math.Exp(random.NormFloat64()*3 - 3))
		r := newReciprocal(of)
		if !r.exact {
			inexact++
			continue
		}
		for k := range 256 {
			x := math.Nextafter32((float32(k)+0.5)*of, 0)
			x = math.Nextafter32(x, 0)
			for range 5 {
				// The product of the high part is exact in float64, and so is the sum up to far below what float32 rounds.
				quotient := float32(math.FMA(float64(x), float64(r.high), float64(float32(x*r.low))))
				if got, want := math.RoundToEven(float64(quotient)), math.RoundToEven(float64(x/of)); got != want {
					t.Fatalf("%v times the reciprocal of %v rounds to %v, want %v", x, of, got, want)
				}
				x = math.Nextafter32(x, math.MaxFloat32)
			}
		}
	}
	if inexact > 50 {
		t.Errorf("%d of 2000 reciprocals are not exact, wants few", inexact)
	}
	for _, of := range []float32{0, -1, float32(math.Inf(1)), float32(math.NaN()), 1e-30, 1e30} {
		if newReciprocal(of).exact {
			t.Errorf("the reciprocal of %v is said to be exact", of)
		}
	}
}
