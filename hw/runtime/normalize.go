package runtime

import (
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// newSoftmax normalizes the lines of a tensor along an axis.
func newSoftmax(s graph.Softmax, shape graph.Shape) floatOp {
	channels, stride := shape[0], kernel.ChannelStride(shape[0])
	rows, columns := 1, 1
	if len(shape) == 3 {
		rows, columns = shape[1], shape[2]
	}
	// Along the axis there are count scalars, step apart; starts lists where the lines begin.
	count, step := channels, 1
	extent := [3]int{1, rows, columns}
	switch s.Axis {
	case 1:
		count, step, extent = rows, columns*stride, [3]int{channels, 1, columns}
	case 2:
		count, step, extent = columns, stride, [3]int{channels, rows, 1}
	}
	return func(out []float32, in [][]float32) {
		if channels < stride {
			clear(out[stride:])
		}
		for c := range extent[0] {
			for row := range extent[1] {
				for column := range extent[2] {
					softmax(out, in[0], (1+row*columns+column)*stride+c, step, count, s.Log)
				}
			}
		}
	}
}

// softmax normalizes one line. It is exact for large logits: the largest one is subtracted first.
func softmax(out, in []float32, start, step, count int, log bool) {
	end := start + count*step
	largest := negInf
	for at := start; at < end; at += step {
		largest = max(largest, in[at])
	}
	sum := 0.0
	for at := start; at < end; at += step {
		e := math.Exp(float64(in[at] - largest))
		sum += e
		out[at] = float32(e)
	}
	if log {
		logSum := math.Log(sum)
		for at := start; at < end; at += step {
			out[at] = float32(float64(in[at]) - float64(largest) - logSum)
		}
		return
	}
	for at := start; at < end; at += step {
		out[at] = float32(float64(out[at]) / sum)
	}
}

func newLRN(l graph.LRN, channels int) floatOp {
	before, behind := (l.Size-1)/2, l.Size/2
	alpha, beta, bias := float64(l.Alpha)/float64(l.Size), -float64(l.Beta), float64(l.Bias)
	return func(out []float32, in [][]float32) {
		stride := kernel.ChannelStride(channels)
		for at := stride; at < len(out); at += stride {
			dst, src := out[at:at+channels], in[0][at:at+channels]
			for c, x := range src {
				sum := 0.0
				for _, y := range src[max(0, c-before):min(channels, c+behind+1)] {
					sum += float64(y) * float64(y)
				}
				dst[c] = float32(float64(x) * power(bias+alpha*sum, beta))
			}
			clear(out[at+channels : at+stride])
		}
	}
}

// power is x^y, in less time for the exponent that networks use.
func power(x, y float64) float64 {
	if y == -0.75 {
		root := math.Sqrt(x)
		return 1 / (root * math.Sqrt(root))
	}
	return math.Pow(x, y)
}
