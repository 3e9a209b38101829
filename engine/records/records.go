// Package records translates between what the store keeps of a run and what the planner and the compressor work
// with.
package records

import (
	"galen/engine/compress"
	"galen/engine/compress/structure"
	"galen/engine/planner"
	"galen/hw/graph"
	"galen/store"
)

// PolicyOf is the policy an episode tried.
func PolicyOf(e *store.Episode) structure.Policy {
	policy := make(structure.Policy, len(e.Layers))
	for i, l := range e.Layers {
		policy[i] = structure.LayerPolicy{Layer: l.Name, Sparsity: l.Asked, WeightBits: l.WeightBits, ActivationBits: l.ActivationBits}
	}
	return policy
}

// BestOf is what a run's record tells of its best episode.
func BestOf(e *store.Episode) *store.Best {
	return &store.Best{Episode: e.Number, Accuracy: e.Accuracy, LatencyRatio: e.LatencyRatio, Confirmed: e.Confirmed}
}

// Episode is a finished episode as the planner learns from it.
func Episode(e *store.Episode) planner.Episode {
	learned := planner.Episode{
		Number: e.Number, Policy: PolicyOf(e), Actions: e.Actions, Accuracy: e.Accuracy, Latency: e.LatencyRatio,
	}
	times := planner.Times{Whole: e.LatencyMS}
	for _, l := range e.Layers {
		learned.Sizes = append(learned.Sizes, structure.Size{MACs: l.MACs, Channels: l.Kept})
		times.Layers = append(times.Layers, l.MS)
	}
	learned.Spend(times)
	return learned
}

// Original is the original network's evaluation as the planner takes it.
func Original(r *store.Reference) planner.Original {
	o := planner.Original{Accuracy: r.Accuracy, MACs: float64(r.MACs), BOPs: float64(r.BOPs)}
	for _, ms := range r.LayerMS {
		share := 0.0
		if r.LatencyMS > 0 {
			share = ms / r.LatencyMS
		}
		o.Shares = append(o.Shares, share)
	}
	return o
}

// Describe gathers what does not change about the layers during a run.
func Describe(g *graph.Graph, infos []structure.LayerInfo) []store.Layer {
	layers := make([]store.Layer, len(infos))
	for i, info := range infos {
		node := &g.Nodes[info.Node]
		w := node.Weight()
		layers[i] = store.Layer{
			Name: info.Layer, Kind: node.Op.Kind(), Kernel: [2]int{1, 1}, In: w.Shape[1], Out: w.Shape[0],
			MACs: g.MACs(info.Node), Group: info.Group, Coupled: info.Coupled, Root: info.Root,
			Prunable: info.Prunable, Mixable: info.MayMix, Why: info.Why,
		}
		if c, ok := node.Op.(*graph.Conv); ok {
			layers[i].Kernel = c.Kernel
			layers[i].In *= c.Groups
		}
	}
	return layers
}

// Layers are a graph's layers as the planner decides on them, without sensitivities.
func Layers(g *graph.Graph, described []store.Layer) []planner.Layer {
	layers := make([]planner.Layer, len(described))
	for i, node := range g.Layers() {
		w, d := g.Nodes[node].Weight(), described[i]
		layers[i] = planner.Layer{
			Name: d.Name, Out: w.Shape[0], In: w.Shape[1], Kernel: 1, Stride: 1, Weights: w.Elements(),
			Group: d.Group, Root: d.Root, Prunable: d.Prunable, Mixable: d.Mixable,
		}
		if c, ok := g.Nodes[node].Op.(*graph.Conv); ok {
			layers[i].Kernel, layers[i].Stride = c.Kernel[0], c.Stride[0]
		}
	}
	return layers
}

// Sensitivity is a layer's sensitivity as the store keeps it, with the name of the network it was measured in.
func Sensitivity(c compress.Curve, network string) store.Sensitivity {
	return store.Sensitivity{
		Sparsity: c.Sparsity, ActivationBits: c.ActivationBits, WeightBits: c.WeightBits,
		Int8: c.Int8, Float: c.Float, Around: network,
	}
}

// Curves are the layers' sensitivities as the store keeps them.
func Curves(layers []store.Layer) []compress.Curve {
	curves := make([]compress.Curve, len(layers))
	for l, layer := range layers {
		s := layer.Sensitivity
		curves[l] = compress.Curve{
			Sparsity: s.Sparsity, ActivationBits: s.ActivationBits, WeightBits: s.WeightBits, Int8: s.Int8, Float: s.Float,
		}
	}
	return curves
}
