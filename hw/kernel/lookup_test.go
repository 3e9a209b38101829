package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestLookupEntries asks every entry of tables for every index at every place in a vector.
func TestLookupEntries(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 1))
	const n = 128 // two of the widest vectors
	var single [256]uint8
	tables := []*[256]uint8{RequantizeTable(Affine{1, 9}, Affine{17, 3}, 0, 15)}
	for range 8 {
		tables = append(tables, (*[256]uint8)(integers[uint8](random, 256)))
	}
	in, out := Bytes(n), Bytes(n)
	check := func(isa ISA, table *[256]uint8) {
		Lookup(isa, out, in, table)
		for i, index := range in {
			if out[i] != table[index] {
				t.Fatalf("%s: out[%d] = %d, want table[%d] = %d", isa, i, out[i], index, table[index])
			}
		}
	}
	for _, isa := range Supported() {
		for shift := range 256 {
			for i := range in {
				in[i] = uint8(i + shift)
			}
			for _, table := range tables {
				check(isa, table)
			}
			for entry := range single {
				single[entry] = 0xff
				check(isa, &single)
				single[entry] = 0
			}
		}
	}
}

// TestLookupLengths also misaligns, works in place and looks for writes past the end.
func TestLookupLengths(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 2))
	const guard = 80 // more than a vector
	for n := range 301 {
		table := (*[256]uint8)(integers[uint8](random, 256))
		in := integers[uint8](random, n+1)[1:]
		for _, isa := range Supported() {
			out := Bytes(guard + n + guard)
			for i := range out {
				out[i] = uint8(n)
			}
			want := slices.Clone(out)
			for i, index := range in {
				want[guard+i] = table[index]
			}
			Lookup(isa, out[guard:guard+n], in, table)
			if !slices.Equal(out, want) {
				t.Fatalf("%s n=%d: got %d, want %d", isa, n, out, want)
			}
			copy(out[guard:], in)
			Lookup(isa, out[guard:guard+n], out[guard:guard+n], table)
			if !slices.Equal(out, want) {
				t.Fatalf("%s n=%d in place: got %d, want %d", isa, n, out, want)
			}
		}
	}
}

// BenchmarkLookup reports the fastest run: a shared machine disturbs the others.
func BenchmarkLookup(b *testing.B) {
	const bytes = 1 << 14
	random := rand.New(rand.NewPCG(8, 3))
	table := (*[256]uint8)(integers[uint8](random, 256))
	in, out := integers[uint8](random, bytes), Bytes(bytes)
	for _, n := range []int{16, 64, bytes} {
		for _, isa := range Supported() {
			b.Run(fmt.Sprintf("%s/%d", isa, n), func(b *testing.B) {
				fastest := time.Duration(math.MaxInt64)
				for b.Loop() {
					start := time.Now()
					for i := 0; i < bytes; i += n {
						Lookup(isa, out[i:i+n], in[i:i+n], table)
					}
					fastest = min(fastest, time.Since(start))
				}
				b.ReportMetric(float64(fastest.Nanoseconds())/bytes, "ns/byte")
			})
		}
	}
}
