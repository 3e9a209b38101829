package graph

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// A serialized graph is the magic, a version, the length of the rest, and the
// rest: strings and lists with their length in front, integers as varints, floats as
// four bytes, everything little-endian. Solutions kept on disk are named by hashes of it, so
// that what is written for a graph stays as it is.
const (
	serialMagic   = "galen/gr"
	serialVersion = 1
)

// The numbers of the operators in serialized graphs are never reused. Poolings and Softmax have a
// second one, for what they could not express at first.
const (
	codeConv uint64 = iota + 1
	codeGemm
	codeBatchNorm
	codeRelu
	codeClip
	codeAdd
	codeMaxPool
	codeAveragePool
	codeGlobalAveragePool
	codeSlice
	codePad
	codeConcat
	codeFlatten
	codeSoftmax
	codeQuantize
	codeDilatedMaxPool
	codeDilatedAveragePool // or with padding that does not count
	codeAxisSoftmax        // over any axis, perhaps its logarithm
	codeActivation
	codePRelu
	codeBinary
	codeGather
	codeRearrange
	codeLRN
)

func opCode(op Op) uint64 {
	switch op := op.(type) {
	case *Conv:
		return codeConv
	case *Gemm:
		return codeGemm
	case *BatchNorm:
		return codeBatchNorm
	case Relu:
		return codeRelu
	case Clip:
		return codeClip
	case Add:
		return codeAdd
	case MaxPool:
		if op.Dilation != [2]int{} {
			return codeDilatedMaxPool
		}
		return codeMaxPool
	case AveragePool:
		if op.Dilation != [2]int{} || op.Uncounted != [2]int{} {
			return codeDilatedAveragePool
		}
		return codeAveragePool
	case GlobalAveragePool:
		return codeGlobalAveragePool
	case *Slice:
		return codeSlice
	case *Pad:
		return codePad
	case Concat:
		return codeConcat
	case Flatten:
		return codeFlatten
	case Softmax:
		if op != (Softmax{}) {
			return codeAxisSoftmax
		}
		return codeSoftmax
	case Quantize:
		return codeQuantize
	case Activation:
		return codeActivation
	case *PRelu:
		return codePRelu
	case Binary:
		return codeBinary
	case *Gather:
		return codeGather
	case *Rearrange:
		return codeRearrange
	case LRN:
		return codeLRN
	}
	return 0
}

// Write serializes a graph, which must be valid: equal graphs to equal bytes, different ones to different
// bytes.
func Write(w io.Writer, g *Graph) error {
	if err := g.Validate(); err != nil {
		return fmt.Errorf("write graph %q: %w", g.Name, err)
	}
	var e encoder
	e.bytes = append(e.bytes, serialMagic...)
	e.bytes = binary.LittleEndian.AppendUint32(e.bytes, serialVersion)
	e.bytes = binary.LittleEndian.AppendUint64(e.bytes, 0)
	header := len(e.bytes)
	e.graph(g)
	binary.LittleEndian.PutUint64(e.bytes[header-8:], uint64(len(e.bytes)-header))
	if _, err := w.Write(e.bytes); err != nil {
		return fmt.Errorf("write graph %q: %w", g.Name, err)
	}
	return nil
}

type encoder struct{ bytes []byte }

func (e *encoder) int(v ...int) {
	for _, v := range v {
		e.bytes = binary.AppendUvarint(e.bytes, uint64(v))
	}
}

func (e *encoder) ints(v []int) {
	e.int(len(v))
	e.int(v...)
}

func (e *encoder) string(s string) {
	e.int(len(s))
	e.bytes = append(e.bytes, s...)
}

func (e *encoder) bool(b bool) {
	if b {
		e.int(1)
	} else {
		e.int(0)
	}
}

func (e *encoder) float(v ...float32) {
	for _, v := range v {
		e.bytes = binary.LittleEndian.AppendUint32(e.bytes, math.Float32bits(v))
	}
}

// floats keeps nil and empty apart: the length is off by one.
func (e *encoder) floats(v []float32) {
	if v == nil {
		e.int(0)
		return
	}
	e.int(len(v) + 1)
	e.float(v...)
}

func (e *encoder) graph(g *Graph) {
	e.string(g.Name)
	e.int(int(g.Input), int(g.Output), len(g.Values))
	for _, v := range g.Values {
		e.string(v.Name)
		e.ints(v.Shape)
		e.bool(v.Quant != nil)
		if q := v.Quant; q != nil {
			e.float(q.Scale)
			e.int(int(q.Zero), q.Bits)
		}
	}
	e.int(len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		e.string(n.Name)
		e.int(int(n.Output), len(n.Inputs))
		for _, in := range n.Inputs {
			e.int(int(in))
		}
		e.bytes = binary.AppendUvarint(e.bytes, opCode(n.Op))
		e.op(n.Op)
	}
}

func (e *encoder) op(op Op) {
	switch op := op.(type) {
	case *Conv:
		e.int(op.Kernel[:]...)
		e.int(op.Stride[:]...)
		e.int(op.Dilation[:]...)
		e.int(op.Pad[:]...)
		e.int(op.Groups)
		e.weight(&op.Weight)
		e.floats(op.Bias)
	case *Gemm:
		e.weight(&op.Weight)
		e.floats(op.Bias)
	case *BatchNorm:
		for _, list := range [][]float32{op.Scale, op.Shift, op.Mean, op.Variance} {
			e.floats(list)
		}
		e.float(op.Epsilon)
	case Clip:
		e.float(op.Min, op.Max)
	case MaxPool:
		e.int(op.Kernel[:]...)
		e.int(op.Stride[:]...)
		e.int(op.Pad[:]...)
		if opCode(op) == codeDilatedMaxPool {
			e.int(op.Dilation[:]...)
		}
	case AveragePool:
		e.int(op.Kernel[:]...)
		e.int(op.Stride[:]...)
		e.int(op.Pad[:]...)
		e.bool(op.CountIncludePad)
		if opCode(op) == codeDilatedAveragePool {
			e.int(op.Dilation[:]...)
			e.int(op.Uncounted[:]...)
		}
	case Softmax:
		if opCode(op) == codeAxisSoftmax {
			e.int(op.Axis)
			e.bool(op.Log)
		}
	case Activation:
		e.int(int(op.Function))
		e.float(op.Alpha, op.Beta)
	case *PRelu:
		e.floats(op.Slope)
	case Binary:
		e.int(int(op.Operator))
	case *Gather:
		e.int(op.Axis)
		e.ints(op.Index)
	case *Rearrange:
		e.ints(op.Shape)
		e.bool(op.Order != nil)
		if op.Order != nil {
			e.ints(op.Order)
		}
	case LRN:
		e.int(op.Size)
		e.float(op.Alpha, op.Beta, op.Bias)
	case *Slice:
		e.ints(op.Start)
		e.ints(op.End)
		e.ints(op.Step)
	case *Pad:
		e.ints(op.Before)
		e.ints(op.After)
		e.float(op.Value)
	case Concat:
		e.int(op.Axis)
	}
}

func (e *encoder) weight(w *Weight) {
	e.ints(w.Shape)
	e.floats(w.Float)
	e.int(w.Bits, len(w.Int))
	for _, q := range w.Int {
		e.bytes = append(e.bytes, byte(q))
	}
	e.floats(w.Scale)
}
