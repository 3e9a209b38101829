package refit

import (
	"slices"

	"galen/hw/graph"
)

// Solution is a layer's weights for some of its input channels and all of its output
// channels: the filters of least-squares fits, and of rounding, do not depend on
// each other, so that the channels a policy keeps are picked from them.
type Solution struct {
	Weight graph.Weight // [outputs, kept inputs, …]
	Bias   []float32
}

// Select returns the weight and the bias of some output channels.
func (s *Solution) Select(outputs []int) (graph.Weight, []float32) {
	bias := make([]float32, len(outputs))
	for i, o := range outputs {
		bias[i] = s.Bias[o]
	}
	return s.Weight.Select(outputs, nil), bias
}

// Solve finds the weights of a layer that keeps some of its input channels, at some bits: those left make up
// for those lost, the biases for what rounding takes on average. moments are those of all the original layer
// reads, in one group; nil: nothing is made up for.
func Solve(workers Workers, n *graph.Node, moments *Gram, inputs []int, bits int, how WeightRounding) *Solution {
	w := n.Weight()
	taps := graph.Shape(w.Shape[2:]).Elements()
	s := &Solution{w.Select(nil, inputs), make([]float32, w.Shape[0])}
	copy(s.Bias, n.Bias())
	if moments != nil && len(inputs) < w.Shape[1] {
		s.compensate(workers, moments, inputs, taps, w)
	}
	switch {
	case bits == graph.FloatBits:
	case moments == nil:
		s.Weight = RoundNearest(workers, &s.Weight, bits, how.Range, nil)
	default:
		rounded := how.Round(workers, &s.Weight, bits, nil, func() []Gram { return []Gram{moments.subset(inputs, taps)} })
		moments.correctBias(inputs, taps, &s.Weight, &rounded, s.Bias)
		s.Weight = rounded
	}
	return s
}

// compensate refits filters that have lost all inputs but some, so that these make up for the others.
func (s *Solution) compensate(workers Workers, g *Gram, inputs []int, taps int, original *graph.Weight) {
	var left, lost []int
	for channel := range original.Shape[1] {
		_, stays := slices.BinarySearch(inputs, channel)
		for i := channel * taps; i < (channel+1)*taps; i++ {
			if stays {
				left = append(left, i)
			} else {
				lost = append(lost, i)
			}
		}
	}
	// What the lost weights gave is what the change of the others must give.
	outputs := len(s.Bias)
	gone := make([]float32, 0, len(lost)*outputs)
	for _, at := range lost {
		for o := range outputs {
			gone = append(gone, original.Float[o*original.Channel()+at])
		}
	}
	rest := multiply(workers, g.covariances(left, lost), gone, len(left), len(lost), outputs)
	if !solveRidge(workers, g.covariances(left, left), rest, g.ridge()) {
		clear(rest)
	}
	means := g.means()
	for o := range outputs {
		b := float64(s.Bias[o])
		for i, at := range lost {
			b += float64(gone[i*outputs+o]) * means[at]
		}
		for i, at := range left {
			b -= float64(rest[i*outputs+o]) * means[at]
			s.Weight.Float[o*len(left)+i] += rest[i*outputs+o]
		}
		s.Bias[o] = float32(b)
	}
}

// correctBias gives the biases what rounding takes from the outputs on average.
func (g *Gram) correctBias(inputs []int, taps int, weight, rounded *graph.Weight, bias []float32) {
	per, real := weight.Channel(), rounded.Real()
	for o := range bias {
		lost := 0.0
		for i, x := range weight.Float[o*per:][:per] {
			at := inputs[i/taps]*taps + i%taps
			lost += float64(x-real[o*per+i]) * g.h[at*g.size+g.size-1]
		}
		bias[o] += float32(lost)
	}
}
