package refit

import (
	"math"

	"galen/hw/kernel"
)

// factor is the upper triangular M of a Cholesky factorization A = MᵀM, float32 and
// row-major; what lies below the diagonal is not read.
type factor struct {
	size int
	m    []float32
}

// factorBlock is the width of the triangular blocks that are handled scalar by scalar; all else is
// matrix products.
const factorBlock = 64

// cholesky factorizes a symmetric positive definite matrix in place, reading its upper
// triangle: right-looking, block by block (Golub and Van Loan, 4.2.9). It reports false
// where a pivot is not positive.
func cholesky(workers Workers, a []float32, size int) (factor, bool) {
	for k := 0; k < size; k += factorBlock {
		end := min(k+factorBlock, size)
		if !factorDiagonal(a, size, k, end) {
			return factor{}, false
		}
		const strip = 256
		workers.Each((size-end+strip-1)/strip, func(i int) {
			from := end + i*strip
			to := min(from+strip, size)
			solveTransposed(a, size, k, end, a[k*size:], size, from, to)
		})
		const tile = 192
		tiles := (size - end + tile - 1) / tile
		workers.Each(tiles*(tiles+1)/2, func(i int) {
			row := 0
			for i >= tiles-row {
				i -= tiles - row
				row++
			}
			r, s := end+row*tile, end+(row+i)*tile
			kernel.Gemm(workers.ISA, true, false, min(tile, size-r), min(tile, size-s), end-k, -1, a[k*size+r:], size, a[k*size+s:], size, 1, a[r*size+s:], size)
		})
	}
	return factor{size, a}, true
}

// factorDiagonal factorizes the block of rows and columns from k to end.
func factorDiagonal(a []float32, size, k, end int) bool {
	for i := k; i < end; i++ {
		for j := i; j < end; j++ {
			sum := float64(a[i*size+j])
			for p := k; p < i; p++ {
				sum -= float64(a[p*size+i]) * float64(a[p*size+j])
			}
			if j > i {
				a[i*size+j] = float32(sum / float64(a[i*size+i]))
				continue
			}
			if !(sum > 0) {
				return false
			}
			a[i*size+i] = float32(math.Sqrt(sum))
		}
	}
	return true
}

// solveTransposed solves M'ᵀX = B for the diagonal block M' of rows k to end; B's rows are
// the block's, its columns from up to to; X takes B's place.
func solveTransposed(m []float32, size, k, end int, b []float32, stride, from, to int) {
	for i := k; i < end; i++ {
		row := b[(i-k)*stride+from : (i-k)*stride+to]
		for p := k; p < i; p++ {
			subtract(row, b[(p-k)*stride+from:(p-k)*stride+to], m[p*size+i])
		}
		inverse := 1 / m[i*size+i]
		for j := range row {
			row[j] *= inverse
		}
	}
}

// solve solves A·X = B; B is size×columns, and X takes its place.
func (f factor) solve(isa kernel.ISA, b []float32, columns int) {
	n := f.size
	for k := 0; k < n; k += factorBlock {
		end := min(k+factorBlock, n)
		kernel.Gemm(isa, true, false, end-k, columns, k, -1, f.m[k:], n, b, columns, 1, b[k*columns:], columns)
		solveTransposed(f.m, n, k, end, b[k*columns:], columns, 0, columns)
	}
	for k := (n - 1) / factorBlock * factorBlock; k >= 0; k -= factorBlock {
		end := min(k+factorBlock, n)
		if end < n {
			kernel.Gemm(isa, false, false, end-k, columns, n-end, -1, f.m[k*n+end:], n, b[end*columns:], columns, 1, b[k*columns:], columns)
		}
		for i := end - 1; i >= k; i-- {
			row := b[i*columns : (i+1)*columns]
			for p := i + 1; p < end; p++ {
				subtract(row, b[p*columns:(p+1)*columns], f.m[i*n+p])
			}
			inverse := 1 / f.m[i*n+i]
			for j := range row {
				row[j] *= inverse
			}
		}
	}
}

// subtract takes factor·y from x.
func subtract(x, y []float32, factor float32) {
	y = y[:len(x)]
	for i, v := range y {
		x[i] -= factor * v
	}
}
