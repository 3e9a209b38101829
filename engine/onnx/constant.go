package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"

	"galen/hw/graph"
)

const (
	maxElements = 1 << 28 // scalars of one tensor
	// maxFolded are the scalars that import may make of nothing, as by ConstantOfShape; beyond, it may make as
	// many as the file's initializers hold.
	maxFolded = 1 << 26
	// unpackedScalars are those that folding may make of a byte, as export packs several weights into one: an
	// index, the weights and their real numbers, integers counting twice.
	unpackedScalars = 28
)

// constant is a tensor known at import. It holds floats or, for every integer type, ints.
type constant struct {
	shape  []int
	typ    dataType // typeFloat when floats are held
	floats []float32
	ints   []int64
	// batch marks the elements of ints that stand for the batch size, whose number may be
	// unknown: shape arithmetic carries them around. Nil: none.
	batch []bool
	// levels are the integers behind floats that came out of a DequantizeLinear; nil otherwise.
	levels *levels
	// weights keeps what layerWeight made of the constant, as it is and transposed.
	weights [2]*graph.Weight
}

// levels say that a constant's floats are scale·(ints−zero), with one scale and zero per
// index of an axis, or one in all.
type levels struct {
	tensor string // the integers' name in the file
	ints   []int64
	scale  []float32
	zero   []int64
	axis   int
}

func (c *constant) len() int {
	if c.typ == typeFloat {
		return len(c.floats)
	}
	return len(c.ints)
}

// reshaped is the constant in another shape of as many elements.
func (c *constant) reshaped(shape []int) *constant {
	r := *c
	r.shape, r.levels, r.weights = shape, nil, [2]*graph.Weight{}
	return &r
}

// pick makes a constant of the elements of c at count places.
func (c *constant) pick(shape []int, count int, places iter.Seq[int]) *constant {
	r := &constant{shape: shape, typ: c.typ}
	if c.typ == typeFloat {
		r.floats = gather(c.floats, count, places)
		return r
	}
	r.ints = gather(c.ints, count, places)
	if c.batch != nil {
		r.batch = gather(c.batch, count, places)
	}
	return r
}

func gather[T any](from []T, count int, places iter.Seq[int]) []T {
	to := make([]T, 0, count)
	for p := range places {
		to = append(to, from[p])
	}
	return to
}

// integers gives an int tensor's elements, refusing any that stands for the batch size.
func (c *constant) integers() ([]int64, error) {
	if c.typ == typeFloat {
		return nil, errors.New("is float where integers are needed")
	}
	for _, b := range c.batch {
		if b {
			return nil, errors.New("depends on the batch size")
		}
	}
	return c.ints, nil
}

// real gives the elements as float32.
func (c *constant) real() ([]float32, error) {
	if c.typ == typeFloat {
		return c.floats, nil
	}
	ints, err := c.integers()
	real := make([]float32, len(ints))
	for i, v := range ints {
		real[i] = float32(v)
	}
	return real, err
}

// elements is the product of a shape's dimensions; an error if one is negative or there are
// more than maxElements.
func elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		if d > 0 && n > maxElements/d {
			return 0, fmt.Errorf("shape %v has more than %d elements", shape, maxElements)
		}
		n *= d
	}
	return n, nil
}

// constant decodes a tensor's numbers.
func (t *tensorProto) constant() (*constant, error) {
	if t.external {
		return nil, errors.New("its data lies in another file; save the model with its weights inside (onnx.save_model with save_as_external_data=False)")
	}
	shape := make([]int, len(t.dims))
	for i, d := range t.dims {
		if d < 0 || d > maxElements {
			return nil, fmt.Errorf("dimension %d is %d", i, d)
		}
		shape[i] = int(d)
	}
	n, err := elements(shape)
	if err != nil {
		return nil, err
	}
	c := &constant{shape: shape, typ: t.typ}
	switch t.typ {
	case typeFloat, typeDouble, typeFloat16:
		c.typ = typeFloat
		c.floats, err = t.decodeFloats()
	case typeUint8, typeInt8, typeUint16, typeInt16, typeInt32, typeInt64, typeBool, typeUint32, typeUint64:
		c.ints, err = t.decodeInts()
	default:
		return nil, fmt.Errorf("holds %s, which galen does not read", t.typ)
	}
	if err == nil && c.len() != n {
		err = fmt.Errorf("has %d elements, its shape %v wants %d", c.len(), shape, n)
	}
	return c, err
}

func (t dataType) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("data type %d", int32(t))
}

func (t *tensorProto) decodeFloats() ([]float32, error) {
	data := t.raw
	if data == nil {
		switch t.typ {
		case typeFloat:
			data = t.floats
		case typeDouble:
			data = t.doubles
		case typeFloat16:
			for _, v := range t.ints {
				data = binary.LittleEndian.AppendUint16(data, uint16(v))
			}
		}
	}
	size := map[dataType]int{typeFloat: 4, typeDouble: 8, typeFloat16: 2}[t.typ]
	if len(data)%size != 0 {
		return nil, fmt.Errorf("has %d bytes of %s", len(data), t.typ)
	}
	if t.typ == typeFloat {
		return floats32(data), nil
	}
	floats := make([]float32, len(data)/size)
	for i := range floats {
		if t.typ == typeDouble {
			floats[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:])))
		} else {
			floats[i] = half(binary.LittleEndian.Uint16(data[2*i:]))
		}
	}
	return floats, nil
}

// floats32 decodes little-endian float32 numbers; bytes left over are dropped.
func floats32(data []byte) []float32 {
	floats := make([]float32, len(data)/4)
	for i := range floats {
		floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return floats
}

// half converts an IEEE 754 binary16 number.
func half(h uint16) float32 {
	sign, exponent, fraction := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch {
	case exponent == 31 && fraction == 0:
		return float32(math.Inf(int(sign)))
	case exponent == 31:
		return float32(math.NaN())
	case exponent == 0:
		return float32(sign * math.Ldexp(fraction, -24))
	}
	return float32(sign * math.Ldexp(1024+fraction, exponent-25))
}

func (t *tensorProto) decodeInts() ([]int64, error) {
	if t.raw == nil {
		return t.ints, t.checkRange()
	}
	var size int
	var decode func([]byte) int64
	switch t.typ {
	case typeUint8, typeBool:
		size, decode = 1, func(b []byte) int64 { return int64(b[0]) }
	case typeInt8:
		size, decode = 1, func(b []byte) int64 { return int64(int8(b[0])) }
	case typeUint16:
		size, decode = 2, func(b []byte) int64 { return int64(binary.LittleEndian.Uint16(b)) }
	case typeInt16:
		size, decode = 2, func(b []byte) int64 { return int64(int16(binary.LittleEndian.Uint16(b))) }
	case typeInt32:
		size, decode = 4, func(b []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(b))) }
	case typeUint32:
		size, decode = 4, func(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) }
	default:
		size, decode = 8, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }
	}
	if len(t.raw)%size != 0 {
		return nil, fmt.Errorf("has %d bytes of %s", len(t.raw), t.typ)
	}
	ints := make([]int64, len(t.raw)/size)
	for i := range ints {
		ints[i] = decode(t.raw[i*size:])
	}
	return ints, nil
}

// checkRange refuses list elements that the tensor's narrower type cannot hold.
func (t *tensorProto) checkRange() error {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	switch t.typ {
	case typeUint8:
		low, high = 0, math.MaxUint8
	case typeInt8:
		low, high = math.MinInt8, math.MaxInt8
	case typeBool:
		low, high = 0, 1
	}
	for _, v := range t.ints {
		if v < low || v > high {
			return fmt.Errorf("holds %d as %s", v, t.typ)
		}
	}
	return nil
}
