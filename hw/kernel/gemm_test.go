package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// cell is the index of (i, j) of a stored or transposed matrix.
func cell(transposed bool, i, j, ld int) int {
	if transposed {
		return j*ld + i
	}
	return i*ld + j
}

// stored gives the rows and columns of a matrix in memory.
func stored(transposed bool, rows, columns int) (int, int) {
	if transposed {
		return columns, rows
	}
	return rows, columns
}

func TestGemm(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 1))
	sizes := [][3]int{{1, 1, 1}, {12, 32, 128}, {13, 33, 129}, {121, 5, 300}, {7, 513, 3}, {240, 64, 257}, {64, 576, 40}, {1, 100, 512}}
	cases := 30
	if testing.Short() {
		cases = 12
	}
	for len(sizes) < cases {
		sizes = append(sizes, [3]int{1 + random.IntN(150), 1 + random.IntN(150), 1 + random.IntN(300)})
	}
	for _, size := range sizes {
		m, n, k := size[0], size[1], size[2]
		transA, transB := random.IntN(2) == 0, random.IntN(2) == 0
		rowsA, lda := stored(transA, m, k)
		rowsB, ldb := stored(transB, k, n)
		lda, ldb = lda+random.IntN(4), ldb+random.IntN(4)
		ldc := n + random.IntN(4)
		a, b, c := normals(random, rowsA*lda), normals(random, rowsB*ldb), normals(random, m*ldc)
		alpha := []float32{1, 1, -0.75}[random.IntN(3)]
		beta := []float32{0, 1, 0.5}[random.IntN(3)]
		if beta == 0 {
			c[0] = float32(math.NaN()) // must not be read
		}
		for _, isa := range Supported() {
			got := Floats(len(c))
			copy(got, c)
			Gemm(isa, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, got, ldc)
			for i := range m {
				for j := range ldc {
					at := i*ldc + j
					if j >= n {
						if got[at] != c[at] {
							t.Fatalf("%s %v: wrote beyond column %d", isa, size, n)
						}
						continue
					}
					sum, size := 0.0, 0.0
					if beta != 0 {
						sum = float64(beta) * float64(c[at])
						size = math.Abs(sum)
					}
					for p := range k {
						product := float64(alpha) * float64(a[cell(transA, i, p, lda)]) * float64(b[cell(transB, p, j, ldb)])
						sum += product
						size += math.Abs(product)
					}
					if d := math.Abs(float64(got[at]) - sum); !(d <= float64(k+3)*unitRoundoff*size*1.001) {
						t.Fatalf("%s m,n,k=%d,%d,%d transposed %v,%v: C[%d,%d] = %v, want %v", isa, m, n, k, transA, transB, i, j, got[at], sum)
					}
				}
			}
		}
	}
}

func TestGemmWithoutTerms(t *testing.T) {
	for _, isa := range Supported() {
		c := []float32{1, 2}
		Gemm(isa, false, false, 1, 2, 0, 1, nil, 0, nil, 2, 0.5, c, 2)
		if c[0] != 0.5 || c[1] != 1 {
			t.Errorf("%s: C = %v, want [0.5 1]", isa, c)
		}
	}
}

func BenchmarkGemm(b *testing.B) {
	random := rand.New(rand.NewPCG(5, 2))
	shapes := []struct {
		name    string
		m, n, k int
		a, b    bool
	}{
		{"512", 512, 512, 512, false, false},
		{"1024", 1024, 1024, 1024, false, false},
		{"128x10x512-transB", 128, 10, 512, false, true},
		{"64x576x1024-transA", 64, 576, 1024, true, false},
		{"64x576x1024-transB", 64, 576, 1024, false, true},
	}
	for _, isa := range Supported() {
		if isa == AVX512VNNI || isa == NEONDot {
			continue // the same in float as the level below
		}
		for _, s := range shapes {
			b.Run(string(isa)+"/"+s.name, func(b *testing.B) {
				_, lda := stored(s.a, s.m, s.k)
				_, ldb := stored(s.b, s.k, s.n)
				x, y, c := normals(random, s.m*s.k), normals(random, s.k*s.n), Floats(s.m*s.n)
				rate(b, s.m*s.n*s.k, "GFLOP/s", func() { Gemm(isa, s.a, s.b, s.m, s.n, s.k, 1, x, lda, y, ldb, 0, c, s.n) })
			})
		}
	}
}
