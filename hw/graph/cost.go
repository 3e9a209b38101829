package graph

// FloatBits is what weights or activations count that are not quantized.
const FloatBits = 32

// MACs is the number of multiply-accumulates a node spends on one image; zero for
// anything but layers.
func (g *Graph) MACs(node int) int64 {
	n := &g.Nodes[node]
	w := n.Weight()
	if w == nil {
		return 0
	}
	macs := int64(w.Elements())
	if shape := g.Values[n.Output].Shape; len(shape) == 3 {
		macs *= int64(shape[1] * shape[2])
	}
	return macs
}

// BOPs is the bit operations of multiply-accumulates: one for every pair of a weight's and an activation's bits.
func BOPs(macs int64, weightBits, activationBits int) int64 {
	return macs * int64(weightBits) * int64(activationBits)
}

// BOPs is a layer's bit operations per image.
func (g *Graph) BOPs(node int) int64 {
	n := &g.Nodes[node]
	w := n.Weight()
	if w == nil {
		return 0
	}
	weightBits, activationBits := FloatBits, FloatBits
	if w.Quantized() {
		weightBits = w.Bits
	}
	if q := g.Values[n.Inputs[0]].Quant; q != nil && w.Quantized() {
		activationBits = q.Bits
	}
	return BOPs(g.MACs(node), weightBits, activationBits)
}

// Totals are a graph's MACs, BOPs and weights over all layers.
func (g *Graph) Totals() (macs, bops, parameters int64) {
	for _, i := range g.Layers() {
		macs += g.MACs(i)
		bops += g.BOPs(i)
		parameters += int64(g.Nodes[i].Weight().Elements() + len(g.Nodes[i].Bias()))
	}
	return macs, bops, parameters
}
