package kernel

import (
	"fmt"
	"math"
	"testing"
)

// sweep is numbers of every sign and magnitude, closely spaced, and what is no number.
func sweep() []float32 {
	x := []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.MaxFloat32, -math.MaxFloat32}
	for bits := uint32(0); bits < 0x7f800000; bits += 9973 {
		x = append(x, math.Float32frombits(bits), -math.Float32frombits(bits))
	}
	return x
}

var activations = map[Activation]func(x float64) float64{
	{Function: Sigmoid}: func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	{Function: Silu}:    func(x float64) float64 { return x / (1 + math.Exp(-x)) },
	{Function: Tanh}:    math.Tanh,
	{Function: HardSigmoid, Alpha: 1. / 6, Beta: .5}: func(x float64) float64 { return min(max(float64(float32(1./6))*x+.5, 0), 1) },
	{Function: HardSwish}:                            func(x float64) float64 { return x * (min(max(x+3, 0), 6) / 6) },
	{Function: LeakyRelu, Alpha: 0.125}: func(x float64) float64 {
		if x < 0 {
			return x / 8
		}
		return x
	},
}

func TestActivateError(t *testing.T) {
	x := sweep()
	out := make([]float32, len(x))
	for a, f := range activations {
		Activate(Portable, a, out, x)
		worst := 0.0
		for i, x := range x {
			x, got := float64(x), float64(out[i])
			want := f(x)
			if math.IsNaN(x) {
				if !math.IsNaN(got) {
					t.Errorf("%+v of NaN is %v", a, got)
				}
				continue
			}
			if math.IsInf(x, 0) || math.Abs(x) > 86 && a.Function <= Tanh {
				if a.Function != Silu && math.Abs(got-want) > 0x1p-24 {
					t.Fatalf("%+v of %v is %v, wants %v", a, x, got, want)
				}
				continue
			}
			bound := 0x1p-22 * math.Abs(want)
			if a.Function == Tanh {
				bound *= 2
			}
			if a.Function == HardSigmoid || a.Function == HardSwish { // x+3 cancels near −3
				bound = 0x1p-22 * max(math.Abs(x), 1)
			}
			if math.Abs(want) < 0x1p-126 { // rounding of subnormal numbers is absolute
				bound = 0x1p-149
			}
			if difference := math.Abs(got - want); difference > bound {
				t.Fatalf("%+v of %v is %v, wants %v", a, x, got, want)
			} else if want != 0 {
				worst = max(worst, difference/math.Abs(want))
			}
		}
		t.Logf("%+v: largest relative error 2^%.2f", a, math.Log2(worst))
	}
}

// TestActivateAgrees wants the same numbers of all instruction sets.
func TestActivateAgrees(t *testing.T) {
	x := sweep()
	for a := range activations {
		want, got := make([]float32, len(x)), make([]float32, len(x))
		Activate(Portable, a, want, x)
		for _, isa := range Supported() {
			copy(got, x)
			Activate(isa, a, got, got)
			for i := range x {
				if got[i] != want[i] && (got[i] == got[i] || want[i] == want[i]) {
					t.Fatalf("%s: %+v of %v is %v, portable gives %v", isa, a, x[i], got[i], want[i])
				}
			}
			for _, n := range lengths {
				short := Floats(n + 1)
				short[n] = 77
				Activate(isa, a, short[:n], short[:n])
				if short[n] != 77 {
					t.Fatalf("%s n=%d: wrote past the end", isa, n)
				}
			}
		}
	}
}

func BenchmarkActivate(b *testing.B) {
	x, out := Floats(4096), Floats(4096)
	for i := range x {
		x[i] = float32(i%200)/10 - 10
	}
	for _, isa := range Supported() {
		for f := range Function(functions) {
			b.Run(fmt.Sprintf("%s/%d", isa, f), func(b *testing.B) {
				b.SetBytes(int64(4 * len(x)))
				for b.Loop() {
					Activate(isa, Activation{f, 0.125, 0.5}, out, x)
				}
			})
		}
	}
}
