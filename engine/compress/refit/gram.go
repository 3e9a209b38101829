package refit

import (
	"galen/hw/kernel"
)

// Gram is the second moments of what one group of a layer's filters reads: of a patch
// (taps × inputs scalars in the order of a filter's weights, so that a filter's output is
// its dot product with the patch) followed by a constant one, which the bias
// multiplies.
type Gram struct {
	size int       // of a patch, with the one
	h    []float64 // size×size, symmetric: the mean of z·zᵀ over the sampled output pixels
}

// ridge is what is added to the diagonal of the covariances.
func (g *Gram) ridge() float64 {
	per, trace := g.size-1, 0.0
	for i := range per {
		trace += g.h[i*g.size+i]
	}
	return Ridge * trace / float64(per)
}

// means are those of the scalars of a patch.
func (g *Gram) means() []float64 {
	means := make([]float64, g.size-1)
	for i := range means {
		means[i] = g.h[i*g.size+g.size-1]
	}
	return means
}

// covariances are those of some scalars of a patch with others. Least squares on them is least squares
// with a bias that is free.
func (g *Gram) covariances(rows, others []int) []float32 {
	m, means := kernel.Floats(len(rows)*len(others)), g.means()
	for i, r := range rows {
		to := m[i*len(others):][:len(others)]
		for j, o := range others {
			to[j] = float32(g.h[r*g.size+o] - means[r]*means[o])
		}
	}
	return m
}

// covariance is that of two scalars of a patch.
func (g *Gram) covariance(i, j int) float64 {
	one := g.size - 1
	return g.h[i*g.size+j] - g.h[i*g.size+one]*g.h[j*g.size+one]
}

// subset is the moments of some of the input channels.
func (g *Gram) subset(inputs []int, taps int) Gram {
	places := make([]int, 0, len(inputs)*taps+1)
	for _, channel := range inputs {
		for tap := range taps {
			places = append(places, channel*taps+tap)
		}
	}
	places = append(places, g.size-1)
	some := Gram{len(places), make([]float64, 0, len(places)*len(places))}
	for _, r := range places {
		for _, c := range places {
			some.h = append(some.h, g.h[r*g.size+c])
		}
	}
	return some
}
