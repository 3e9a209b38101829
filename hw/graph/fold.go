package graph

import "math"

// FoldBatchNorm returns the graph with every BatchNorm that directly follows a
// float Conv of its own folded into the Conv's weights and bias. The Conv then computes the
// BatchNorm's output value, with its name and quantization.
func (g *Graph) FoldBatchNorm() *Graph {
	g = g.Clone()
	consumers := g.Consumers()
	for i := range g.Nodes {
		norm, ok := g.Nodes[i].Op.(*BatchNorm)
		if !ok {
			continue
		}
		input := g.Nodes[i].Inputs[0]
		producer := g.Producer(input)
		if producer < 0 || len(consumers[input]) != 1 || input == g.Output || g.Values[input].Quant != nil {
			continue
		}
		if conv, ok := g.Nodes[producer].Op.(*Conv); ok && !conv.Weight.Quantized() {
			g.Nodes[producer].Op = conv.folded(norm)
			g.Nodes[producer].Output, g.Nodes[i].Output = g.Nodes[i].Output, input
		}
	}
	g.Prune()
	return g
}

func (c *Conv) folded(norm *BatchNorm) *Conv {
	folded := *c
	per := c.Weight.Channel()
	weight := make([]float32, len(c.Weight.Float))
	bias := make([]float32, c.Weight.Shape[0])
	for o := range bias {
		factor := float64(norm.Scale[o]) / math.Sqrt(float64(norm.Variance[o])+float64(norm.Epsilon))
		for i := o * per; i < (o+1)*per; i++ {
			weight[i] = float32(float64(c.Weight.Float[i]) * factor)
		}
		b := 0.0
		if c.Bias != nil {
			b = float64(c.Bias[o])
		}
		bias[o] = float32((b-float64(norm.Mean[o]))*factor + float64(norm.Shift[o]))
	}
	folded.Weight = Weight{Shape: c.Weight.Shape, Float: weight}
	folded.Bias = bias
	return &folded
}
