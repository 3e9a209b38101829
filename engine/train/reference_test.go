package train

import (
	"math"

	"galen/hw/graph"
	"galen/hw/graph/reference"
)

// lossOf computes a graph's training loss by definition: float64, channel planes, no
// code of the trainer. BatchNorms normalize by the batch.
func lossOf(g *graph.Graph, images [][]float64, labels []int, smoothing float64) float64 {
	values := make([][][]float64, len(g.Values)) // [value][image][scalar]
	values[g.Input] = images
	for _, n := range g.Nodes {
		var in [][][]float64
		var shapes []graph.Shape
		for _, id := range n.Inputs {
			in, shapes = append(in, values[id]), append(shapes, g.Values[id].Shape)
		}
		if op, ok := n.Op.(*graph.BatchNorm); ok {
			values[n.Output] = normalize(op, in[0], shapes[0])
			continue
		}
		for i := range images {
			var x [][]float64
			for _, v := range in {
				x = append(x, v[i])
			}
			values[n.Output] = append(values[n.Output], reference.Compute(n.Op, x, shapes))
		}
	}
	loss := 0.0
	for i, logits := range values[g.Output] {
		sum := 0.0
		for _, v := range logits {
			sum += math.Exp(v)
		}
		for c, v := range logits {
			target := smoothing / float64(len(logits))
			if c == labels[i] {
				target += 1 - smoothing
			}
			loss -= target * (v - math.Log(sum))
		}
	}
	return loss / float64(len(labels))
}

func normalize(op *graph.BatchNorm, x [][]float64, shape graph.Shape) [][]float64 {
	area := shape[1] * shape[2]
	out := make([][]float64, len(x))
	for i := range out {
		out[i] = make([]float64, len(x[i]))
	}
	for c := range shape[0] {
		mean, variance, count := 0.0, 0.0, float64(len(x)*area)
		for i := range x {
			for _, v := range x[i][c*area : (c+1)*area] {
				mean += v / count
			}
		}
		for i := range x {
			for _, v := range x[i][c*area : (c+1)*area] {
				variance += (v - mean) * (v - mean) / count
			}
		}
		for i := range x {
			for p := c * area; p < (c+1)*area; p++ {
				out[i][p] = (x[i][p]-mean)/math.Sqrt(variance+float64(op.Epsilon))*float64(op.Scale[c]) + float64(op.Shift[c])
			}
		}
	}
	return out
}
