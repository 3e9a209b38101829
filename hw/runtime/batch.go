package runtime

import (
	"slices"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// Batch holds a tensor's float values for several images, in kernel layout: a padding
// pixel of zeros, then the pixels, each with its channels in Stride lanes.
type Batch struct {
	N        int
	Shape    graph.Shape // per image
	Channels int         // features of a vector
	Pixels   int         // 1 for vectors
	Stride   int         // lanes per pixel, at least Channels
	Images   [][]float32 // (1+Pixels)·Stride scalars each
}

// bytes is how much memory the images take.
func (b *Batch) bytes() int {
	if b.N == 0 {
		return 0
	}
	return 4 * b.N * len(b.Images[0])
}

// NewBatch returns a batch of zeros.
func NewBatch(shape graph.Shape, n int) *Batch {
	s := newSlot(shape, nil)
	b := &Batch{N: n, Shape: slices.Clone(shape), Channels: shape[0], Pixels: s.pixels, Stride: s.stride}
	size := s.size()
	all := kernel.Floats(n * size)
	b.Images = make([][]float32, n)
	for i := range b.Images {
		b.Images[i] = all[i*size : (i+1)*size : (i+1)*size]
	}
	return b
}

// Pixel is the channels of pixel p (0 ≤ p < Pixels) of image i; the caller may write to it.
func (b *Batch) Pixel(i, p int) []float32 {
	at := (1 + p) * b.Stride
	return b.Images[i][at : at+b.Channels]
}

// Outputs are the values of all images in ONNX layout, one image after the other.
func (b *Batch) Outputs() []float32 {
	n := b.Channels * b.Pixels
	out := make([]float32, b.N*n)
	for i, image := range b.Images {
		fromPixels(out[i*n:(i+1)*n], image, b.Channels, b.Stride)
	}
	return out
}
