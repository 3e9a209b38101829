package runtime

import (
	"fmt"
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// function is what an Activation does to one number. The loops that go over tensors and the tables for integers
// both call it, so that they agree to the bit.
func function(a graph.Activation) func(float32) float32 {
	alpha, beta := a.Alpha, a.Beta
	wide := func(f func(float64) float64) func(float32) float32 {
		return func(x float32) float32 { return float32(f(float64(x))) }
	}
	switch a.Function {
	case graph.LeakyRelu:
		return func(x float32) float32 {
			if x < 0 {
				return alpha * x
			}
			return x
		}
	case graph.Elu:
		return func(x float32) float32 {
			if x < 0 {
				return alpha * float32(math.Expm1(float64(x)))
			}
			return x
		}
	case graph.Sigmoid:
		return sigmoid
	case graph.HardSigmoid:
		return func(x float32) float32 { return min(max(float32(alpha*x)+beta, 0), 1) }
	case graph.HardSwish:
		return func(x float32) float32 { return x * min(max(x+3, 0), 6) / 6 }
	case graph.Silu:
		return func(x float32) float32 { return x * sigmoid(x) }
	case graph.Tanh:
		return tanh
	case graph.Softplus:
		return func(x float32) float32 {
			return max(x, 0) + float32(math.Log1p(math.Exp(-math.Abs(float64(x)))))
		}
	case graph.Softsign:
		return func(x float32) float32 { return x / (1 + max(x, -x)) }
	case graph.Exp:
		return exp32
	case graph.Log:
		return wide(math.Log)
	case graph.Sqrt:
		return wide(math.Sqrt)
	case graph.Abs:
		return func(x float32) float32 { return max(x, -x) }
	case graph.Neg:
		return func(x float32) float32 { return -x }
	case graph.Reciprocal:
		return func(x float32) float32 { return 1 / x }
	}
	panic(fmt.Sprintf("runtime: no function for %v", a.Function)) // check lets only known functions through
}

// channelwise makes a floatOp of what is done to the channels of one pixel. Lanes beyond them are cleared.
func channelwise(channels int, f func(out, in []float32)) floatOp {
	stride := kernel.ChannelStride(channels)
	return func(out []float32, in [][]float32) {
		if stride == channels {
			f(out[stride:], in[0][stride:])
			return
		}
		for at := stride; at < len(out); at += stride {
			f(out[at:at+channels], in[0][at:at+channels])
			clear(out[at+channels : at+stride])
		}
	}
}

func newActivation(a graph.Activation, channels int) floatOp {
	f := function(a)
	return channelwise(channels, func(out, in []float32) {
		for i, x := range in[:len(out)] {
			out[i] = f(x)
		}
	})
}

// activationTable is what an Activation makes of integers.
func activationTable(a graph.Activation, from, to *graph.Quant) *[256]uint8 {
	f := function(a)
	var table [256]uint8
	for q := range table {
		table[q] = quantized(to, f(float32(q-int(from.Zero))*from.Scale))
	}
	return &table
}

func newPRelu(p *graph.PRelu) floatOp {
	channels := len(p.Slope)
	slope := append([]float32(nil), p.Slope...)
	stride := kernel.ChannelStride(channels)
	return func(out []float32, in [][]float32) {
		for at := stride; at < len(out); at += stride {
			dst, src := out[at:at+channels], in[0][at:at+channels]
			for c, x := range src {
				if x < 0 {
					x *= slope[c]
				}
				dst[c] = x
			}
			clear(out[at+channels : at+stride])
		}
	}
}
