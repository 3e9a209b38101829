package kernel

import "fmt"

// Shape is the geometry of a convolution over one image: a window that passes over all of it, and the channels
// before and behind. Weights are OIHW with I = InC/Groups.
type Shape struct {
	Window
	InC, OutC int // channels
	Groups    int // of channels, each convolved by itself
	InStride  int // scalars from pixel to pixel of the input; 0: ChannelStride(InC). See [FloatPlan.TakesNarrowPixels]
}

// Weights is the number of weights.
func (s Shape) Weights() int { return s.OutC * (s.InC / s.Groups) * s.Taps() }

// Depthwise tells whether each channel is convolved alone.
func (s Shape) Depthwise() bool { return s.Groups > 1 && s.Groups == s.InC && s.Groups == s.OutC }

// inStride and outStride are the scalars from pixel to pixel.
func (s Shape) inStride() int {
	if s.InStride > 0 {
		return s.InStride
	}
	return ChannelStride(s.InC)
}

func (s Shape) outStride() int { return ChannelStride(s.OutC) }

// inputSize and outputSize are the scalars of an image, its padding pixel included.
func (s Shape) inputSize() int  { return (1 + s.InH*s.InW) * s.inStride() }
func (s Shape) outputSize() int { return (1 + s.OutH*s.OutW) * s.outStride() }

// check panics if there is no such convolution; whoever plans one has validated the network.
func (s Shape) check() {
	window := min(s.Kernel[0], s.Kernel[1], s.Stride[0], s.Stride[1], s.Dilation[0], s.Dilation[1])
	least := min(window, s.InH, s.InW, s.OutH, s.OutW, s.InC, s.OutC, s.Groups)
	if least < 1 || s.InC%s.Groups != 0 || s.OutC%s.Groups != 0 || s.inStride() < s.InC || s.InStride%4 != 0 {
		panic(fmt.Sprintf("kernel: no convolution has the shape %+v", s))
	}
}

// checkStride panics unless the input has whole vectors of channels.
func (s Shape) checkStride() {
	if s.inStride() != ChannelStride(s.InC) {
		panic(fmt.Sprintf("kernel: a convolution that takes no narrow pixels has the shape %+v", s))
	}
}
