package planner

import (
	"galen/agents"
	"galen/hw/graph"
)

// What is probed: eight bits at sparsities, and mixed precisions without pruning.
var (
	probeSparsities = []float64{0, 0.2, 0.4, 0.6, 0.8}
	probeBits       = []int{6, 4, 2} // weights and activations; those up to the ceiling
)

// latencyTable predicts what a layer costs from episodes that treated all layers alike:
// the cost of its representation, times the share that its sparsity leaves of the
// cost at eight bits. Costs are shares of the original network's latency.
type latencyTable struct {
	floats  []float64  // by layer: its share of the original's latency; nil: unknown
	pruned  []*Episode // eight bits at probeSparsities
	mixed   []*Episode // probeBits without pruning
	factors []float64  // by layer: measured ÷ predicted, in the latest solution; nil: none yet
	rest    float64    // what is not in any layer
}

// correct makes the table right about an episode.
func (t *latencyTable) correct(e *Episode) {
	const farthest = 8 // beyond it, time was not measured but guessed
	factors := make([]float64, len(e.Policy))
	t.rest = e.Latency
	for l, tried := range e.Policy {
		measured := e.Shares[l]
		t.rest -= measured
		factors[l] = 1
		if predicted := t.predict(l, choiceOf(tried)); predicted > 0 && measured > 0 {
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
	dense := t.pruned[0].Shares[l]
	cost := dense
	switch c.Method {
	case agents.Float:
		if l < len(t.floats) && t.floats[l] > 0 {
			cost = t.floats[l]
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
		costs[i] = e.Shares[l]
	}
	return cost * max(interpolate(probeSparsities, costs, c.Sparsity)/dense, 0.01)
}

// mixedCost is what weight bits × activation bits cost: one pass over the data per pair
// of bits, and something that is always there.
func (t *latencyTable) mixedCost(l int, product float64) float64 {
	var products, costs []float64
	for i := len(t.mixed) - 1; i >= 0; i-- { // by rising bits
		bits := t.mixed[i].Policy[l]
		if p := float64(bits.WeightBits * bits.ActivationBits); len(products) == 0 || p > products[len(products)-1] {
			products, costs = append(products, p), append(costs, t.mixed[i].Shares[l])
		}
	}
	if len(products) == 0 { // a ceiling of one bit: nothing was probed
		return t.pruned[0].Shares[l]
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
