package refit

import (
	"cmp"
	"math"
	"slices"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// Rounding is how weights become integers.
type Rounding string

const (
	// Nearest rounds every weight to the nearest integer.
	Nearest Rounding = "nearest"
	// Compensated rounds such that what a layer computes changes least on the calibration
	// images: the errors of its weights make up for each other.
	Compensated Rounding = "compensated"
	// Automatic is Compensated for layers with at most CompensatedBits weight bits, Nearest
	// for the others: what they would gain is little, what they would cost is the same.
	Automatic Rounding = "automatic"
)

// CompensatedBits are the most weight bits at which Automatic compensates.
const CompensatedBits = 4

// largestCompensated bounds the weights of a filter that make up for each other: memory grows
// with the square, time with the cube. Larger ones are rounded to nearest; 512
// channels under 3×3 taps are below.
const largestCompensated = 5000

// WeightRounding is how float weights become integers.
type WeightRounding struct {
	Rounding Rounding
	Range    Calibration // of weights that are rounded to nearest: MinMax or SquaredError
}

// Round rounds a float weight to the given bits. grams, called if need be, are the second moments of what each
// group of its filters reads. Scales are at least the given floor of their channel (nil: none).
func (how WeightRounding) Round(workers Workers, w *graph.Weight, bits int, floor []float32, grams func() []Gram) graph.Weight {
	if !how.compensates(w, bits) {
		return RoundNearest(workers, w, bits, how.Range, floor)
	}
	return roundCompensated(workers, w, bits, floor, grams())
}

func (how WeightRounding) compensates(w *graph.Weight, bits int) bool {
	return w.Channel() <= largestCompensated &&
		(how.Rounding == Compensated || how.Rounding == Automatic && bits <= CompensatedBits)
}

// roundCompensated rounds a float weight with compensation, given the second moments of
// what each group of its filters reads. Scales are at least the given floor of their
// channel (nil: none). Groups that read nothing that varies are rounded to nearest.
func roundCompensated(workers Workers, w *graph.Weight, bits int, floor []float32, grams []Gram) graph.Weight {
	q := RoundNearest(workers, w, bits, SquaredError, floor)
	outputs, per := w.Shape[0]/len(grams), w.Channel()
	within := workers.Alone() // a group
	if len(grams) == 1 {
		within = workers
	}
	workers.Each(len(grams), func(k int) {
		r, ok := newRounder(within, &grams[k], bits)
		if !ok {
			return
		}
		first := k * outputs
		var least []float32
		if floor != nil {
			least = floor[first:][:outputs]
		}
		within.Each((outputs+rounderFilters-1)/rounderFilters, func(i int) {
			from, to := i*rounderFilters, min((i+1)*rounderFilters, outputs)
			part := filters{
				w: w.Float[(first+from)*per : (first+to)*per], rounded: q.Int[(first+from)*per : (first+to)*per],
				scales: q.Scale[first+from : first+to],
			}
			if least != nil {
				part.floor = least[from:to]
			}
			r.round(part)
		})
	})
	return q
}

// rounder rounds the filters that read the same: with e a filter's rounding errors and H the
// covariance of what it reads, it makes eᵀHe small rather than eᵀe. (Means do not count: the bias
// makes up for theirs.)
//
// It starts with successive rounding, each weight taking over what the errors of those
// rounded before ask of it. That is GPTQ (Frantar et al. 2022), in the form of Babai's
// nearest plane, which needs no inverse: with the Cholesky factorization H = MᵀM the error is ‖Me‖²,
// and M being triangular, its rows are made small one after the other. Several scales are
// tried. Then cyclic coordinate descent (Behdin et al. 2023, QuantEase) changes single
// integers as long as that helps, in turn with the least-squares scale of the integers.
type rounder struct {
	isa   kernel.ISA
	bits  int
	size  int       // of a filter
	order []int     // place in H and M → place in a filter; they are rounded from the last to the first
	h     []float32 // size×size: the covariance, damped
	m     factor    // of h
}

// damping is what is added to the diagonal of H, relative to its mean: what calibration images
// say about directions that hardly vary is not to be relied on.
const damping = 0.01

// newRounder prepares for filters that read inputs of the given moments. It reports false where the
// inputs do not vary or are not numbers.
func newRounder(workers Workers, g *Gram, bits int) (*rounder, bool) {
	n := g.size - 1
	r := &rounder{isa: workers.ISA, bits: bits, size: n, order: make([]int, n)}
	variance, mean := make([]float64, n), 0.0
	for i := range n {
		r.order[i] = i
		variance[i] = g.covariance(i, i)
		mean += variance[i] / float64(n)
	}
	if !(mean > 1e-30) || math.IsInf(mean, 0) {
		return nil, false
	}
	// What varies most comes last, to be rounded first: the others make up for it.
	slices.SortStableFunc(r.order, func(a, b int) int { return cmp.Compare(variance[a], variance[b]) })
	r.h = kernel.Floats(n * n)
	workers.Each(n, func(i int) {
		row := r.h[i*n:][:n]
		for j := range row {
			row[j] = float32(g.covariance(r.order[i], r.order[j]))
		}
		row[i] += float32(damping * mean)
	})
	var ok bool
	r.m, ok = cholesky(workers, slices.Clone(r.h), n)
	return r, ok
}

// scaleSteps are the scales that are tried, relative to the one of least squared weight error.
var scaleSteps = []float32{0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.35}

// rounderFilters is how many filters are rounded together.
const rounderFilters = 32

// filters are some of a layer's filters, one after the other, and what they are rounded to.
type filters struct {
	w       []float32
	rounded []int8
	scales  []float32 // on entry those of least squared weight error
	floor   []float32 // of the scales; nil: none
}

// round rounds filters.
func (r *rounder) round(f filters) {
	n, count := r.size, len(f.scales)
	width := count * len(scaleSteps)
	ordered, target := kernel.Floats(count*n), kernel.Floats(n*width)
	tried, floor := make([]float32, width), make([]float32, count)
	copy(floor, f.floor)
	for o := range count {
		for s, step := range scaleSteps {
			tried[s*count+o] = max(f.scales[o]*step, floor[o])
		}
		for i, at := range r.order {
			x := f.w[o*n+at]
			ordered[o*n+i] = x
			for s := range scaleSteps {
				target[i*width+s*count+o] = x
			}
		}
	}
	integers, errors := r.nearestPlane(target, tried)
	q := kernel.Floats(count * n)
	for o := range count {
		best := o
		for s := range scaleSteps {
			if errors[s*count+o] < errors[best] {
				best = s*count + o
			}
		}
		f.scales[o] = tried[best]
		for i := range n {
			q[o*n+i] = integers[i*width+best]
		}
	}
	wanted, have := kernel.Floats(count*n), kernel.Floats(count*n)
	kernel.Gemm(r.isa, false, false, count, n, n, 1, ordered, n, r.h, n, 0, wanted, n)
	kernel.Gemm(r.isa, false, false, count, n, n, 1, q, n, r.h, n, 0, have, n)
	for o := range count {
		row := q[o*n : (o+1)*n]
		f.scales[o] = r.descend(row, wanted[o*n:(o+1)*n], have[o*n:(o+1)*n], f.scales[o], floor[o])
		for i, at := range r.order {
			f.rounded[o*n+at] = int8(row[i])
		}
	}
}

// nearestPlane rounds columns of weights, target is size×columns, each with its scale. It returns the
// integers, size×columns, and each column's ‖Me‖².
func (r *rounder) nearestPlane(target, scales []float32) (integers []float32, squared []float64) {
	const block = 64
	n, columns := r.size, len(scales)
	integers, squared = kernel.Floats(n*columns), make([]float64, columns)
	e := kernel.Floats(n * columns)
	owed := kernel.Floats(block * columns) // what earlier errors ask of a block's rows: Σ M[i,j]·e[j]
	for end := n; end > 0; {
		k := (end - 1) / block * block
		clear(owed)
		if end < n {
			kernel.Gemm(r.isa, false, false, end-k, columns, n-end, 1, r.m.m[k*n+end:], n, e[end*columns:], columns, 0, owed, columns)
		}
		for i := end - 1; i >= k; i-- {
			row, errors := owed[(i-k)*columns:][:columns], e[i*columns:][:columns]
			for j := i + 1; j < end; j++ {
				subtract(row, e[j*columns:][:columns], -r.m.m[i*n+j])
			}
			pivot := r.m.m[i*n+i]
			q, t := integers[i*columns:][:columns], target[i*columns:][:columns]
			for o, s := range scales {
				wanted := t[o] + row[o]/pivot
				q[o] = nearest(wanted/s, r.bits)
				errors[o] = t[o] - s*q[o]
				left := float64(pivot * (wanted - s*q[o]))
				squared[o] += left * left
			}
		}
		end = k
	}
	return integers, squared
}

// descend changes single integers of a filter, and its scale, as long as that brings the error
// down, and returns the scale. wanted is H·w; have is H·q, which it overwrites.
func (r *rounder) descend(q, wanted, have []float32, scale, floor float32) float32 {
	const sweeps, rescalings = 8, 4
	n := r.size
	for range rescalings {
		for range sweeps {
			changed := false
			for i := range q {
				row := r.h[i*n : (i+1)*n]
				next := nearest(q[i]+(wanted[i]/scale-have[i])/row[i], r.bits)
				if next != q[i] {
					subtract(have, row, q[i]-next)
					q[i] = next
					changed = true
				}
			}
			if !changed {
				break
			}
		}
		var along, length float64
		for i, x := range q {
			along += float64(x) * float64(wanted[i])
			length += float64(x) * float64(have[i])
		}
		if !(along > 0 && length > 0) {
			break
		}
		next := max(float32(along/length), floor)
		if next == scale {
			break
		}
		scale = next
	}
	return scale
}

// nearest is the integer of the given bits that is nearest to x.
func nearest(x float32, bits int) float32 {
	if bits == 1 {
		if x < 0 {
			return -1
		}
		return 1
	}
	limit := float32(graph.WeightLimit(bits))
	return roundEven(clamp(x, -limit, limit))
}
