package planner

import "galen/engine/compress"

// Layer is a layer of the original network, as far as decisions depend on it.
type Layer struct {
	Name     string
	Out      int  // channels
	In       int  // channels that each output reads
	Kernel   int  // height of a convolution's; 1 for others
	Stride   int  // vertical, of a convolution; 1 for others
	Weights  int  // parameters, without biases
	Group    int  // channel group: layers that share one are pruned together
	Root     bool // whether the layer decides its group's sparsity
	Prunable bool
	Mixable  bool // whether it may have fewer than 8 bits

	Sensitivity compress.Curve
}

// Original is the original network's evaluation.
type Original struct {
	Accuracy   float64   // in [0,1]
	MACs, BOPs float64   // of all its layers
	Shares     []float64 // by layer: of its latency; nil: unknown
}
