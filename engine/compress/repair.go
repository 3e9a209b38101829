package compress

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// Repair is how what is left of a network makes up for what compression took, without
// training.
type Repair string

const (
	// Sequential goes through the network and refits the weights of every layer by least
	// squares, from what the compressed layers before really hand it to what it
	// computed in the original network. The last layer before a residual addition makes up for what
	// the addition's other operands lost, too. (He et al. 2017, "Channel pruning for
	// accelerating very deep neural networks".)
	Sequential Repair = "sequential"
	// Independent refits every layer by itself, from what it reads in the original network, as far as the
	// channels that are left say it, to what it computes there. That depends on no other layer, so
	// solutions are kept in the Database and compression is putting them together. (Frantar and Alistarh
	// 2022, "SPDY"; "Optimal brain compression".)
	Independent Repair = "independent"
	// Statistics keeps the weights and corrects the mean and the deviation of every output
	// channel.
	Statistics Repair = "statistics"
)

// ridge is how strongly refitted weights are held to those they replace, relative to the
// mean square of what they read: it decides where the calibration images say little.
const ridge = 1e-2

// largestFit bounds the scalars of a patch that are fitted together: a larger layer keeps its
// weights, since time grows with the cube, memory with the square. 512 channels under 3×3
// taps are below.
const largestFit = 5000

// fit is the least-squares problem of one group of a layer's filters.
type fit struct {
	gram
	products       []float64 // size×outputs: the mean of z·yᵀ, y what the outputs should be
	first, outputs int       // the group's filters
}

// fits states the problems whose solution brings a layer's outputs closest to what
// they were; nil if there is nothing to be gained.
func (f *fitting) fits(node, l int, was *runtime.Batch) []fit {
	n := &f.graph.Nodes[node]
	if was == nil || n.Weight().Channel() >= largestFit {
		return nil
	}
	others := f.others(n.Output)
	if !f.worn[n.Inputs[0]] && !slices.ContainsFunc(others, func(o operand) bool { return o.worn }) {
		return nil
	}
	target := f.target(was, f.kept[l], others)
	all := patchesOf(n, f.trace.values[n.Inputs[0]], f.graph.Values[n.Output].Shape)
	fits := make([]fit, len(all))
	outputs := n.Weight().Shape[0] / len(all)
	state := func(c crew, k int) {
		g, q := c.regression(all[k], target, k*outputs, outputs)
		fits[k] = fit{g, q, k * outputs, outputs}
	}
	if len(all) == 1 {
		state(f.crew, 0)
	} else {
		f.crew.each(len(all), func(k int) { state(crew{f.crew.isa, 1}, k) })
	}
	return fits
}

// operand is what an addition adds to a layer's output.
type operand struct {
	was, is *runtime.Batch // in the original network and now
	worn    bool
}

// others are the other operands of the addition that alone reads a value; nil if there is
// no such addition or they are not all known yet.
func (f *fitting) others(id graph.ValueID) (others []operand) {
	readers := f.readers[id]
	if len(readers) != 1 || id == f.graph.Output {
		return nil
	}
	add := &f.graph.Nodes[readers[0]]
	if _, ok := add.Op.(graph.Add); !ok {
		return nil
	}
	twin := &f.original.graph.Nodes[f.original.graph.Producer(add.Output)]
	for j, other := range add.Inputs {
		if other == id {
			continue
		}
		o := operand{f.original.values[twin.Inputs[j]], f.trace.values[other], f.worn[other]}
		if o.was == nil || o.is == nil {
			return nil
		}
		others = append(others, o)
	}
	return others
}

// target is what a layer should give: what it gave in the original network, on the
// channels that are left, and what the others lost.
func (f *fitting) target(was *runtime.Batch, kept []int, others []operand) *runtime.Batch {
	shape := slices.Clone(was.Shape)
	shape[0] = len(kept)
	target := runtime.NewBatch(shape, was.N)
	f.crew.each(was.N, func(i int) {
		for p := range was.Pixels {
			to, from := target.Pixel(i, p), was.Pixel(i, p)
			for c, ch := range kept {
				to[c] = from[ch]
			}
			for _, o := range others {
				was, is := o.was.Pixel(i, p), o.is.Pixel(i, p)
				for c, ch := range kept {
					to[c] += was[ch] - is[c]
				}
			}
		}
	})
	return target
}

// refit is a layer with the weights that solve its problems.
func refit(n *graph.Node, fits []fit) graph.Op {
	w := *n.Weight()
	bias := make([]float32, w.Shape[0])
	copy(bias, n.Bias())
	w.Float = slices.Clone(w.Float)
	for _, f := range fits {
		per := f.size - 1
		f.solve(w.Float[f.first*per:][:f.outputs*per], bias[f.first:][:f.outputs])
	}
	return n.WithWeight(w, bias)
}

// solve replaces filters and their biases by those of least squared error, held back by the
// ridge.
func (f *fit) solve(filters, bias []float32) {
	// What the weights do not give yet their change must give.
	rest := blas64.General{Rows: f.size, Cols: f.outputs, Stride: f.outputs, Data: slices.Clone(f.products)}
	blas64.Symm(blas.Left, -1, f.symmetric(f.h), columns(filters, bias), 1, rest)
	f.change(filters, bias, rest)
}

// change adds to filters and their biases what gives the rest, in whose place it works. Where the
// moments are not those of numbers, they stay.
func (f *fit) change(filters, bias []float32, rest blas64.General) {
	factor, ok := lapack64.Potrf(f.symmetric(f.regularized()))
	if !ok {
		return
	}
	lapack64.Potrs(factor, rest)
	per := f.size - 1
	for o := range f.outputs {
		for i := range per {
			filters[o*per+i] += float32(rest.Data[i*f.outputs+o])
		}
		bias[o] += float32(rest.Data[per*f.outputs+o])
	}
}

// regularized is the moments plus the ridge, which the bias is free of.
func (g gram) regularized() []float64 {
	per := g.size - 1
	h := slices.Clone(g.h)
	trace := 0.0
	for i := range per {
		trace += h[i*g.size+i]
	}
	for i := range per {
		h[i*g.size+i] += ridge * trace / float64(per)
	}
	return h
}

func (g gram) symmetric(h []float64) blas64.Symmetric {
	return blas64.Symmetric{Uplo: blas.Upper, N: g.size, Stride: g.size, Data: h}
}

// columns are filters with their biases, one to a column.
func columns(filters, bias []float32) blas64.General {
	outputs := len(bias)
	per := len(filters) / outputs
	m := blas64.General{Rows: per + 1, Cols: outputs, Stride: outputs, Data: make([]float64, (per+1)*outputs)}
	for o, b := range bias {
		for i, x := range filters[o*per:][:per] {
			m.Data[i*outputs+o] = float64(x)
		}
		m.Data[per*outputs+o] = float64(b)
	}
	return m
}

// expected are the moments of the outputs of a layer with float weights.
func expected(n *graph.Node, fits []fit) moments {
	w, bias := n.Weight(), n.Bias()
	m := moments{make([]float64, len(bias)), make([]float64, len(bias))}
	for _, f := range fits {
		per := f.size - 1
		mean, variance := f.moments(columns(w.Float[f.first*per:][:f.outputs*per], bias[f.first:][:f.outputs]))
		copy(m.mean[f.first:], mean)
		for o, v := range variance {
			m.deviation[f.first+o] = math.Sqrt(v)
		}
	}
	return m
}

// moments are the mean and the variance of what filters, one to a column, give.
func (g gram) moments(filters blas64.General) (mean, variance []float64) {
	n := filters.Cols
	mean, variance = make([]float64, n), make([]float64, n)
	product := blas64.General{Rows: g.size, Cols: n, Stride: n, Data: make([]float64, g.size*n)}
	blas64.Symm(blas.Left, 1, g.symmetric(g.h), filters, 0, product)
	for i, x := range filters.Data {
		variance[i%n] += x * product.Data[i]
	}
	for o := range n {
		mean[o] = product.Data[(g.size-1)*n+o]
		variance[o] = max(0, variance[o]-mean[o]*mean[o])
	}
	return mean, variance
}
