package runtime

import (
	"galen/hw/graph"
	"galen/hw/kernel"
)

// pick is an operator that takes every scalar of its output from a listed place: Rearrange, Flatten.
type pick[T float32 | uint8] struct {
	channels, stride int
	scalars          []int32 // the place in the input for each scalar of the output, in its layout
}

func newPick[T float32 | uint8](op graph.Reshaper, in, out graph.Shape) *pick[T] {
	p := &pick[T]{channels: out[0], stride: kernel.ChannelStride(out[0])}
	order := op.Places()
	pixels, from, inStride := pixels(out), pixels(in), kernel.ChannelStride(in[0])
	p.scalars = make([]int32, pixels*out[0])
	for c := range out[0] {
		for i := range pixels {
			place := c*pixels + i
			if order != nil {
				place = order[place]
			}
			p.scalars[i*out[0]+c] = int32((1+place%from)*inStride + place/from)
		}
	}
	return p
}

func (p *pick[T]) run(out, in []T) {
	n := p.channels
	for pixel := range len(out)/p.stride - 1 {
		at := (1 + pixel) * p.stride
		dst := out[at : at+n]
		clear(out[at+n : at+p.stride])
		for c, place := range p.scalars[pixel*n : (pixel+1)*n] {
			dst[c] = in[place]
		}
	}
}
