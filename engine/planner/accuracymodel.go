package planner

import (
	"math"
	"slices"

	"galen/engine/compress/structure"
	"galen/hw/graph"
)

// accuracyModel predicts what accuracy a policy leaves, from what the finished episodes left: a
// Gaussian process over what policies do to the layers. What was left of a layer tells more than the
// action that asked for it, and how sensitive the network is to that tells something even where no episode
// has been.
//
// Like the cost model it is made anew for every episode, from nothing but the episodes.
type accuracyModel struct {
	process *gaussianProcess
	layers  []Layer
	curves  bool // whether the layers' sensitivities say something about all policies
	maxBits int
}

// accuracyEpisodes are learned from, the latest: learning takes time with the cube of them.
const accuracyEpisodes = 256

// newAccuracyModel learns from the finished episodes.
func (p *Planner) newAccuracyModel() *accuracyModel {
	m := &accuracyModel{layers: p.layers, curves: p.window == nil, maxBits: p.settings.MaxBits}
	var points [][]float64
	var values []float64
	for _, e := range p.episodes[max(0, len(p.episodes)-accuracyEpisodes):] {
		points = append(points, m.point(e.Policy, e.Sizes))
		values = append(values, logit(e.Accuracy))
	}
	m.process = newGaussianProcess(points, values)
	return m
}

// predict is the accuracy to expect of a policy that leaves so much of the layers, in [0,1].
func (m *accuracyModel) predict(p structure.Policy, sizes []structure.Size) float64 {
	return fromLogit(m.process.at(m.point(p, sizes)))
}

// point describes a policy. A unit of every coordinate is about as bad for a network.
func (m *accuracyModel) point(p structure.Policy, sizes []structure.Size) []float64 {
	const perLayer = 6
	point := make([]float64, 0, perLayer*len(p))
	for l, layer := range m.layers {
		kept := float64(sizes[l].Channels) / float64(layer.Out)
		point = append(point, math.Log2(kept), coarseness(p[l].WeightBits), coarseness(p[l].ActivationBits))
		if !m.curves {
			continue
		}
		removed := 1 - kept
		if !layer.Root {
			removed = 0 // its group's sensitivity is the root's
		}
		c := layer.Sensitivity
		point = append(point, harm(c.Sparsity, removed),
			harm(c.WeightBits, m.ratio(p[l].WeightBits)), harm(c.ActivationBits, m.ratio(p[l].ActivationBits)))
	}
	return point
}

// coarseness of numbers of some bits: their rounding error, which doubles with every bit less.
func coarseness(bits int) float64 {
	if bits >= 8 {
		return 0
	}
	return math.Exp2(float64(3 - bits))
}

// ratio is what sensitivity curves are drawn over, for numbers of some bits.
func (m *accuracyModel) ratio(bits int) float64 {
	if bits > m.maxBits || bits == graph.FloatBits {
		return 0
	}
	return 1 - (float64(bits)-0.5)/float64(m.maxBits)
}

// harm is how much a ratio hurts by a sensitivity curve, which has ratios 0, 0.1, …: a logarithm,
// since beyond some divergence a network is just broken.
func harm(curve []float64, ratio float64) float64 {
	if ratio <= 0 || len(curve) == 0 {
		return 0
	}
	const (
		broken = 20 // nats; also what stands for NotAllowed
		scale  = 10 // per nat
	)
	x := ratio * float64(len(curve))
	at := min(int(x), len(curve)-1)
	low, high := min(curve[at], broken), min(curve[min(at+1, len(curve)-1)], broken)
	divergence := max(low+(x-float64(at))*(high-low), 0)
	return math.Log1p(scale*divergence) / 2
}

// logit and fromLogit stretch accuracies, so that one that is hard to surpass is far from those below
// it. A margin keeps the ends finite.
func logit(accuracy float64) float64 {
	return math.Log((accuracy + logitMargin) / (1 + logitMargin - accuracy))
}

func fromLogit(x float64) float64 {
	return min(max((1+2*logitMargin)/(1+math.Exp(-x))-logitMargin, 0), 1)
}

const logitMargin = 0.02

// incumbent is the episode that is probably the best: its reward with the accuracy that
// the model expects. The best of many accuracies is the luckiest.
func (p *Planner) incumbent(m *accuracyModel) *Episode {
	worth := make([]float64, len(p.episodes))
	for i, e := range p.episodes {
		worth[i] = p.Reward(m.predict(e.Policy, e.Sizes), e.Latency)
	}
	return &p.episodes[slices.Index(worth, slices.Max(worth))]
}
