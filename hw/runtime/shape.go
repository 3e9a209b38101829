package runtime

import (
	"galen/hw/graph"
	"galen/hw/kernel"
)

// LayerShape is a Conv or Gemm as a convolution: a Gemm is one of 1×1 over a single pixel.
func LayerShape(op graph.Op, in, out graph.Shape) kernel.Shape {
	if conv, ok := op.(*graph.Conv); ok {
		return kernel.Shape{
			Window: NewWindow(in, out, conv.Kernel, conv.Stride, conv.Dilation, conv.Pad),
			InC:    in[0], OutC: out[0], Groups: conv.Groups,
		}
	}
	one := [2]int{1, 1}
	pixel := kernel.Window{InH: 1, InW: 1, OutH: 1, OutW: 1, Kernel: one, Stride: one, Dilation: one}
	return kernel.Shape{Window: pixel, InC: in[0], OutC: out[0], Groups: 1}
}

// NewWindow is the window of a convolution or pooling from one image to another. Pads are top, left, bottom and
// right; strides and dilations of 0 are 1.
func NewWindow(in, out graph.Shape, size, stride, dilation [2]int, pad [4]int) kernel.Window {
	return kernel.Window{
		InH: in[1], InW: in[2], OutH: out[1], OutW: out[2],
		Kernel: size, Stride: stride, Dilation: graph.Spread(dilation), Top: pad[0], Left: pad[1],
	}
}
