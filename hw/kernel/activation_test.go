package kernel

import (
	"fmt"
	"math"
	"slices"
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

func TestActivate(t *testing.T) {
	x := sweep()
	for a, f := range activations {
		portable := make([]float32, len(x))
		Activate(Portable, a, portable, x)
		for _, isa := range Supported() {
			out := slices.Clone(x)
			Activate(isa, a, out, out)
			worst := 0.0
			for i, x := range x {
				got, want := float64(out[i]), f(float64(x))
				if exact := a.Function > Tanh; exact && out[i] != portable[i] && (out[i] == out[i] || portable[i] == portable[i]) {
					t.Fatalf("%s: %+v of %v is %v, portable gives %v", isa, a, x, got, portable[i])
				}
				bound, defined := a.bound(float64(x), want)
				if !defined {
					continue
				}
				if difference := math.Abs(got - want); difference > bound || math.IsNaN(got) != math.IsNaN(want) {
					t.Fatalf("%s: %+v of %v is %v, wants %v", isa, a, x, got, want)
				} else if want != 0 && bound > 0x1p-140 {
					worst = max(worst, difference/bound)
				}
			}
			t.Logf("%s: %+v uses %.2f of its bound", isa, a, worst)
		}
	}
}

// bound is the largest error for x; false where there is none to keep.
func (a Activation) bound(x, want float64) (float64, bool) {
	switch {
	case math.IsInf(x, 0):
		return 0x1p-24, a.Function == Sigmoid || a.Function == Tanh
	case a.Function <= Tanh && math.Abs(x) > 86:
		return 0x1p-24, a.Function != Silu
	case math.Abs(want) < 0x1p-126: // subnormal numbers are rounded absolutely
		return 0x1p-149, true
	case a.Function == Tanh:
		return 0x1p-21 * math.Abs(want), true
	case a.Function == HardSigmoid || a.Function == HardSwish: // x+3 cancels near −3
		return 0x1p-22 * max(math.Abs(x), 1), true
	}
	return 0x1p-22 * math.Abs(want), true
}

func TestActivateLengths(t *testing.T) {
	for a := range activations {
		for _, isa := range Supported() {
			for _, n := range lengths {
				out := Floats(n + 1)
				out[n] = 77
				Activate(isa, a, out[:n], out[:n])
				for i, y := range out[:n] {
					if y != a.Of(0) {
						t.Fatalf("%s n=%d: %+v of 0 is %v at %d", isa, n, a, y, i)
					}
				}
				if out[n] != 77 {
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
