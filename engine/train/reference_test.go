package train

import (
	"math"

	"galen/hw/graph"
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
		out := g.Values[n.Output].Shape
		if op, ok := n.Op.(*graph.BatchNorm); ok {
			values[n.Output] = normalize(op, in[0], shapes[0])
			continue
		}
		for i := range images {
			var x [][]float64
			for _, v := range in {
				x = append(x, v[i])
			}
			values[n.Output] = append(values[n.Output], apply(n.Op, x, shapes, out))
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

// apply computes any other operator on one image.
func apply(op graph.Op, in [][]float64, shapes []graph.Shape, out graph.Shape) []float64 {
	x, y := in[0], make([]float64, out.Elements())
	at := func(shape graph.Shape, c, h, w int) (int, bool) {
		return (c*shape[1]+h)*shape[2] + w, h >= 0 && h < shape[1] && w >= 0 && w < shape[2]
	}
	// windows visits every (output scalar, input scalar, tap); inside tells whether
	// the input scalar exists.
	windows := func(kernel, stride, dilation [2]int, pad [4]int, channel func(o int) int, visit func(o, i, tap int, inside bool)) {
		for c := range out[0] {
			for h := range out[1] {
				for w := range out[2] {
					o, _ := at(out, c, h, w)
					for tap := range kernel[0] * kernel[1] {
						i, inside := at(shapes[0], channel(c), h*stride[0]+tap/kernel[1]*dilation[0]-pad[0], w*stride[1]+tap%kernel[1]*dilation[1]-pad[1])
						visit(o, i, tap, inside)
					}
				}
			}
		}
	}
	same, single := func(c int) int { return c }, [2]int{1, 1}
	switch op := op.(type) {
	case *graph.Conv:
		inC, taps, area := op.Weight.Shape[1], op.Kernel[0]*op.Kernel[1], out[1]*out[2]
		for ic := range inC {
			windows(op.Kernel, op.Stride, op.Dilation, op.Pad, func(int) int { return ic }, func(o, i, tap int, inside bool) {
				if inside {
					y[o] += x[i] * float64(op.Weight.Float[(o/area*inC+ic)*taps+tap])
				}
			})
		}
		for o := range y {
			if op.Bias != nil {
				y[o] += float64(op.Bias[o/area])
			}
		}
	case *graph.Gemm:
		for o := range y {
			for i, v := range x {
				y[o] += v * float64(op.Weight.Float[o*len(x)+i])
			}
			if op.Bias != nil {
				y[o] += float64(op.Bias[o])
			}
		}
	case graph.Relu:
		for i, v := range x {
			y[i] = math.Max(v, 0)
		}
	case graph.Clip:
		for i, v := range x {
			y[i] = math.Min(math.Max(v, float64(op.Min)), float64(op.Max))
		}
	case graph.Add:
		for i, v := range x {
			y[i] = v + in[1][i]
		}
	case graph.MaxPool:
		for o := range y {
			y[o] = math.Inf(-1)
		}
		windows(op.Kernel, op.Stride, single, op.Pad, same, func(o, i, _ int, inside bool) {
			if inside {
				y[o] = math.Max(y[o], x[i])
			}
		})
	case graph.AveragePool:
		counts := make([]float64, len(y))
		windows(op.Kernel, op.Stride, single, op.Pad, same, func(o, i, _ int, inside bool) {
			if inside {
				y[o] += x[i]
			}
			if inside || op.CountIncludePad {
				counts[o]++
			}
		})
		for o := range y {
			y[o] /= counts[o]
		}
	case graph.GlobalAveragePool:
		area := shapes[0][1] * shapes[0][2]
		for i, v := range x {
			y[i/area] += v / float64(area)
		}
	case graph.Flatten:
		copy(y, x)
	case *graph.Slice:
		for o := range y {
			c, h, w := o/(out[1]*out[2]), o/out[2]%out[1], o%out[2]
			i, _ := at(shapes[0], op.Start[0]+c*op.Step[0], op.Start[1]+h*op.Step[1], op.Start[2]+w*op.Step[2])
			y[o] = x[i]
		}
	case *graph.Pad:
		for o := range y {
			y[o] = float64(op.Value)
		}
		for i, v := range x {
			s := shapes[0]
			c, h, w := i/(s[1]*s[2]), i/s[2]%s[1], i%s[2]
			o, _ := at(out, c+op.Before[0], h+op.Before[1], w+op.Before[2])
			y[o] = v
		}
	case graph.Concat: // along channels
		copy(y[copy(y, x):], in[1])
	default:
		panic("no definition of " + op.Kind())
	}
	return y
}
