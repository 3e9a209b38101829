package refit

import (
	"math"
	"slices"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// Equalization is whether and how channels are rescaled between layers before
// anything is quantized, so that those of a tensor, which share a scale, use the same
// range. A positive factor passes through ReLU, and so a layer's filter can be multiplied by it and its
// readers' weights divided without changing what the network computes (Nagel et al. 2019,
// "Data-free quantization through weight equalization and bias correction").
type Equalization string

const (
	// EqualizeNone leaves the weights as they are.
	EqualizeNone Equalization = "none"
	// EqualizeWeights makes the largest weight that writes a channel as large as the largest
	// that reads it, as the paper does.
	EqualizeWeights Equalization = "weights"
	// EqualizeActivations balances the largest value of a channel and the largest weight
	// that reads it (Xiao et al. 2022, SmoothQuant). Readers that are depthwise have a
	// scale per channel, which makes their weights free: there the values alone are equalized.
	EqualizeActivations Equalization = "activations"
)

// link is a tensor between layers whose channels can be rescaled.
type link struct {
	writer  int // node
	value   graph.ValueID
	limit   float32 // of the activation; +Inf: none
	readers []int   // nodes, all of them layers
}

// links lists the tensors that one layer writes, with or without a ReLU behind it, and only
// layers read.
func links(g *graph.Graph) (all []link) {
	consumers := g.Consumers()
	for _, i := range g.Layers() {
		l := link{writer: i, value: g.Nodes[i].Output, limit: float32(math.Inf(1))}
		if readers := consumers[l.value]; len(readers) == 1 {
			follower := &g.Nodes[readers[0]]
			if low, high := limits(follower.Op); low == 0 {
				if l.value == g.Output {
					continue
				}
				l.value, l.limit = follower.Output, high
			}
		}
		l.readers = consumers[l.value]
		isLayer := func(n int) bool { return g.Nodes[n].Weight() != nil }
		if l.value == g.Output || len(l.readers) == 0 || slices.ContainsFunc(l.readers, func(n int) bool { return !isLayer(n) }) {
			continue
		}
		all = append(all, l)
	}
	return all
}

// limits are those of an activation that only limits numbers; −Inf and +Inf for other operators.
func limits(op graph.Op) (low, high float32) {
	if clamp, ok := op.(graph.Clamp); ok {
		return clamp.Limits()
	}
	return float32(math.Inf(-1)), float32(math.Inf(1))
}

// hasDepthwise tells whether a graph has convolutions whose filters read one channel each.
func hasDepthwise(g *graph.Graph) bool {
	return slices.ContainsFunc(g.Nodes, func(n graph.Node) bool {
		op, ok := n.Op.(*graph.Conv)
		return ok && op.Groups > 1 && op.Weight.Shape[1] == 1
	})
}

// rangeImages is how many calibration images the ranges of channels are taken from.
const rangeImages = 256

// Equalize rescales the channels of a graph with depthwise convolutions, by what it computes for images; of
// other graphs it changes nothing, and returns them.
func Equalize(g *graph.Graph, images *runtime.Batch, by Equalization, tracer *runtime.Tracer) (*graph.Graph, error) {
	if by == EqualizeNone || !hasDepthwise(g) {
		return g, nil
	}
	return equalized(g, images, by, tracer)
}

func equalized(g *graph.Graph, images *runtime.Batch, by Equalization, tracer *runtime.Tracer) (*graph.Graph, error) {
	g = g.Clone()
	all := links(g)
	if len(all) == 0 {
		return g, nil
	}
	some := *images
	some.N = min(some.N, rangeImages)
	some.Images = some.Images[:some.N]
	largest := make(map[graph.ValueID][]float32, len(all))
	t := NewTrace(g, tracer, &some)
	for i := range g.Nodes {
		out, err := t.Compute(i)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(l link) bool { return l.value == g.Nodes[i].Output }) {
			largest[g.Nodes[i].Output] = largestPerChannel(out)
		}
		t.Keep(i, out)
	}
	for _, l := range all {
		l.rescale(g, l.factors(g, largest[l.value], by))
	}
	return g, nil
}

func largestPerChannel(b *runtime.Batch) []float32 {
	largest := make([]float32, b.Channels)
	for i := range b.N {
		for p := range b.Pixels {
			for ch, x := range b.Pixel(i, p) {
				largest[ch] = max(largest[ch], x, -x)
			}
		}
	}
	return largest
}

// factors chooses the factor of every channel, such that the largest value stays what it is. What the
// activation's limit cuts off is left alone, since its limit is one for all channels, and
// nothing else is raised beyond it.
func (l *link) factors(g *graph.Graph, values []float32, by Equalization) []float32 {
	read := make([]float32, len(values)) // the largest weight that reads a channel
	depthwise := true
	for _, r := range l.readers {
		eachRead(&g.Nodes[r], len(values), func(channel int, w float32) { read[channel] = max(read[channel], w, -w) })
		depthwise = depthwise && g.Nodes[r].Weight().Shape[1] == 1
	}
	written := values
	if by == EqualizeWeights {
		w := g.Nodes[l.writer].Weight()
		written = make([]float32, len(values))
		for i, x := range w.Float {
			ch := i / w.Channel()
			written[ch] = max(written[ch], x, -x)
		}
	}
	top := slices.Max(values)
	// Channels that are smaller than this share of the largest are practically zero; and one outlier
	// must not scale all others down.
	const least, most = 1e-4, 100
	factors := make([]float32, len(values)) // 0: the channel keeps its own
	var logarithms, active float64
	for ch, x := range values {
		if x <= least*top || x >= l.limit || written[ch] <= 0 || read[ch] <= 0 {
			continue
		}
		factors[ch] = float32(math.Sqrt(float64(read[ch] / written[ch])))
		if by == EqualizeActivations && depthwise {
			factors[ch] = top / x
		}
		logarithms += math.Log(float64(factors[ch]))
		active++
	}
	middle := float32(math.Exp(logarithms / max(active, 1)))
	highest := float32(0) // of the rescaled values
	for ch, x := range values {
		if factors[ch] > 0 {
			factors[ch] = clamp(factors[ch], middle/most, middle*most)
			highest = max(highest, factors[ch]*x)
		}
	}
	for ch := range factors {
		if factors[ch] *= top / max(highest, math.SmallestNonzeroFloat32); !(factors[ch] > 0) {
			factors[ch] = 1
		}
	}
	return factors
}

// eachRead calls f for every weight of a layer with the input channel it multiplies.
func eachRead(n *graph.Node, channels int, f func(channel int, w float32)) {
	w := n.Weight()
	groups := 1
	if op, ok := n.Op.(*graph.Conv); ok {
		groups = op.Groups
	}
	per, taps, outputs := w.Shape[1], graph.Shape(w.Shape[2:]).Elements(), w.Shape[0]/groups
	for i, x := range w.Float {
		group := i / w.Channel() / outputs
		f(group*per+i/taps%per, x)
	}
}

// rescale multiplies the channels of a link.
func (l *link) rescale(g *graph.Graph, factors []float32) {
	n := &g.Nodes[l.writer]
	w, bias := *n.Weight(), slices.Clone(n.Bias())
	w.Float = slices.Clone(w.Float)
	for i := range w.Float {
		w.Float[i] *= factors[i/w.Channel()]
	}
	for o := range bias {
		bias[o] *= factors[o]
	}
	n.Op = n.WithWeight(w, bias)
	for _, r := range l.readers {
		n := &g.Nodes[r]
		w := *n.Weight()
		divided := make([]float32, 0, len(w.Float))
		eachRead(n, len(factors), func(channel int, x float32) { divided = append(divided, x/factors[channel]) })
		w.Float = divided
		n.Op = n.WithWeight(w, n.Bias())
	}
}
