package refit

import (
	"math"
	"slices"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// correction is an affine map per output channel that gives a compressed layer the
// statistics its output had in the original network: y = factor·x + shift. It costs nothing
// at run time, being folded into the layer's scales and bias.
type correction struct {
	factor, shift []float32
}

// Correct gives a layer whose output is known the statistics it should have, and makes the output what the
// corrected layer gives. inputScale is that of the layer's input, 0 where the layer is float.
func Correct(workers Workers, n *graph.Node, out *runtime.Batch, want Statistics, inputScale float32) graph.Op {
	c := newCorrection(StatisticsOf(workers, out), want)
	op := c.apply(n, inputScale)
	transform(workers, out, c.factor, c.shift)
	return op
}

// The deviation is corrected by at most this factor either way: what asks for more is a
// channel that compression has all but zeroed, and amplifying it amplifies noise.
const largestFactor = 2

// newCorrection finds the map from the moments of a layer's output to those it should have.
func newCorrection(now, want Statistics) correction {
	c := correction{make([]float32, len(want.Mean)), make([]float32, len(want.Mean))}
	for i := range want.Mean {
		factor := 1.0
		was, is := want.Deviation[i], now.Deviation[i]
		if is > 1e-6*(math.Abs(now.Mean[i])+was) {
			factor = min(max(was/is, 1/float64(largestFactor)), largestFactor)
		}
		c.factor[i] = float32(factor)
		c.shift[i] = float32(want.Mean[i] - factor*now.Mean[i])
	}
	return c
}

// apply folds the correction into a layer. inputScale is the layer's input's, 0 where
// the layer is float: then the weights themselves are scaled. What integers cannot
// express exactly, a bias between two steps of the accumulator, is taken over
// into the correction, which afterwards is what the layer really does.
func (c *correction) apply(n *graph.Node, inputScale float32) graph.Op {
	w, bias := *n.Weight(), make([]float32, len(c.factor))
	copy(bias, n.Bias())
	if !w.Quantized() {
		per := w.Channel()
		scaled := make([]float32, len(w.Float))
		for i, x := range w.Float {
			scaled[i] = x * c.factor[i/per]
		}
		w.Float = scaled
		for o, b := range bias {
			bias[o] = float32(c.factor[o]*b) + c.shift[o]
		}
		return n.WithWeight(w, bias)
	}
	w.Scale = slices.Clone(w.Scale)
	for o, b := range bias {
		scale := w.Scale[o] * c.factor[o]
		before := accumulated(b, inputScale, w.Scale[o])
		shifted := float32(float64(c.factor[o])*before) + c.shift[o]
		if math.Abs(float64(shifted)) > float64(scale)*float64(inputScale)*(1<<30) {
			// The bias would leave the accumulator's 32 bits: this channel stays as it was.
			c.factor[o], c.shift[o] = 1, 0
			continue
		}
		c.shift[o] = float32(accumulated(shifted, inputScale, scale) - float64(c.factor[o])*before)
		w.Scale[o], bias[o] = scale, shifted
	}
	return n.WithWeight(w, bias)
}

// accumulated is what a bias stands for once it is rounded to the accumulator's scale.
func accumulated(bias, inputScale, weightScale float32) float64 {
	q := graph.QuantizeBias(bias, inputScale, weightScale)
	return float64(q) * float64(inputScale) * float64(weightScale)
}
