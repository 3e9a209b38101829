package kernel

// Window is the geometry of a convolution or pooling over one image. Padding
// after the image follows from the output's size.
type Window struct {
	InH, InW, OutH, OutW     int
	Kernel, Stride, Dilation [2]int // height, width
	Top, Left                int    // padding before the image
}

// Taps is the number of positions in the window.
func (w Window) Taps() int { return w.Kernel[0] * w.Kernel[1] }

// Pixel is the index in the input buffer of the pixel that the output pixel out
// (0 ≤ out < OutH·OutW) sees at a tap; 0, the padding pixel, outside the image.
func (w Window) Pixel(out, tap int) int {
	y := out/w.OutW*w.Stride[0] + tap/w.Kernel[1]*w.Dilation[0] - w.Top
	x := out%w.OutW*w.Stride[1] + tap%w.Kernel[1]*w.Dilation[1] - w.Left
	if y < 0 || y >= w.InH || x < 0 || x >= w.InW {
		return 0
	}
	return 1 + y*w.InW + x
}

// tiling cuts the output pixels into runs of nearly equal length and remembers
// where in the input each of them looks.
type tiling struct {
	bounds  []int   // tile t is the output pixels bounds[t] to bounds[t+1]
	offsets []int32 // [tile][tap][pixel of the tile], in units given to newTiling
	taps    int
}

// newTiling makes tiles of at most size pixels; offsets count pixels times unit.
func newTiling(w Window, size, unit int) tiling {
	pixels, taps := w.OutH*w.OutW, w.Taps()
	t := tiling{
		bounds:  evenly(pixels, size),
		offsets: make([]int32, 0, pixels*taps),
		taps:    taps,
	}
	for i, first := range t.bounds[:len(t.bounds)-1] {
		for tap := range taps {
			for p := first; p < t.bounds[i+1]; p++ {
				t.offsets = append(t.offsets, int32(w.Pixel(p, tap)*unit))
			}
		}
	}
	return t
}

// evenly gives the bounds of the fewest runs of at most size that make up n,
// their lengths differing by at most one.
func evenly(n, size int) []int {
	runs := ceilDiv(n, size)
	bounds := make([]int, runs+1)
	for i := range bounds {
		bounds[i] = n * i / max(runs, 1)
	}
	return bounds
}
