package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPatches compares with what sorting and summing the scalars of each patch one by one gives.
func TestPatches(t *testing.T) {
	random := rand.New(rand.NewPCG(10, 1))
	for range 300 {
		p := Patch{Rows: random.IntN(8), Columns: random.IntN(8)}
		n := 1 + random.IntN(100)
		p.ColumnStep = n + random.IntN(40)
		p.RowStep = 8*p.ColumnStep + random.IntN(40)
		floats, bytes := normals(random, p.reach(n)), integers[uint8](random, p.reach(n))
		for _, isa := range Supported() {
			maxFloats, maxBytes, sumBytes := Floats(n+1), Bytes(n+1), make([]int32, n+1)
			maxFloats[n], maxBytes[n], sumBytes[n] = 77, 77, 77
			MaxFloat(isa, maxFloats[:n], floats, p)
			MaxUint8(isa, maxBytes[:n], bytes, p)
			SumUint8(isa, sumBytes[:n], bytes, p)
			for c := range n {
				var xs []float32
				var qs []uint8
				sum := int32(0)
				for i := range p.Rows {
					for j := range p.Columns {
						at := c + i*p.RowStep + j*p.ColumnStep
						xs, qs = append(xs, floats[at]), append(qs, bytes[at])
						sum += int32(bytes[at])
					}
				}
				slices.Sort(xs)
				slices.Sort(qs)
				if len(xs) == 0 {
					xs, qs = []float32{0}, []uint8{0}
				}
				if x, q := xs[len(xs)-1], qs[len(qs)-1]; maxFloats[c] != x || maxBytes[c] != q || sumBytes[c] != sum {
					t.Fatalf("%s %+v, channel %d of %d: maxima %v, %d and sum %d; want %v, %d and %d", isa, p, c, n,
						maxFloats[c], maxBytes[c], sumBytes[c], x, q, sum)
				}
			}
			if maxFloats[n] != 77 || maxBytes[n] != 77 || sumBytes[n] != 77 {
				t.Fatalf("%s %+v: wrote past %d channels", isa, p, n)
			}
		}
	}
}

// TestLargePatch is one that takes several calls of the assembly.
func TestLargePatch(t *testing.T) {
	const side, channels = 90, 80
	p := Patch{Rows: side, Columns: side, RowStep: side * channels, ColumnStep: channels}
	in := Bytes(p.reach(channels))
	for i := range in {
		in[i] = uint8(i%channels) + uint8(i/channels%2)
	}
	for _, isa := range Supported() {
		sums, maxima := make([]int32, channels), Bytes(channels)
		SumUint8(isa, sums, in, p)
		MaxUint8(isa, maxima, in, p)
		for c := range channels {
			if want := int32(side*side*c + side*side/2); sums[c] != want || maxima[c] != uint8(c+1) {
				t.Fatalf("%s: channel %d has sum %d and maximum %d, want %d and %d", isa, c, sums[c], maxima[c], want, c+1)
			}
		}
	}
}

// TestMaxKeepsNaN puts it first, last and in between.
func TestMaxKeepsNaN(t *testing.T) {
	const n = 20
	p := Patch{Rows: 2, Columns: 2, RowStep: 2 * n, ColumnStep: n}
	for _, isa := range Supported() {
		for at := range 4 {
			in, out := Floats(4*n), Floats(n)
			for c := range n {
				in[at*n+c] = float32(math.NaN())
			}
			MaxFloat(isa, out, in, p)
			if slices.ContainsFunc(out, func(y float32) bool { return y == y }) {
				t.Fatalf("%s: NaN at %d gives %v", isa, at, out)
			}
		}
	}
}

func TestQuantizeMeans(t *testing.T) {
	random := rand.New(rand.NewPCG(14, 1))
	for range 200 {
		n := random.IntN(100)
		sums := make([]int32, n)
		for i := range sums {
			sums[i] = int32(random.IntN(60000))
		}
		offset, zero, limit := int32(random.IntN(40000)), uint8(random.IntN(256)), uint8(random.IntN(256))
		factor := math.Exp(random.NormFloat64() - 6)
		if random.IntN(2) == 0 {
			factor = 1. / 128 // many ties
		}
		for _, isa := range Supported() {
			out := Bytes(n + 1)
			out[n] = 77
			QuantizeMeans(isa, out[:n], sums, offset, factor, zero, limit)
			for i, sum := range sums {
				want := math.RoundToEven(float64(sum-offset)*factor) + float64(zero)
				if want = max(0, min(want, float64(limit))); float64(out[i]) != want {
					t.Fatalf("%s: mean of %d−%d by %g is %d, want %g", isa, sum, offset, factor, out[i], want)
				}
			}
			if out[n] != 77 {
				t.Fatalf("%s: wrote past the end", isa)
			}
		}
	}
}
