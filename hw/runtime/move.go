package runtime

import (
	"galen/hw/graph"
	"galen/hw/kernel"
)

// move is an operator that only moves scalars: Slice, Pad, Concat, Flatten.
type move[T float32 | uint8] struct {
	stride, channels int  // of the output
	fill             T    // what surrounds the parts
	surrounded       bool // whether anything does
	parts            []part[T]
}

// part says where one input goes. A row, column or channel i of what is taken is
// from+i·step in the input and to+i in the output.
type part[T float32 | uint8] struct {
	rows, cols, channels axis
	inWidth, outWidth    int
	stride               int     // of the input
	table                *[256]T // applied to integers; nil: none
	flatten              bool    // the pixels of each channel become channels
}

type axis struct{ count, from, step, to int }

func newMove[T float32 | uint8](op graph.Op, in []graph.Shape, out graph.Shape) *move[T] {
	m := &move[T]{stride: kernel.ChannelStride(out[0]), channels: out[0]}
	joined := 0
	for _, shape := range in {
		p := part[T]{stride: kernel.ChannelStride(shape[0]), inWidth: 1, outWidth: 1}
		axes := [3]axis{{1, 0, 1, 0}, {1, 0, 1, 0}, {1, 0, 1, 0}}
		for i, size := range shape {
			a := axis{count: size, step: 1}
			switch op := op.(type) {
			case *graph.Slice:
				a.count, a.from, a.step = out[i], op.Start[i], op.Step[i]
			case *graph.Pad:
				a.to = op.Before[i]
				m.surrounded = true
			case graph.Concat:
				if i == op.Axis {
					a.to = joined
					joined += size
				}
			}
			axes[i] = a
		}
		p.channels, p.rows, p.cols = axes[0], axes[1], axes[2]
		if len(shape) == 3 {
			p.inWidth = shape[2]
		}
		if len(out) == 3 {
			p.outWidth = out[2]
		}
		_, p.flatten = op.(graph.Flatten)
		m.parts = append(m.parts, p)
	}
	return m
}

// prepare writes what lies outside the parts, and zeros into the lanes beyond the channels of floats.
func (m *move[T]) prepare(out []T) {
	_, integers := any(m.fill).(uint8)
	if !m.surrounded && (integers || m.channels == m.stride) {
		return
	}
	if !m.surrounded {
		for at := m.stride; at < len(out); at += m.stride {
			clear(out[at+m.channels : at+m.stride])
		}
		return
	}
	out = out[m.stride:]
	for c := range m.channels {
		out[c] = m.fill
	}
	clear(out[m.channels:m.stride])
	for done := m.stride; done < len(out); done *= 2 {
		copy(out[done:], out[:done])
	}
}

// place copies input i to where it belongs.
func (m *move[T]) place(i int, out, in []T) {
	p := &m.parts[i]
	if p.flatten {
		m.flatten(p, out, in)
		return
	}
	n := p.channels.count
	for y := range p.rows.count {
		for x := range p.cols.count {
			src := in[(1+(p.rows.from+y*p.rows.step)*p.inWidth+p.cols.from+x*p.cols.step)*p.stride+p.channels.from:]
			dst := out[(1+(p.rows.to+y)*p.outWidth+p.cols.to+x)*m.stride+p.channels.to:][:n]
			if p.channels.step == 1 {
				copy(dst, src)
			} else {
				for c := range dst {
					dst[c] = src[c*p.channels.step]
				}
			}
			p.convert(dst)
		}
	}
}

func (m *move[T]) flatten(p *part[T], out, in []T) {
	pixels := p.rows.count * p.cols.count
	dst := out[m.stride:]
	for c := range p.channels.count {
		for i := range pixels {
			dst[c*pixels+i] = in[(1+i)*p.stride+c]
		}
	}
	p.convert(dst[:m.channels])
}

// convert takes integers to another quantization.
func (p *part[T]) convert(pixel []T) {
	if p.table == nil {
		return
	}
	for i, v := range pixel {
		pixel[i] = p.table[uint8(v)]
	}
}
