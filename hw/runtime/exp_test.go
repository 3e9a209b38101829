package runtime

import (
	"math"
	"testing"
)

func TestExp(t *testing.T) {
	for x := float32(-87.3); x < 88.7; x += 0.00137 {
		want := math.Exp(float64(x))
		if got := float64(exp32(x)); math.Abs(got-want) > want*0x1p-22 {
			t.Fatalf("exp(%g) is %g, wants %g", x, got, want)
		}
	}
	for x, want := range map[float32]float64{0: 1, negInf: 0, -200: 0, posInf: math.Inf(1), 200: math.Inf(1)} {
		if got := float64(exp32(x)); got != want {
			t.Errorf("exp(%g) is %g, wants %g", x, got, want)
		}
	}
	if x := exp32(float32(math.NaN())); x == x {
		t.Errorf("exp(NaN) is %g", x)
	}
}
