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
		e.bytes = binary.AppendUvarint(e.bytes, n.Op.code())
		n.Op.encode(e)
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
