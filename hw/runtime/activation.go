package runtime

import (
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// vectorFunctions are those that package kernel computes a vector at a time.
var vectorFunctions = map[graph.Function]kernel.Function{
	graph.Sigmoid: kernel.Sigmoid, graph.Silu: kernel.Silu, graph.Tanh: kernel.Tanh,
	graph.HardSigmoid: kernel.HardSigmoid, graph.HardSwish: kernel.HardSwish, graph.LeakyRelu: kernel.LeakyRelu,
}

// function is what an Activation does to one number: what tables for integers hold, and what the loops that go over
// tensors compute up to the error of kernel.Activate.
func function(a graph.Activation) func(float32) float32 {
	if f, ok := vectorFunctions[a.Function]; ok {
		return kernel.Activation{Function: f, Alpha: a.Alpha, Beta: a.Beta}.Of
	}
	if f, ok := narrowFunctions[a.Function]; ok {
		return f
	}
	if a.Function == graph.Elu {
		return func(x float32) float32 {
			if x < 0 {
				return a.Alpha * float32(math.Expm1(float64(x)))
			}
			return x
		}
	}
	of, alpha, beta := a.Function.Definition().Of, float64(a.Alpha), float64(a.Beta)
	return func(x float32) float32 { return float32(of(float64(x), alpha, beta)) }
}

// narrowFunctions take less time in float32 than by their definition.
var narrowFunctions = map[graph.Function]func(float32) float32{
	graph.Softplus: func(x float32) float32 {
		return max(x, 0) + float32(math.Log1p(math.Exp(-math.Abs(float64(x)))))
	},
	graph.Softsign:   func(x float32) float32 { return x / (1 + max(x, -x)) },
	graph.Exp:        exp32,
	graph.Abs:        func(x float32) float32 { return max(x, -x) },
	graph.Neg:        func(x float32) float32 { return -x },
	graph.Reciprocal: func(x float32) float32 { return 1 / x },
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

func newActivation(isa kernel.ISA, a graph.Activation, channels int) floatOp {
	if f, ok := vectorFunctions[a.Function]; ok {
		return newVectorActivation(isa, kernel.Activation{Function: f, Alpha: a.Alpha, Beta: a.Beta}, channels)
	}
	f := function(a)
	return channelwise(channels, func(out, in []float32) {
		for i, x := range in[:len(out)] {
			out[i] = f(x)
		}
	})
}

// newVectorActivation works on whole pixels, lanes beyond the channels included, and clears those
// where f(0) is not 0.
func newVectorActivation(isa kernel.ISA, a kernel.Activation, channels int) floatOp {
	stride := kernel.ChannelStride(channels)
	return func(out []float32, in [][]float32) {
		kernel.Activate(isa, a, out[stride:], in[0][stride:])
		if channels < stride && a.Of(0) != 0 {
			clearLanes(out, channels)
		}
	}
}

// clearLanes writes zeros into the lanes beyond the channels, but for the padding pixel.
func clearLanes(out []float32, channels int) {
	stride := kernel.ChannelStride(channels)
	if channels == stride {
		return
	}
	for at := stride; at < len(out); at += stride {
		clear(out[at+channels : at+stride])
	}
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
