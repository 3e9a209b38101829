package engine

import (
	"galen/agents"
	"galen/hw/graph"
	"galen/store"
)

// latencyTable predicts what a layer costs from episodes that treated all layers alike:
// the cost of its representation, times the share that its sparsity leaves of the
// cost at eight bits. Costs are shares of the original network's latency.
type latencyTable struct {
	search  *Search
	pruned  []*store.Episode // eight bits at probeSparsities
	mixed   []*store.Episode // probeBits without pruning
	factors []float64        // by layer: measured ÷ predicted, in the latest solution; nil: none yet
	rest    float64          // what is not in any layer
}

// share is what a layer cost in an episode. Where the device does not time layers, its
// latency is divided by their bit operations.
func share(e *store.Episode, l int) float64 {
	timed, operations := 0.0, 0.0
	weight := func(r store.LayerResult) float64 { return float64(r.MACs) * float64(r.WeightBits*r.ActivationBits) }
	for _, r := range e.Layers {
		timed += r.MS
		operations += weight(r)
	}
	switch {
	case timed > 0 && e.LatencyMS > 0:
		return e.Layers[l].MS / e.LatencyMS * e.LatencyRatio
	case operations > 0:
		return weight(e.Layers[l]) / operations * e.LatencyRatio
	}
	return 0
}

// correct makes the table right about an episode.
func (t *latencyTable) correct(e *store.Episode) {
	const farthest = 8 // beyond it, time was not measured but guessed
	factors := make([]float64, len(e.Layers))
	t.rest = e.LatencyRatio
	for l, r := range e.Layers {
		c := named(agents.Choice{Sparsity: r.Asked, WeightBits: r.WeightBits, ActivationBits: r.ActivationBits})
		measured := share(e, l)
		t.rest -= measured
		factors[l] = 1
		if predicted := t.predict(l, c); predicted > 0 && measured > 0 {
			factors[l] = min(max(measured/predicted, 1./farthest), farthest)
		}
	}
	t.factors = factors
}

// cost predicts what a layer costs.
func (t *latencyTable) cost(l int, c agents.Choice) float64 {
	cost := t.predict(l, c)
	if t.factors != nil {
		cost *= t.factors[l]
	}
	return cost
}

func (t *latencyTable) predict(l int, c agents.Choice) float64 {
	dense := share(t.pruned[0], l)
	cost := dense
	switch c.Method {
	case agents.Float:
		r := t.search.reference
		if l < len(r.LayerMS) && r.LayerMS[l] > 0 && r.LatencyMS > 0 {
			cost = r.LayerMS[l] / r.LatencyMS
		} else {
			cost = dense * graph.FloatBits / 8
		}
	case agents.Mixed:
		cost = t.mixedCost(l, float64(c.WeightBits*c.ActivationBits))
	}
	if c.Sparsity == 0 || dense <= 0 {
		return cost
	}
	costs := make([]float64, len(t.pruned))
	for i, e := range t.pruned {
		costs[i] = share(e, l)
	}
	return cost * max(interpolate(probeSparsities, costs, c.Sparsity)/dense, 0.01)
}

// mixedCost is what weight bits × activation bits cost: one pass over the data per pair
// of bits, and something that is always there.
func (t *latencyTable) mixedCost(l int, product float64) float64 {
	var products, costs []float64
	for i := len(t.mixed) - 1; i >= 0; i-- { // by rising bits
		r := t.mixed[i].Layers[l]
		if p := float64(r.WeightBits * r.ActivationBits); len(products) == 0 || p > products[len(products)-1] {
			products, costs = append(products, p), append(costs, share(t.mixed[i], l))
		}
	}
	if len(products) == 0 { // a ceiling of one bit: nothing was probed
		return share(t.pruned[0], l)
	}
	return max(interpolate(products, costs, product), 0)
}

// interpolate is the piecewise linear function through points (x ascending), continued
// beyond them by its outer pieces.
func interpolate(xs, ys []float64, x float64) float64 {
	if len(xs) == 1 {
		return ys[0]
	}
	i := 1
	for i < len(xs)-1 && x > xs[i] {
		i++
	}
	return ys[i-1] + (ys[i]-ys[i-1])*(x-xs[i-1])/(xs[i]-xs[i-1])
}
