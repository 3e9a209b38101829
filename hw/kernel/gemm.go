package kernel

// Gemm computes C = alpha·op(A)·op(B) + beta·C in float32, row-major: op(A) is m×k,
// op(B) k×n, C m×n; op transposes where asked. ld are the distances between
// rows as stored. With beta = 0, C is not read.
func Gemm(isa ISA, transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	for i := range m {
		row := c[i*ldc:][:n]
		switch beta {
		case 0:
			clear(row)
		case 1:
		default:
			for j := range row {
				row[j] *= beta
			}
		}
		for p := range k {
			x := alpha
			if transA {
				x *= a[p*lda+i]
			} else {
				x *= a[i*lda+p]
			}
			if transB {
				for j := range row {
					row[j] += x * b[j*ldb+p]
				}
			} else {
				for j, y := range b[p*ldb:][:n] {
					row[j] += x * y
				}
			}
		}
	}
}
