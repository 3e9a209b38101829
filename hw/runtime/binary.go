package runtime

import (
	"slices"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// operand is one side of a Binary: where in its tensor the pixel at (row, column) of the output lies.
type operand struct {
	stride, rowStep, columnStep int
	repeated                    bool // one channel for all of the output's
}

func newOperand(shape, out graph.Shape) operand {
	o := operand{stride: kernel.ChannelStride(shape[0]), repeated: shape[0] == 1 && out[0] > 1}
	if len(shape) == 3 {
		if shape[1] > 1 {
			o.rowStep = shape[2]
		}
		if shape[2] > 1 {
			o.columnStep = 1
		}
	}
	return o
}

// pixel is the channels at a place of the output.
func (o operand) pixel(in []float32, row, column, channels int) []float32 {
	at := (1 + row*o.rowStep + column*o.columnStep) * o.stride
	if o.repeated {
		return in[at : at+1]
	}
	return in[at : at+channels]
}

func newBinary(isa kernel.ISA, b graph.Binary, in []graph.Shape, out graph.Shape) floatOp {
	if gated := gated(b, in, out); gated >= 0 {
		return newGate(isa, gated, out[0])
	}
	left, right := newOperand(in[0], out), newOperand(in[1], out)
	channels, stride := out[0], kernel.ChannelStride(out[0])
	rows, columns := 1, 1
	if len(out) == 3 {
		rows, columns = out[1], out[2]
	}
	return func(out []float32, in [][]float32) {
		for row := range rows {
			for column := range columns {
				at := (1 + row*columns + column) * stride
				combine(b.Operator, out[at:at+channels], left.pixel(in[0], row, column, channels), right.pixel(in[1], row, column, channels))
				clear(out[at+channels : at+stride])
			}
		}
	}
}

// gated tells which operand of a product has all pixels of the output if the other is one factor for each channel;
// −1: it is no such product.
func gated(b graph.Binary, in []graph.Shape, out graph.Shape) int {
	if b.Operator != graph.Times || len(out) != 3 {
		return -1
	}
	for i, shape := range in {
		gate := in[1-i]
		if slices.Equal(shape, out) && gate[0] == out[0] && graph.Shape(gate).Elements() == out[0] {
			return i
		}
	}
	return -1
}

// newGate multiplies the channels of a tensor, one of two operands, by the other.
func newGate(isa kernel.ISA, gated, channels int) floatOp {
	stride := kernel.ChannelStride(channels)
	none := kernel.Floats(stride)
	return func(out []float32, in [][]float32) {
		kernel.ScaleChannels(isa, out, in[gated], in[1-gated][stride:2*stride], none, negInf, posInf)
	}
}

// combine works on one pixel; an operand of one channel is the same for all.
func combine(operator graph.Operator, out, a, b []float32) {
	if len(a) < len(out) || len(b) < len(out) {
		combineOne(operator, out, a, b)
		return
	}
	a, b = a[:len(out)], b[:len(out)]
	switch operator {
	case graph.Plus:
		for i := range out {
			out[i] = a[i] + b[i]
		}
	case graph.Minus:
		for i := range out {
			out[i] = a[i] - b[i]
		}
	case graph.Times:
		for i := range out {
			out[i] = a[i] * b[i]
		}
	case graph.Over:
		for i := range out {
			out[i] = a[i] / b[i]
		}
	}
}

// combineOne has at least one operand of one channel.
func combineOne(operator graph.Operator, out, a, b []float32) {
	for i := range out {
		x, y := a[min(i, len(a)-1)], b[min(i, len(b)-1)]
		switch operator {
		case graph.Plus:
			out[i] = x + y
		case graph.Minus:
			out[i] = x - y
		case graph.Times:
			out[i] = x * y
		case graph.Over:
			out[i] = x / y
		}
	}
}
