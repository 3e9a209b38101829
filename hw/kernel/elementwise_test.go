package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// lengths straddle every vector width and its remainders.
var lengths = []int{0, 1, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 1000, 4113, 1<<16 + 35}

func TestElementwiseFloat(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	for _, n := range lengths {
		a, b := normals(random, n), normals(random, n)
		for _, isa := range Supported() {
			sum, limited := Floats(n+1), Floats(n+1)
			sum[n], limited[n] = 99, 99
			AddFloat(isa, sum[:n], a, b, -1, 2)
			ClampFloat(isa, limited[:n], a, 0, 1.5)
			for i := range n {
				if want := max(-1, min(2, float32(float64(a[i])+float64(b[i])))); sum[i] != want {
					t.Fatalf("%s n=%d: sum[%d] = %v, want %v", isa, n, i, sum[i], want)
				}
				if want := max(0, min(1.5, a[i])); limited[i] != want {
					t.Fatalf("%s n=%d: limited[%d] = %v, want %v", isa, n, i, limited[i], want)
				}
			}
			if sum[n] != 99 || limited[n] != 99 {
				t.Fatalf("%s n=%d: wrote past the end", isa, n)
			}
		}
	}
}

func TestClampKeepsNaN(t *testing.T) {
	in := Floats(40)
	for i := range in {
		in[i] = float32(math.NaN())
	}
	for _, isa := range Supported() {
		out, sum := Floats(40), Floats(40)
		ClampFloat(isa, out, in, 0, 1)
		AddFloat(isa, sum, in, in, 0, 1)
		for i := range out {
			if out[i] == out[i] || sum[i] == sum[i] {
				t.Fatalf("%s: NaN became %v, %v", isa, out[i], sum[i])
			}
		}
	}
}

func TestElementwiseQuantized(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 2))
	for _, n := range lengths {
		for range 4 {
			a, b := integers[uint8](random, n), integers[uint8](random, n)
			affine := func() Affine { return Affine{float32(math.Exp(random.NormFloat64() - 4)), uint8(random.IntN(256))} }
			qa, qb, qo := affine(), affine(), affine()
			lo, hi := limits(random)
			limit := uint8(random.IntN(256))
			x := normals(random, n)
			if n > 3 {
				x[0], x[1], x[2], x[3] = float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e30
			}
			table := RequantizeTable(qa, qo, lo, hi)
			for _, isa := range Supported() {
				sum, quantized, looked := Bytes(n+1), Bytes(n+1), Bytes(n)
				sum[n], quantized[n] = 77, 77
				real := Floats(n + 1)
				real[n] = 77
				AddUint8(isa, sum[:n], a, b, qa, qb, qo, lo, hi)
				QuantizeFloat(isa, quantized[:n], x, qa, limit)
				Dequantize(isa, real[:n], a, qa)
				Lookup(isa, looked, a, table)
				for i := range n {
					if want := quantAddDefinition(a[i], b[i], qa, qb, qo, lo, hi); sum[i] != want {
						t.Fatalf("%s n=%d: %d+%d = %d, want %d", isa, n, a[i], b[i], sum[i], want)
					}
					want := uint8(0)
					if x[i] == x[i] {
						want = roundHalfEven(float32(float64(x[i])/float64(qa.Scale)), qa.Zero, 0, limit)
					}
					if quantized[i] != want {
						t.Fatalf("%s n=%d: quantized %v to %d, want %d", isa, n, x[i], quantized[i], want)
					}
					value := float32(float64(int(a[i])-int(qa.Zero)) * float64(qa.Scale))
					if real[i] != value {
						t.Fatalf("%s n=%d: dequantized %d to %v, want %v", isa, n, a[i], real[i], value)
					}
					if want := roundHalfEven(float32(float64(value)/float64(qo.Scale)), qo.Zero, lo, hi); looked[i] != want {
						t.Fatalf("%s n=%d: requantized %d to %d, want %d", isa, n, a[i], looked[i], want)
					}
				}
				if sum[n] != 77 || quantized[n] != 77 || real[n] != 77 {
					t.Fatalf("%s n=%d: wrote past the end", isa, n)
				}
			}
		}
	}
}

// TestRound covers every half and its neighbours, where rounding goes wrong first.
func TestRound(t *testing.T) {
	for half := -600; half <= 600; half++ {
		y := float32(half) / 2
		for _, v := range []float32{y, math.Nextafter32(y, -1e9), math.Nextafter32(y, 1e9)} {
			for _, zero := range []uint8{0, 1, 128, 255} {
				if got, want := round(v, zero, 2, 253), roundHalfEven(v, zero, 2, 253); got != want {
					t.Fatalf("round(%v, %d) = %d, want %d", v, zero, got, want)
				}
			}
		}
	}
}
