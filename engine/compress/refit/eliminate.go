package refit

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"

	"galen/hw/graph"
)

// Elimination takes inputs away from a layer, a few at a time, and makes up for each loss
// with the inputs that are left, as far as a linear map can: the optimal brain surgeon
// (Hassibi and Stork 1993) on whole channels, under the squared error of the layer's
// outputs.
type Elimination struct {
	size    int // of what is left of a patch, with the one
	outputs int
	inverse []float64     // size×size: of the moments plus the ridge
	weights []float64     // outputs×size: refitted to what is left; biases are free and start at zero
	columns map[int][]int // per class: its places in a patch
	energy  float64       // variance of the original outputs, summed: the unit of losses
}

// NewElimination starts with all inputs of a layer. classes are those of its input channels. It
// returns nil if the layer's outputs never change.
func NewElimination(workers Workers, g *Gram, n *graph.Node, classes []int) *Elimination {
	w := n.Weight()
	outputs, per := w.Shape[0], w.Channel()
	e := &Elimination{size: g.size, outputs: outputs, columns: make(map[int][]int)}
	for _, v := range outputVariances(workers, g, w.Float, outputs) {
		e.energy += v
	}
	e.inverse = slices.Clone(g.h)
	for i := range per {
		e.inverse[i*g.size+i] += g.ridge()
	}
	factor, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Upper, N: g.size, Stride: g.size, Data: e.inverse})
	if !ok || !(e.energy > 0) {
		return nil
	}
	if _, ok := lapack64.Potri(factor); !ok {
		return nil
	}
	for i := range g.size {
		for j := range i {
			e.inverse[i*g.size+j] = e.inverse[j*g.size+i]
		}
	}
	e.weights = make([]float64, outputs*g.size)
	for o := range outputs {
		for i, x := range w.Float[o*per:][:per] {
			e.weights[o*g.size+i] = float64(x)
		}
	}
	taps := per / len(classes)
	for channel, class := range classes {
		for tap := range taps {
			e.columns[class] = append(e.columns[class], channel*taps+tap)
		}
	}
	return e
}

// loss is what the squared error grows by, in units of the outputs' variance, when
// a class goes and the rest makes up for it: Σ w_S·(H⁻¹_SS)⁻¹·w_S over the outputs.
func (e *Elimination) loss(class int) float64 {
	columns := e.columns[class]
	n := len(columns)
	if n == 0 {
		return 0
	}
	block, moments := make([]float64, n*n), make([]float64, n*n)
	for i, a := range columns {
		for j, b := range columns {
			block[i*n+j] = e.inverse[a*e.size+b]
		}
	}
	filter := make([]float64, n)
	for o := range e.outputs {
		row := e.weights[o*e.size:][:e.size]
		for i, a := range columns {
			filter[i] = row[a]
		}
		for i, x := range filter {
			for j, y := range filter[:i+1] {
				moments[i*n+j] += x * y
			}
		}
	}
	for i := range n {
		for j := range i {
			moments[j*n+i] = moments[i*n+j]
		}
	}
	factor, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Upper, N: n, Stride: n, Data: block})
	if !ok {
		return math.Inf(1)
	}
	lapack64.Potrs(factor, blas64.General{Rows: n, Cols: n, Stride: n, Data: moments})
	sum := 0.0
	for i := range n {
		sum += moments[i*n+i]
	}
	return sum / e.energy
}

// remove takes classes away.
func (e *Elimination) remove(classes []int) {
	var gone []int
	for _, class := range classes {
		gone = append(gone, e.columns[class]...)
		delete(e.columns, class)
	}
	if len(gone) == 0 {
		return
	}
	n := len(gone)
	block, rows, filters := make([]float64, n*n), make([]float64, n*e.size), make([]float64, e.outputs*n)
	for i, a := range gone {
		copy(rows[i*e.size:], e.inverse[a*e.size:][:e.size])
		for j, b := range gone {
			block[i*n+j] = e.inverse[a*e.size+b]
		}
		for o := range e.outputs {
			filters[o*n+i] = e.weights[o*e.size+a]
		}
	}
	factor, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Upper, N: n, Stride: n, Data: block})
	if !ok {
		return
	}
	solved := blas64.General{Rows: n, Cols: e.size, Stride: e.size, Data: slices.Clone(rows)}
	lapack64.Potrs(factor, solved)
	blas64.Gemm(blas.NoTrans, blas.NoTrans, -1, blas64.General{Rows: e.outputs, Cols: n, Stride: n, Data: filters}, solved,
		1, blas64.General{Rows: e.outputs, Cols: e.size, Stride: e.size, Data: e.weights})
	blas64.Gemm(blas.Trans, blas.NoTrans, -1, blas64.General{Rows: n, Cols: e.size, Stride: e.size, Data: rows}, solved,
		1, blas64.General{Rows: e.size, Cols: e.size, Stride: e.size, Data: e.inverse})
	e.compact(gone)
}

// compact drops columns that are gone from all matrices.
func (e *Elimination) compact(gone []int) {
	place := make([]int, e.size)
	for _, a := range gone {
		place[a] = -1
	}
	var left []int
	for i, p := range place {
		if p == 0 {
			place[i] = len(left)
			left = append(left, i)
		}
	}
	squeeze := func(m []float64, rows []int) []float64 {
		at := 0
		for _, r := range rows {
			for _, c := range left {
				m[at] = m[r*e.size+c]
				at++
			}
		}
		return m[:at]
	}
	e.inverse, e.weights = squeeze(e.inverse, left), squeeze(e.weights, upTo(e.outputs))
	e.size = len(left)
	for _, columns := range e.columns {
		for i, a := range columns {
			columns[i] = place[a]
		}
	}
}

// Eliminate ranks classes, given block by block, by the order in which they go when
// each time those go whose loss hurts their readers least. Blocks lose equal shares.
func Eliminate(workers Workers, blocks [][]int, readers []*Elimination, scores []float64) {
	left := make([][]int, 0, len(blocks))
	all := make([]int, 0, len(blocks))
	for _, classes := range blocks {
		left, all = append(left, slices.Clone(classes)), append(all, len(classes))
	}
	for step := 1.0; ; step++ {
		// The fullest block is next.
		b := 0
		for i := range left {
			if len(left[i])*all[b] > len(left[b])*all[i] {
				b = i
			}
		}
		if len(left) == 0 || len(left[b]) == 0 {
			return
		}
		classes := left[b]
		losses := make([]float64, len(classes))
		workers.Each(len(classes), func(i int) {
			for _, r := range readers {
				losses[i] += r.loss(classes[i])
			}
		})
		order := upTo(len(classes))
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(losses[i], losses[j]) })
		// Several go at a time where there are many, all by what the step found.
		going := order[:max(1, len(classes)/24)]
		var gone []int
		for k, i := range going {
			scores[classes[i]] = step + float64(k)/float64(len(going))
			gone = append(gone, classes[i])
		}
		for _, r := range readers {
			r.remove(gone)
		}
		left[b] = slices.DeleteFunc(classes, func(class int) bool { return slices.Contains(gone, class) })
	}
}
