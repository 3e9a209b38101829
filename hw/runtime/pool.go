package runtime

import (
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
)

func poolWindow(in, out graph.Shape, size, stride [2]int, pad [4]int) kernel.Window {
	return kernel.Window{
		InH: in[1], InW: in[2], OutH: out[1], OutW: out[2],
		Kernel: size, Stride: stride, Dilation: [2]int{1, 1}, Top: pad[0], Left: pad[1],
	}
}

// average is the geometry of a mean over windows.
type average struct {
	kernel.Window
	countPadding bool
}

func averageWindow(op graph.Op, in graph.Shape) average {
	if pool, ok := op.(graph.AveragePool); ok {
		out, _ := pool.OutputShape([]graph.Shape{in})
		return average{poolWindow(in, out, pool.Kernel, pool.Stride, pool.Pad), pool.CountIncludePad}
	}
	return average{poolWindow(in, graph.Shape{in[0], 1, 1}, [2]int{in[1], in[2]}, [2]int{1, 1}, [4]int{}), false}
}

// bounds are the input rows and columns that the window of an output pixel covers.
func bounds(w kernel.Window, y, x int) (top, bottom, left, right int) {
	top, left = y*w.Stride[0]-w.Top, x*w.Stride[1]-w.Left
	bottom, right = min(top+w.Kernel[0], w.InH), min(left+w.Kernel[1], w.InW)
	return max(top, 0), bottom, max(left, 0), right
}

// count is the divisor of a mean over a window with the given bounds.
func (a average) count(top, bottom, left, right int) int {
	if a.countPadding {
		return a.Kernel[0] * a.Kernel[1]
	}
	return (bottom - top) * (right - left)
}

func maxPool[T float32 | uint8](w kernel.Window, stride int, out, in []T) {
	for y := range w.OutH {
		for x := range w.OutW {
			at := (1 + y*w.OutW + x) * stride
			dst := out[at : at+stride]
			top, bottom, left, right := bounds(w, y, x)
			first := true
			for row := top; row < bottom; row++ {
				for col := left; col < right; col++ {
					at := (1 + row*w.InW + col) * stride
					src := in[at : at+stride][:len(dst)]
					if first {
						copy(dst, src)
						first = false
						continue
					}
					for c, v := range src {
						if v > dst[c] {
							dst[c] = v
						}
					}
				}
			}
		}
	}
}

func averageFloat(a average, stride int, out, in []float32) {
	for y := range a.OutH {
		for x := range a.OutW {
			at := (1 + y*a.OutW + x) * stride
			dst := out[at : at+stride]
			top, bottom, left, right := bounds(a.Window, y, x)
			clear(dst)
			for row := top; row < bottom; row++ {
				for col := left; col < right; col++ {
					at := (1 + row*a.InW + col) * stride
					src := in[at : at+stride][:len(dst)]
					for c, v := range src {
						dst[c] += v
					}
				}
			}
			factor := 1 / float32(a.count(top, bottom, left, right))
			for c := range dst {
				dst[c] *= factor
			}
		}
	}
}

// averageToFloat and averageToUint8 average quantized tensors. Padding counts as
// real zeros.
func averageToFloat(a average, stride int, out []float32, in []uint8, sums []int32, scale float32, zero uint8) {
	a.each(stride, in, sums[:stride], zero, func(at, count int) {
		factor := float32(float64(scale) / float64(count))
		dst := out[at : at+stride]
		for c, s := range sums[:len(dst)] {
			dst[c] = float32(s) * factor
		}
	})
}

func averageToUint8(a average, stride int, out, in []uint8, sums []int32, scale float32, zero uint8, to graph.Quant) {
	limit := float64(to.Max())
	a.each(stride, in, sums[:stride], zero, func(at, count int) {
		factor := float64(scale) / (float64(count) * float64(to.Scale))
		dst := out[at : at+stride]
		for c, s := range sums[:len(dst)] {
			dst[c] = uint8(min(max(math.RoundToEven(float64(s)*factor)+float64(to.Zero), 0), limit))
		}
	})
}

// each sums q−zero over the window of every output pixel and hands over the pixel's
// position in the output and the divisor of the mean.
func (a average) each(stride int, in []uint8, sums []int32, zero uint8, end func(at, count int)) {
	for y := range a.OutH {
		for x := range a.OutW {
			top, bottom, left, right := bounds(a.Window, y, x)
			offset := int32((bottom-top)*(right-left)) * int32(zero)
			for c := range sums {
				sums[c] = -offset
			}
			for row := top; row < bottom; row++ {
				for col := left; col < right; col++ {
					at := (1 + row*a.InW + col) * stride
					src := in[at : at+stride][:len(sums)]
					for c, v := range src {
						sums[c] += int32(v)
					}
				}
			}
			end((1+y*a.OutW+x)*stride, a.count(top, bottom, left, right))
		}
	}
}
