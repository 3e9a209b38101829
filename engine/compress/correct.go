package compress

import (
	"math"

	"galen/hw/graph"
)

// correction is an affine map per output channel that gives a compressed layer the
// statistics its output had in the original network: y = factor·x + shift. It costs nothing
// at run time, being folded into the layer's scales and bias.
type correction struct {
	factor, shift []float32
}

// The deviation is corrected by at most this factor either way: what asks for more is a
// channel that compression has all but silenced, and amplifying it amplifies noise.
const largestFactor = 2

// correct finds the map from the moments of a layer's output to those of the same
// channels in the original network.
func correct(now, original moments, channels []int) correction {
	c := correction{make([]float32, len(channels)), make([]float32, len(channels))}
	for i, ch := range channels {
		factor := 1.0
		was, is := original.deviation[ch], now.deviation[i]
		if is > 1e-6*(math.Abs(now.mean[i])+was) {
			factor = min(max(was/is, 1/float64(largestFactor)), largestFactor)
		}
		c.factor[i] = float32(factor)
		c.shift[i] = float32(original.mean[ch] - factor*now.mean[i])
	}
	return c
}

// apply folds the correction into a layer. inputScale is the layer's input's, 0 where
// it is float: then the weights themselves are scaled.
func (c *correction) apply(n *graph.Node, inputScale float32) graph.Op {
	w, bias := *n.Weight(), make([]float32, len(c.factor))
	copy(bias, n.Bias())
	for o := range bias {
		bias[o] = c.factor[o]*bias[o] + c.shift[o]
	}
	if !w.Quantized() {
		per := w.Channel()
		scaled := make([]float32, len(w.Float))
		for i, x := range w.Float {
			scaled[i] = x * c.factor[i/per]
		}
		w.Float = scaled
		return n.WithWeight(w, bias)
	}
	scale := make([]float32, len(w.Scale))
	for o, s := range w.Scale {
		scale[o] = s * c.factor[o]
		if math.Abs(float64(bias[o])) > float64(scale[o])*float64(inputScale)*(1<<30) {
			// The bias would leave the accumulator's 32 bits: this channel stays as it was.
			c.factor[o], c.shift[o] = 1, 0
			scale[o], bias[o] = s, 0
			if n.Bias() != nil {
				bias[o] = n.Bias()[o]
			}
		}
	}
	w.Scale = scale
	return n.WithWeight(w, bias)
}
