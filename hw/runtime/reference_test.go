package runtime

import (
	"fmt"
	"math"

	"galen/hw/graph"
	"galen/hw/graph/reference"
)

// tensor is a value of the reference interpreter: reals in ONNX layout, and for
// each the sum of the magnitudes it was computed from, which bounds what rounding
// in float32 can change.
type tensor struct {
	shape graph.Shape
	real  []float64
	size  []float64
	terms int // summands of each element
}

func newTensor(shape graph.Shape) *tensor {
	n := shape.Elements()
	return &tensor{shape, make([]float64, n), make([]float64, n), 1}
}

// at is the index of channel c, row y, column x, −1 outside.
func (t *tensor) at(c, y, x int) int {
	if len(t.shape) == 1 {
		return c
	}
	if y < 0 || y >= t.shape[1] || x < 0 || x >= t.shape[2] {
		return -1
	}
	return (c*t.shape[1]+y)*t.shape[2] + x
}

func (t *tensor) extent() (channels, height, width int) {
	if len(t.shape) == 1 {
		return t.shape[0], 1, 1
	}
	return t.shape[0], t.shape[1], t.shape[2]
}

// interpret computes a node as the graph package defines it, in float64 and on
// reals, without the rounding of its output. What sums is computed here, together with the sizes of the summands.
func interpret(g *graph.Graph, node int, in []*tensor) *tensor {
	n := &g.Nodes[node]
	out := newTensor(g.Values[n.Output].Shape)
	channels, height, width := out.extent()
	each := func(f func(c, y, x, i int)) {
		for c := range channels {
			for y := range height {
				for x := range width {
					f(c, y, x, out.at(c, y, x))
				}
			}
		}
	}
	switch op := n.Op.(type) {
	case *graph.Conv, *graph.Gemm:
		w := n.Weight()
		conv, ok := op.(*graph.Conv)
		if !ok {
			conv = &graph.Conv{Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}
		}
		taps, per := conv.Kernel[0]*conv.Kernel[1], in[0].shape[0]/conv.Groups
		bias := make([]float64, channels)
		for o, b := range n.Bias() {
			bias[o] = float64(b)
			if q := g.Values[n.Inputs[0]].Quant; q != nil && w.Quantized() {
				unit := float64(q.Scale) * float64(w.Scale[o])
				bias[o] = math.RoundToEven(float64(b)/unit) * unit
			}
		}
		out.terms = per*taps + 1
		each(func(c, y, x, i int) {
			out.real[i], out.size[i] = bias[c], math.Abs(bias[c])
			group := c / (channels / conv.Groups)
			for k := range per {
				for ky := range conv.Kernel[0] {
					for kx := range conv.Kernel[1] {
						from := in[0].at(group*per+k, y*conv.Stride[0]+ky*conv.Dilation[0]-conv.Pad[0], x*conv.Stride[1]+kx*conv.Dilation[1]-conv.Pad[1])
						if from < 0 {
							continue
						}
						at := (c*per+k)*taps + ky*conv.Kernel[1] + kx
						var weight float64
						if w.Quantized() {
							weight = float64(w.Int[at]) * float64(w.Scale[c])
						} else {
							weight = float64(w.Float[at])
						}
						out.real[i] += weight * in[0].real[from]
						out.size[i] += math.Abs(weight * in[0].real[from])
					}
				}
			}
		})
	case *graph.BatchNorm:
		each(func(c, y, x, i int) {
			f := float64(op.Scale[c]) / math.Sqrt(float64(op.Variance[c])+float64(op.Epsilon))
			out.real[i] = (in[0].real[i]-float64(op.Mean[c]))*f + float64(op.Shift[c])
			out.size[i] = math.Abs(in[0].real[i]*f) + math.Abs(float64(op.Mean[c])*f) + math.Abs(float64(op.Shift[c]))
		})
	case graph.Add:
		each(func(c, y, x, i int) {
			out.real[i] = in[0].real[i] + in[1].real[i]
			out.size[i] = max(in[0].size[i], math.Abs(in[0].real[i])) + max(in[1].size[i], math.Abs(in[1].real[i]))
			out.terms = in[0].terms + in[1].terms
		})
	case graph.MaxPool, graph.AveragePool, graph.GlobalAveragePool:
		var size, stride, dilation, uncounted [2]int
		var pad [4]int
		padded, largest := false, false
		switch op := op.(type) {
		case graph.MaxPool:
			size, stride, dilation, pad, largest = op.Kernel, op.Stride, op.Dilation, op.Pad, true
		case graph.AveragePool:
			size, stride, dilation, pad, padded, uncounted = op.Kernel, op.Stride, op.Dilation, op.Pad, op.CountIncludePad, op.Uncounted
		default:
			size, stride = [2]int{in[0].shape[1], in[0].shape[2]}, [2]int{1, 1}
		}
		out.terms = size[0] * size[1]
		each(func(c, y, x, i int) {
			sum, most, count := 0.0, math.Inf(-1), 0.0
			for ky := range size[0] {
				for kx := range size[1] {
					row, column := y*stride[0]+ky*max(dilation[0], 1)-pad[0], x*stride[1]+kx*max(dilation[1], 1)-pad[1]
					from := in[0].at(c, row, column)
					if from >= 0 {
						sum += in[0].real[from]
						out.size[i] += math.Abs(in[0].real[from])
						most = max(most, in[0].real[from])
					}
					counts := row < in[0].shape[1]+pad[2]-uncounted[0] && column < in[0].shape[2]+pad[3]-uncounted[1]
					if from >= 0 || padded && counts {
						count++
					}
				}
			}
			out.real[i] = sum / count
			out.size[i] /= count
			if largest {
				out.real[i] = most
			}
		})
	case graph.Softmax:
		each(func(c, y, x, i int) {
			sum := 0.0
			at := [3]int{c, y, x}
			for at[op.Axis] = range in[0].shape[op.Axis] {
				sum += math.Exp(in[0].real[in[0].at(at[0], at[1], at[2])])
			}
			out.real[i], out.size[i] = math.Exp(in[0].real[i])/sum, 1
			if op.Log {
				out.real[i], out.size[i] = in[0].real[i]-math.Log(sum), math.Abs(in[0].real[i])+math.Abs(math.Log(sum))
			}
		})
	case graph.Binary:
		each(func(c, y, x, i int) {
			var operands [2]float64
			for side, t := range in {
				at := [3]int{c, y, x}
				for d, size := range t.shape {
					at[d] %= size // 1 repeats
				}
				operands[side] = t.real[t.at(at[0], at[1], at[2])]
			}
			a, b := operands[0], operands[1]
			out.real[i] = map[string]float64{"Add": a + b, "Sub": a - b, "Mul": a * b, "Div": a / b}[op.Kind()]
			if op.Operator == graph.Plus || op.Operator == graph.Minus {
				out.size[i] = math.Abs(a) + math.Abs(b)
			}
		})
	default:
		reals, shapes := make([][]float64, len(in)), make([]graph.Shape, len(in))
		for j, t := range in {
			reals[j], shapes[j] = t.real, t.shape
		}
		copy(out.real, reference.Compute(op, reals, shapes))
		if op.Locality() == graph.Elementwise {
			copy(out.size, in[0].size)
		}
		if a, ok := op.(graph.Activation); ok {
			for i, v := range out.real {
				out.size[i] = max(out.size[i], math.Abs(v)) + math.Abs(float64(a.Beta))
			}
		}
	}
	for i, v := range out.real {
		out.size[i] = max(out.size[i], math.Abs(v))
	}
	return out
}

// integer is what a real rounds to, and how far, in steps, it is from a tie.
func integer(q *graph.Quant, real float64) (value int, fromTie float64) {
	y := real / float64(q.Scale)
	value = int(math.RoundToEven(min(max(y, -1e6), 1e6))) + int(q.Zero)
	return min(max(value, 0), q.Max()), math.Abs(y - math.Floor(y) - 0.5)
}

// rounded is the tensor as its value stores it.
func (t *tensor) rounded(q *graph.Quant) *tensor {
	if q == nil {
		return t
	}
	r := newTensor(t.shape)
	for i, v := range t.real {
		n, _ := integer(q, v)
		r.real[i] = float64(n-int(q.Zero)) * float64(q.Scale)
		r.size[i] = math.Abs(r.real[i])
	}
	return r
}

// tensorOf takes float32 results for exact reals; those of quantized values are put
// back on their grid, which float32 only approximates.
func tensorOf(v graph.Value, values []float32) *tensor {
	t := newTensor(v.Shape)
	for i, x := range values {
		t.real[i] = float64(x)
		t.size[i] = math.Abs(t.real[i])
	}
	return t.rounded(v.Quant)
}

// differs explains how a result differs from what an exact computation gave, beyond what
// float32 explains; empty if it does not. Integers must be equal, unless the exact
// real is so near the middle between two that rounding in float32 decides.
func (t *tensor) differs(q *graph.Quant, got []float32) string {
	for i, want := range t.real {
		bound := float64(t.terms+16) * 0x1p-23 * t.size[i]
		have := float64(got[i])
		if q == nil {
			if !(math.Abs(have-want) <= bound) {
				return fmt.Sprintf("element %d is %g, wants %g ± %g", i, have, want, bound)
			}
			continue
		}
		n, fromTie := integer(q, want)
		m, _ := integer(q, have)
		if math.Abs(have-float64(m-int(q.Zero))*float64(q.Scale)) > 0x1p-22*math.Abs(have) {
			return fmt.Sprintf("element %d is %g, which is not a multiple of %g", i, have, q.Scale)
		}
		if n == m || (n-m == 1 || m-n == 1) && fromTie*float64(q.Scale) <= bound {
			continue
		}
		return fmt.Sprintf("element %d is %d, wants %d (%g steps from a tie)", i, m, n, fromTie)
	}
	return ""
}
