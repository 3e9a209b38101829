package refit

import (
	"math"

	"galen/hw/kernel"
)

// solveRidge solves (covariance + ridge)·Δ = rest in place of rest, on which it works column by column,
// and of covariance. False: it has no solution, and rest is of no use.
func solveRidge(workers Workers, covariance, rest []float32, ridge float64) bool {
	n := int(math.Sqrt(float64(len(covariance))) + 0.5)
	if n == 0 || !(ridge > 0) || math.IsInf(ridge, 0) {
		return false
	}
	for i := range n {
		covariance[i*n+i] += float32(ridge)
	}
	factor, ok := cholesky(workers, covariance, n)
	if !ok {
		return false
	}
	eachStrip(workers, rest, n, func(strip []float32, columns int) { factor.solve(workers.ISA, strip, columns) })
	return true
}

// multiply is the product of an n×k and a k×m matrix.
func multiply(workers Workers, a, b []float32, n, k, m int) []float32 {
	product := kernel.Floats(n * m)
	const rows = 128
	workers.Each((n+rows-1)/rows, func(i int) {
		from := i * rows
		count := min(rows, n-from)
		kernel.Gemm(workers.ISA, false, false, count, m, k, 1, a[from*k:], k, b, m, 0, product[from*m:], m)
	})
	return product
}

// eachStrip hands a matrix of n rows to a function in strips of some columns, to be changed in place.
func eachStrip(workers Workers, matrix []float32, n int, do func(strip []float32, columns int)) {
	const most = 64
	all := len(matrix) / n
	workers.Each((all+most-1)/most, func(s int) {
		from := s * most
		columns := min(most, all-from)
		strip := kernel.Floats(n * columns)
		for i := range n {
			copy(strip[i*columns:][:columns], matrix[i*all+from:])
		}
		do(strip, columns)
		for i := range n {
			copy(matrix[i*all+from:][:columns], strip[i*columns:])
		}
	})
}

// transposed are filters, one to a column.
func transposed(filters []float32, outputs int) []float32 {
	per := len(filters) / outputs
	m := kernel.Floats(len(filters))
	for o := range outputs {
		for i, x := range filters[o*per:][:per] {
			m[i*outputs+o] = x
		}
	}
	return m
}

// upTo are the numbers below n.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
