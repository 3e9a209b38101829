package runtime

import (
	"galen/hw/graph"
	"galen/hw/kernel"
)

// pick is an operator that takes every scalar of its output from a listed place: Gather, Rearrange.
type pick[T float32 | uint8] struct {
	channels, stride, inStride int
	pixels                     []int32 // Gather: the input's pixel for each of the output; nil: the same
	lanes                      []int32 // Gather: the input's channel for each of the output; nil: the same
	scalars                    []int32 // Rearrange: the place in the input for each scalar of the output, in its layout; nil: none
}

func newPick[T float32 | uint8](op graph.Op, in, out graph.Shape) *pick[T] {
	p := &pick[T]{channels: out[0], stride: kernel.ChannelStride(out[0]), inStride: kernel.ChannelStride(in[0])}
	pixels := graph.Shape(out[1:]).Elements()
	switch op := op.(type) {
	case *graph.Gather:
		if op.Axis == 0 {
			p.lanes = make([]int32, len(op.Index))
			for i, c := range op.Index {
				p.lanes[i] = int32(c)
			}
			break
		}
		p.pixels = make([]int32, pixels)
		for i := range p.pixels {
			at := [2]int{i / out[2], i % out[2]}
			at[op.Axis-1] = op.Index[at[op.Axis-1]]
			p.pixels[i] = int32(at[0]*in[2] + at[1])
		}
	case *graph.Rearrange:
		from := graph.Shape(in[1:]).Elements()
		p.scalars = make([]int32, pixels*out[0])
		for c := range out[0] {
			for i := range pixels {
				place := c*pixels + i
				if op.Order != nil {
					place = op.Order[place]
				}
				p.scalars[i*out[0]+c] = int32((1+place%from)*p.inStride + place/from)
			}
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
		if p.scalars != nil {
			for c, place := range p.scalars[pixel*n : (pixel+1)*n] {
				dst[c] = in[place]
			}
			continue
		}
		from := at / p.stride * p.inStride
		if p.pixels != nil {
			from = (1 + int(p.pixels[pixel])) * p.inStride
		}
		src := in[from : from+p.inStride]
		if p.lanes == nil {
			copy(dst, src)
			continue
		}
		for c, lane := range p.lanes {
			dst[c] = src[lane]
		}
	}
}
