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
