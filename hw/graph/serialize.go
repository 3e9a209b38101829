package graph

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// A serialized graph is the magic, a version, the length of the rest, and the
// rest: strings and lists with their length in front, integers as varints, floats as
// four bytes, everything little-endian.
const (
	serialMagic   = "galen/gr"
	serialVersion = 1
	maxSerialized = 1 << 31
)

// opCode numbers the operators in serialized graphs; numbers are never reused. Poolings and Softmax have a
// second one, for what they could not express at first.
func opCode(op Op) uint64 {
	switch op := op.(type) {
	case *Conv:
		return 1
	case *Gemm:
		return 2
	case *BatchNorm:
		return 3
	case Relu:
		return 4
	case Clip:
		return 5
	case Add:
		return 6
	case MaxPool:
		if op.Dilation != [2]int{} {
			return 16
		}
		return 7
	case AveragePool:
		if op.Dilation != [2]int{} || op.Uncounted != [2]int{} {
			return 17
		}
		return 8
	case GlobalAveragePool:
		return 9
	case *Slice:
		return 10
	case *Pad:
		return 11
	case Concat:
		return 12
	case Flatten:
		return 13
	case Softmax:
		if op != (Softmax{}) {
			return 18
		}
		return 14
	case Quantize:
		return 15
	case Activation:
		return 19
	case *PRelu:
		return 20
	case Binary:
		return 21
	case *Gather:
		return 22
	case *Rearrange:
		return 23
	case LRN:
		return 24
	}
	return 0
}

// Write serializes a graph, which must be valid, so that Read gives an equal one.
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
	length := len(e.bytes) - header
	if length > maxSerialized {
		return fmt.Errorf("write graph %q: %d MiB are more than %d", g.Name, length>>20, maxSerialized>>20)
	}
	binary.LittleEndian.PutUint64(e.bytes[header-8:], uint64(length))
	if _, err := w.Write(e.bytes); err != nil {
		return fmt.Errorf("write graph %q: %w", g.Name, err)
	}
	return nil
}

// Read reads what Write wrote, no byte further, and validates it. The source need not be
// trusted: a broken one is an error, and no more is allocated than was read, up to a
// small factor.
func Read(r io.Reader) (*Graph, error) {
	header := make([]byte, len(serialMagic)+12)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, fmt.Errorf("read graph: %w", err)
	}
	if string(header[:len(serialMagic)]) != serialMagic {
		return nil, errors.New("read graph: this is not a serialized graph")
	}
	if v := binary.LittleEndian.Uint32(header[len(serialMagic):]); v != serialVersion {
		return nil, fmt.Errorf("read graph: version %d, but this galen reads %d; use the same galen at both ends", v, serialVersion)
	}
	length := binary.LittleEndian.Uint64(header[len(serialMagic)+4:])
	if length > maxSerialized {
		return nil, fmt.Errorf("read graph: %d bytes are more than %d", length, maxSerialized)
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(length)))
	if err == nil && uint64(len(data)) != length {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("read graph: %w", err)
	}
	return decode(data)
}

func decode(data []byte) (*Graph, error) {
	d := decoder{rest: data}
	g := d.graph()
	if d.err == nil && len(d.rest) != 0 {
		d.err = fmt.Errorf("%d bytes too many", len(d.rest))
	}
	if d.err != nil {
		return nil, fmt.Errorf("read graph: %w", d.err)
	}
	if err := g.Validate(); err != nil {
		return nil, fmt.Errorf("read graph %q: %w", g.Name, err)
	}
	return g, nil
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
		if opCode(op) == 16 {
			e.int(op.Dilation[:]...)
		}
	case AveragePool:
		e.int(op.Kernel[:]...)
		e.int(op.Stride[:]...)
		e.int(op.Pad[:]...)
		e.bool(op.CountIncludePad)
		if opCode(op) == 17 {
			e.int(op.Dilation[:]...)
			e.int(op.Uncounted[:]...)
		}
	case Softmax:
		if opCode(op) == 18 {
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

// decoder consumes serialized data; after the first error everything reads as zero.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err, d.rest = err, nil
	}
}

// take is the next n bytes; nil if there are not so many.
func (d *decoder) take(n int) []byte {
	if d.err != nil || n > len(d.rest) {
		d.fail(io.ErrUnexpectedEOF)
		return nil
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) int() int {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || v > maxSerialized {
		d.fail(errors.New("a number is cut off or too large"))
		return 0
	}
	d.rest = d.rest[n:]
	return int(v)
}

func (d *decoder) array(into []int) {
	for i := range into {
		into[i] = d.int()
	}
}

// count is a list's length; each element takes at least so many bytes.
func (d *decoder) count(bytes int) int {
	n := d.int()
	if n > len(d.rest)/bytes {
		d.fail(io.ErrUnexpectedEOF)
		return 0
	}
	return n
}

func (d *decoder) ints() []int {
	list := make([]int, d.count(1))
	d.array(list)
	return list
}

func (d *decoder) string() string { return string(d.take(d.count(1))) }

func (d *decoder) bool() bool { return d.int() == 1 }

func (d *decoder) float() float32 {
	if b := d.take(4); b != nil {
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	}
	return 0
}

func (d *decoder) floats() []float32 {
	n := d.int()
	if n == 0 {
		return nil
	}
	n--
	if n > len(d.rest)/4 {
		d.fail(io.ErrUnexpectedEOF)
		return nil
	}
	data := d.take(4 * n)
	list := make([]float32, n)
	for i := range list {
		list[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return list
}

func (d *decoder) graph() *Graph {
	g := &Graph{Name: d.string(), Input: ValueID(d.int()), Output: ValueID(d.int())}
	for range d.count(3) {
		v := Value{Name: d.string(), Shape: d.ints()}
		if d.bool() {
			v.Quant = &Quant{Scale: d.float()}
			zero := d.int()
			if zero > math.MaxUint8 {
				d.fail(fmt.Errorf("zero point %d", zero))
			}
			v.Quant.Zero, v.Quant.Bits = uint8(zero), d.int()
		}
		if d.err != nil {
			return g
		}
		g.Values = append(g.Values, v)
	}
	for range d.count(4) {
		n := Node{Name: d.string(), Output: ValueID(d.int())}
		for range d.count(1) {
			n.Inputs = append(n.Inputs, ValueID(d.int()))
		}
		n.Op = d.op()
		if d.err != nil {
			return g
		}
		g.Nodes = append(g.Nodes, n)
	}
	return g
}

func (d *decoder) op() Op {
	switch code := d.int(); code {
	case 1:
		op := &Conv{}
		d.array(op.Kernel[:])
		d.array(op.Stride[:])
		d.array(op.Dilation[:])
		d.array(op.Pad[:])
		op.Groups = d.int()
		op.Weight, op.Bias = d.weight(), d.floats()
		return op
	case 2:
		return &Gemm{Weight: d.weight(), Bias: d.floats()}
	case 3:
		return &BatchNorm{Scale: d.floats(), Shift: d.floats(), Mean: d.floats(), Variance: d.floats(), Epsilon: d.float()}
	case 4:
		return Relu{}
	case 5:
		return Clip{Min: d.float(), Max: d.float()}
	case 6:
		return Add{}
	case 7, 16:
		var op MaxPool
		d.array(op.Kernel[:])
		d.array(op.Stride[:])
		d.array(op.Pad[:])
		if code == 16 {
			d.array(op.Dilation[:])
		}
		return op
	case 8, 17:
		var op AveragePool
		d.array(op.Kernel[:])
		d.array(op.Stride[:])
		d.array(op.Pad[:])
		op.CountIncludePad = d.bool()
		if code == 17 {
			d.array(op.Dilation[:])
			d.array(op.Uncounted[:])
		}
		return op
	case 9:
		return GlobalAveragePool{}
	case 10:
		return &Slice{Start: d.ints(), End: d.ints(), Step: d.ints()}
	case 11:
		return &Pad{Before: d.ints(), After: d.ints(), Value: d.float()}
	case 12:
		return Concat{Axis: d.int()}
	case 13:
		return Flatten{}
	case 14:
		return Softmax{}
	case 15:
		return Quantize{}
	case 18:
		return Softmax{Axis: d.int(), Log: d.bool()}
	case 19:
		return Activation{Function: Function(d.int()), Alpha: d.float(), Beta: d.float()}
	case 20:
		return &PRelu{Slope: d.floats()}
	case 21:
		return Binary{Operator: Operator(d.int())}
	case 22:
		return &Gather{Axis: d.int(), Index: d.ints()}
	case 23:
		op := &Rearrange{Shape: d.ints()}
		if d.bool() {
			op.Order = d.ints()
		}
		return op
	case 24:
		return LRN{Size: d.int(), Alpha: d.float(), Beta: d.float(), Bias: d.float()}
	default:
		d.fail(fmt.Errorf("operator %d is unknown", code))
		return nil
	}
}

func (d *decoder) weight() Weight {
	w := Weight{Shape: d.ints(), Float: d.floats(), Bits: d.int()}
	if n := d.count(1); n > 0 {
		data := d.take(n)
		w.Int = make([]int8, len(data))
		for i, b := range data {
			w.Int[i] = int8(b)
		}
	}
	w.Scale = d.floats()
	return w
}
