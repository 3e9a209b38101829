package refit

import (
	"math"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// Ridge is how strongly refitted weights are held to those they replace, relative to the
// mean square of what they read: it decides where the calibration images say little.
const Ridge = 1e-2

// Fit is the least-squares problem of a layer's weights: one problem per group of its filters, as these read
// apart from each other.
type Fit struct {
	problems []problem
}

// problem is the least-squares problem of one group of a layer's filters.
type problem struct {
	Gram
	products       []float64 // size×outputs: the mean of z·yᵀ, y what the outputs should be
	first, outputs int       // the group's filters
}

// Target writes what some of a layer's outputs should be, those from the first-th on, at a pixel of an image:
// the at-th of the sample.
type Target func(y []float32, first, at, image, pixel int)

// NewFit states the problem whose solution brings what a layer gives for its input closest to a target. out is
// the shape of its output.
func NewFit(workers Workers, n *graph.Node, input *runtime.Batch, out graph.Shape, target Target) *Fit {
	all := patchesOf(workers, n, input, out)
	f := &Fit{make([]problem, len(all))}
	outputs := n.Weight().Shape[0] / len(all)
	for k := range all {
		f.problems[k] = problem{first: k * outputs, outputs: outputs}
	}
	f.each(workers, func(workers Workers, p *problem) {
		of := func(y []float32, at, image, pixel int) { target(y, p.first, at, image, pixel) }
		p.Gram, p.products = regression(workers, all[p.first/outputs], of, outputs)
	})
	return f
}

// each shares problems among the workers, or one problem's arithmetic.
func (f *Fit) each(workers Workers, do func(Workers, *problem)) {
	if len(f.problems) == 1 {
		do(workers, &f.problems[0])
		return
	}
	workers.Each(len(f.problems), func(k int) { do(workers.Alone(), &f.problems[k]) })
}

// Grams are the second moments of what each group of filters reads.
func (f *Fit) Grams() []Gram {
	grams := make([]Gram, len(f.problems))
	for k := range grams {
		grams[k] = f.problems[k].Gram
	}
	return grams
}

// Solve is the layer with the weights that solve its problems.
func (f *Fit) Solve(workers Workers, n *graph.Node) graph.Op {
	w := *n.Weight()
	solved := w
	solved.Float = make([]float32, len(w.Float))
	copy(solved.Float, w.Float)
	bias := make([]float32, w.Shape[0])
	copy(bias, n.Bias())
	f.each(workers, func(workers Workers, p *problem) {
		per := p.size - 1
		p.refitFilters(workers, solved.Float[p.first*per:][:p.outputs*per], bias[p.first:][:p.outputs])
	})
	return n.WithWeight(solved, bias)
}

// Statistics are those of the outputs of the layer with float weights.
func (f *Fit) Statistics(workers Workers, n *graph.Node) Statistics {
	w, bias := n.Weight(), n.Bias()
	s := Statistics{make([]float64, len(bias)), make([]float64, len(bias))}
	f.each(workers, func(workers Workers, p *problem) {
		per := p.size - 1
		filters, means := w.Float[p.first*per:][:p.outputs*per], p.means()
		for o, v := range outputVariances(workers, &p.Gram, filters, p.outputs) {
			mean := float64(bias[p.first+o])
			for i, x := range filters[o*per:][:per] {
				mean += float64(x) * means[i]
			}
			s.Mean[p.first+o], s.Deviation[p.first+o] = mean, math.Sqrt(v)
		}
	})
	return s
}

// outputVariances are those of what filters give.
func outputVariances(workers Workers, g *Gram, filters []float32, outputs int) []float64 {
	per := g.size - 1
	w := transposed(filters, outputs)
	product := multiply(workers, g.covariances(upTo(per), upTo(per)), w, per, per, outputs)
	variances := make([]float64, outputs)
	for i, x := range w {
		variances[i%outputs] += float64(x) * float64(product[i])
	}
	for o, v := range variances {
		variances[o] = max(0, v)
	}
	return variances
}

// refitFilters replaces filters and their biases by those of least squared error, held back by the
// ridge. Without variation in what they read, the filters stay.
func (p *problem) refitFilters(workers Workers, filters, bias []float32) {
	per := p.size - 1
	covariance, mean := p.covariances(upTo(per), upTo(per)), p.means()
	// What the weights do not give yet their change must give.
	w := transposed(filters, p.outputs)
	rest := multiply(workers, covariance, w, per, per, p.outputs)
	wanted := p.products[per*p.outputs:] // on average
	for i := range per {
		for o, y := range p.products[i*p.outputs:][:p.outputs] {
			rest[i*p.outputs+o] = float32(y-mean[i]*wanted[o]) - rest[i*p.outputs+o]
		}
	}
	if solveRidge(workers, covariance, rest, p.ridge()) {
		for o := range p.outputs {
			for i := range per {
				filters[o*per+i] += rest[i*p.outputs+o]
			}
		}
	}
	for o := range p.outputs {
		b := wanted[o]
		for i, x := range filters[o*per:][:per] {
			b -= float64(x) * mean[i]
		}
		bias[o] = float32(b)
	}
}
