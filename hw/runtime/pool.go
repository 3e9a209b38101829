package runtime

import (
	"galen/hw/graph"
	"galen/hw/kernel"
)

// average is the geometry of a mean over windows.
type average struct {
	kernel.Window
	countPadding bool
	counted      [2]int // rows and columns behind which padding never counts, from the image's first on
}

func averageWindow(op graph.Op, in graph.Shape) average {
	if pool, ok := op.(graph.AveragePool); ok {
		out, _ := pool.OutputShape([]graph.Shape{in})
		return average{
			Window:       NewWindow(in, out, pool.Kernel, pool.Stride, pool.Dilation, pool.Pad),
			countPadding: pool.CountIncludePad,
			counted:      [2]int{in[1] + pool.Pad[2] - pool.Uncounted[0], in[2] + pool.Pad[3] - pool.Uncounted[1]},
		}
	}
	return average{Window: NewWindow(in, graph.Shape{in[0], 1, 1}, [2]int{in[1], in[2]}, [2]int{1, 1}, [2]int{}, [4]int{})}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// count is the divisor of a mean over the window of an output pixel.
func (a average) count(y, x int) int {
	if !a.countPadding {
		return a.TapsInside(y, x)
	}
	taps := func(start, taps, dilation, end int) int {
		return min(taps, ceilDiv(end-start, dilation))
	}
	return taps(y*a.Stride[0]-a.Top, a.Kernel[0], a.Dilation[0], a.counted[0]) *
		taps(x*a.Stride[1]-a.Left, a.Kernel[1], a.Dilation[1], a.counted[1])
}

// divisor is count for an output pixel by its number.
func (a average) divisor(pixel int) int { return a.count(pixel/a.OutW, pixel%a.OutW) }

// averageToFloat and averageToUint8 average quantized tensors. Padding counts as
// real zeros.
func averageToFloat(isa kernel.ISA, a average, stride int, out []float32, in []uint8, sums []int32, scale float32, zero uint8) {
	a.each(isa, stride, in, sums[:stride], zero, func(at, count int, offset int32) {
		factor := float32(float64(scale) / float64(count))
		dst := out[at : at+stride]
		for c, s := range sums[:len(dst)] {
			dst[c] = float32(s-offset) * factor
		}
	})
}

func averageToUint8(isa kernel.ISA, a average, stride int, out, in []uint8, sums []int32, scale float32, zero uint8, to graph.Quant) {
	a.each(isa, stride, in, sums[:stride], zero, func(at, count int, offset int32) {
		factor := float64(scale) / (float64(count) * float64(to.Scale))
		kernel.QuantizeMeans(isa, out[at:at+stride], sums, offset, factor, to.Zero, uint8(to.Max()))
	})
}

// each sums the window of every output pixel and hands over the pixel's position in the output, the
// divisor of the mean and what the zero point has put into the sums.
func (a average) each(isa kernel.ISA, stride int, in []uint8, sums []int32, zero uint8, end func(at, count int, offset int32)) {
	a.EachPatch(stride, func(y, x, at, first int, p kernel.Patch) {
		kernel.SumUint8(isa, sums, in[first:], p)
		end(at, a.count(y, x), int32(p.Rows*p.Columns)*int32(zero))
	})
}
