package compress

import (
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// ridge is how strongly refitted weights are held to those they replace, relative to the
// mean square of what they read: it decides where the calibration images say little.
const ridge = 1e-2

// fit is the least-squares problem of one group of a layer's filters.
type fit struct {
	gram
	products       []float64 // size×outputs: the mean of z·yᵀ, y what the outputs should be
	first, outputs int       // the group's filters
}

// refit is a layer with the weights that solve its problems.
func (c crew) refit(n *graph.Node, fits []fit) graph.Op {
	w := *n.Weight()
	solved := w
	solved.Float = make([]float32, len(w.Float))
	copy(solved.Float, w.Float)
	bias := make([]float32, w.Shape[0])
	copy(bias, n.Bias())
	c.eachFit(fits, func(c crew, f *fit) {
		per := f.size - 1
		f.solve(c, solved.Float[f.first*per:][:f.outputs*per], bias[f.first:][:f.outputs])
	})
	return n.WithWeight(solved, bias)
}

// eachFit shares problems among the workers, or one problem's arithmetic.
func (c crew) eachFit(fits []fit, do func(crew, *fit)) {
	if len(fits) == 1 {
		do(c, &fits[0])
		return
	}
	c.each(len(fits), func(k int) { do(c.alone(), &fits[k]) })
}

// solve replaces filters and their biases by those of least squared error, held back by the
// ridge. Without variation in what they read, the filters stay.
func (f *fit) solve(c crew, filters, bias []float32) {
	per := f.size - 1
	covariance, mean := f.covariances(upTo(per), upTo(per)), f.means()
	// What the weights do not give yet their change must give.
	w := columns(filters, f.outputs)
	rest := c.times(covariance, w, per, per, f.outputs)
	wanted := f.products[per*f.outputs:] // on average
	for i := range per {
		for o, y := range f.products[i*f.outputs:][:f.outputs] {
			rest[i*f.outputs+o] = float32(y-mean[i]*wanted[o]) - rest[i*f.outputs+o]
		}
	}
	if c.change(covariance, rest, f.ridge()) {
		for o := range f.outputs {
			for i := range per {
				filters[o*per+i] += rest[i*f.outputs+o]
			}
		}
	}
	for o := range f.outputs {
		b := wanted[o]
		for i, x := range filters[o*per:][:per] {
			b -= float64(x) * mean[i]
		}
		bias[o] = float32(b)
	}
}

// change solves (covariance + ridge)·Δ = rest in place of rest, on which it works column by column,
// and of covariance. False: it has no solution, and rest is of no use.
func (c crew) change(covariance, rest []float32, ridge float64) bool {
	n := int(math.Sqrt(float64(len(covariance))) + 0.5)
	if n == 0 || !(ridge > 0) || math.IsInf(ridge, 0) {
		return false
	}
	for i := range n {
		covariance[i*n+i] += float32(ridge)
	}
	factor, ok := c.cholesky(covariance, n)
	if !ok {
		return false
	}
	c.strips(rest, n, func(strip []float32, columns int) { factor.solve(c.isa, strip, columns) })
	return true
}

// times is the product of an n×k and a k×m matrix.
func (c crew) times(a, b []float32, n, k, m int) []float32 {
	product := kernel.Floats(n * m)
	const rows = 128
	c.each((n+rows-1)/rows, func(i int) {
		from := i * rows
		count := min(rows, n-from)
		kernel.Gemm(c.isa, false, false, count, m, k, 1, a[from*k:], k, b, m, 0, product[from*m:], m)
	})
	return product
}

// strips hands a matrix of n rows to a function in strips of some columns, to be changed in place.
func (c crew) strips(matrix []float32, n int, do func(strip []float32, columns int)) {
	const most = 64
	all := len(matrix) / n
	c.each((all+most-1)/most, func(s int) {
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

// ridge is what is added to the diagonal of the covariances.
func (g gram) ridge() float64 {
	per, trace := g.size-1, 0.0
	for i := range per {
		trace += g.h[i*g.size+i]
	}
	return ridge * trace / float64(per)
}

// means are those of the scalars of a patch.
func (g gram) means() []float64 {
	means := make([]float64, g.size-1)
	for i := range means {
		means[i] = g.h[i*g.size+g.size-1]
	}
	return means
}

// covariances are those of some scalars of a patch with others. Least squares on them is least squares
// with a bias that is free.
func (g gram) covariances(rows, others []int) []float32 {
	m, means := kernel.Floats(len(rows)*len(others)), g.means()
	for i, r := range rows {
		to := m[i*len(others):][:len(others)]
		for j, o := range others {
			to[j] = float32(g.h[r*g.size+o] - means[r]*means[o])
		}
	}
	return m
}

// columns are filters, one to a column.
func columns(filters []float32, outputs int) []float32 {
	per := len(filters) / outputs
	m := kernel.Floats(len(filters))
	for o := range outputs {
		for i, x := range filters[o*per:][:per] {
			m[i*outputs+o] = x
		}
	}
	return m
}

// expected are the moments of the outputs of a layer with float weights.
func (c crew) expected(n *graph.Node, fits []fit) moments {
	w, bias := n.Weight(), n.Bias()
	m := moments{make([]float64, len(bias)), make([]float64, len(bias))}
	c.eachFit(fits, func(c crew, f *fit) {
		per := f.size - 1
		filters, means := w.Float[f.first*per:][:f.outputs*per], f.means()
		for o, v := range c.variances(f.gram, filters, f.outputs) {
			mean := float64(bias[f.first+o])
			for i, x := range filters[o*per:][:per] {
				mean += float64(x) * means[i]
			}
			m.mean[f.first+o], m.deviation[f.first+o] = mean, math.Sqrt(v)
		}
	})
	return m
}

// variances are those of what filters give.
func (c crew) variances(g gram, filters []float32, outputs int) []float64 {
	per := g.size - 1
	w := columns(filters, outputs)
	product := c.times(g.covariances(upTo(per), upTo(per)), w, per, per, outputs)
	variances := make([]float64, outputs)
	for i, x := range w {
		variances[i%outputs] += float64(x) * float64(product[i])
	}
	for o, v := range variances {
		variances[o] = max(0, v)
	}
	return variances
}

// upTo are the numbers below n.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
