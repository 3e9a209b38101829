package kernel

import (
	"math"
	"sync"
)

// Gemm's blocks (Goto and van de Geijn 2008, "Anatomy of high-performance matrix
// multiplication"): gemmK rows of a packed panel of B stay in the first-level cache,
// gemmRows×gemmK of A and gemmK×gemmColumns of B in the second.
const (
	gemmRows    = 120 // a multiple of every tile's height
	gemmK       = 192 // a multiple of 4
	gemmColumns = 512 // a multiple of every tile's width
)

// gemmBuffers is the memory one Gemm packs into.
type gemmBuffers struct {
	a, b    []float32
	edge    [12 * 32]float32 // a tile that C is too narrow for
	zeros   [32]float32
	offsets [12]int32
}

var gemmPool = sync.Pool{New: func() any {
	return &gemmBuffers{a: Floats(gemmRows * gemmK), b: Floats(gemmK * gemmColumns)}
}}

// matrix is op(X): at(i, j) of it is data[i·row + j·column].
type matrix struct {
	data        []float32
	row, column int
}

func newMatrix(transposed bool, rows, columns int, data []float32, ld int) matrix {
	m := matrix{row: ld, column: 1}
	if transposed {
		m = matrix{row: 1, column: ld}
	}
	m.data = data[:(rows-1)*m.row+(columns-1)*m.column+1]
	return m
}

// Gemm computes C = alpha·op(A)·op(B) + beta·C in float32, row-major: op(A) is m×k,
// op(B) k×n, C m×n; op transposes where asked. ld are the distances between
// rows as stored. With beta = 0, C is not read. C must not overlap A or B.
func Gemm(isa ISA, transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if m <= 0 || n <= 0 {
		return
	}
	c = c[:(m-1)*ldc+n]
	scaleRows(c, m, n, ldc, beta)
	if k <= 0 || alpha == 0 {
		return
	}
	g := gemm{vector: vectorOf(isa), rows: portableTile, width: portableWidth, c: c, ldc: ldc}
	if g.vector != nil {
		g.rows, g.width = g.vector.floatPixels, g.vector.floatWidth
	}
	g.gemmBuffers = gemmPool.Get().(*gemmBuffers)
	defer gemmPool.Put(g.gemmBuffers)
	opA, opB := newMatrix(transA, m, k, a, lda), newMatrix(transB, k, n, b, ldb)
	for j := 0; j < n; j += gemmColumns {
		columns := min(gemmColumns, n-j)
		for p := 0; p < k; p += gemmK {
			g.depth = min(gemmK, k-p)
			g.padded = roundUp(g.depth, 4)
			g.packB(opB, p, j, columns, alpha)
			for i := 0; i < m; i += gemmRows {
				rows := min(gemmRows, m-i)
				g.packA(opA, i, p, rows)
				g.block(i, j, rows, columns)
			}
		}
	}
}

func scaleRows(c []float32, m, n, ldc int, beta float32) {
	if beta == 1 {
		return
	}
	for i := range m {
		row := c[i*ldc:][:n]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}

type gemm struct {
	*gemmBuffers
	vector        *vector
	rows, width   int // of a tile
	depth, padded int // of the block at hand, as is and rounded up to 4
	c             []float32
	ldc           int
}

// packA copies rows×depth of A, row-major, padded with zeros.
func (g *gemm) packA(a matrix, i0, p0, rows int) {
	if g.depth < g.padded {
		clear(g.a[:rows*g.padded])
	}
	if a.column != 1 {
		transpose(g.a, g.padded, a.data[p0*a.column+i0:], a.column, g.depth, rows, 1)
		return
	}
	for i := range rows {
		copy(g.a[i*g.padded:][:g.depth], a.data[(i0+i)*a.row+p0:])
	}
}

// packB copies depth×columns of alpha·B in panels [panel][padded][width], padded
// with zeros. The last panel is as narrow as the kernels allow.
func (g *gemm) packB(b matrix, p0, j0, columns int, alpha float32) {
	for j := 0; j < columns; {
		width := g.panel(columns - j)
		dst := g.b[j*g.padded:][:width*g.padded]
		used := min(width, columns-j)
		if used < width || g.depth < g.padded {
			clear(dst)
		}
		if b.column != 1 {
			transpose(dst, width, b.data[(j0+j)*b.column+p0:], b.column, used, g.depth, alpha)
		} else {
			for p := range g.depth {
				row := dst[p*width:][:used]
				copy(row, b.data[(p0+p)*b.row+j0+j:])
				if alpha != 1 {
					scaleRows(row, 1, used, used, alpha)
				}
			}
		}
		j += width
	}
}

// transpose sets dst[column][row] = alpha·src[row][column], four rows at a time so that
// reads and writes run along cache lines.
func transpose(dst []float32, dstStride int, src []float32, srcStride, rows, columns int, alpha float32) {
	row := 0
	for ; row+4 <= rows; row += 4 {
		s0, s1 := src[row*srcStride:][:columns], src[(row+1)*srcStride:][:columns]
		s2, s3 := src[(row+2)*srcStride:][:columns], src[(row+3)*srcStride:][:columns]
		for c, x := range s0 {
			d := dst[c*dstStride+row:][:4]
			d[0], d[1], d[2], d[3] = alpha*x, alpha*s1[c], alpha*s2[c], alpha*s3[c]
		}
	}
	for ; row < rows; row++ {
		for c, x := range src[row*srcStride:][:columns] {
			dst[c*dstStride+row] = alpha * x
		}
	}
}

// panel is the width of the kernel for the given columns left.
func (g *gemm) panel(columns int) int {
	if g.vector == nil {
		return g.width
	}
	return min(g.width, roundUp(columns, lanes))
}

// block adds the product of the packed blocks to C at (i0, j0).
func (g *gemm) block(i0, j0, rows, columns int) {
	for r := range g.rows {
		g.offsets[r] = int32(r * g.padded)
		if g.vector != nil {
			g.offsets[r] *= floatBytes
		}
	}
	tiles := ceilDiv(rows, g.rows)
	for j := 0; j < columns; {
		width := g.panel(columns - j)
		b := g.b[j*g.padded:]
		for t := range tiles {
			i := rows * t / tiles
			height := rows*(t+1)/tiles - i
			c, a := g.c[(i0+i)*g.ldc+j0+j:], g.a[i*g.padded:]
			switch {
			case g.vector == nil:
				g.portableTile(a, b, c, height, min(width, columns-j))
			case columns-j >= width:
				g.tile(a, b, c, height, width, g.ldc)
			default:
				g.edgeTile(a, b, c, height, width, columns-j)
			}
		}
		j += width
	}
}

func (g *gemm) tile(a, b, c []float32, height, width, ldc int) {
	inf := float32(math.Inf(1))
	g.vector.float[width/lanes][height](1, g.padded, &a[0], &b[0], &c[0], &g.offsets[0], ldc*floatBytes, &g.zeros[0], &c[0], -inf, inf)
}

// edgeTile computes a tile aside, of which only some columns exist.
func (g *gemm) edgeTile(a, b, c []float32, height, width, columns int) {
	for i := range height {
		copy(g.edge[i*width:][:columns], c[i*g.ldc:])
	}
	g.tile(a, b, g.edge[:], height, width, width)
	for i := range height {
		copy(c[i*g.ldc:][:columns], g.edge[i*width:])
	}
}

func (g *gemm) portableTile(a, b, c []float32, height, columns int) {
	var sums [portableTile][portableWidth]float32
	accumulate(&sums, a, g.offsets[:height], 1, g.depth, b)
	for i := range height {
		for j, y := range sums[i][:columns] {
			c[i*g.ldc+j] += y
		}
	}
}
