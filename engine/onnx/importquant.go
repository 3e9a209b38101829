package onnx

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"galen/hw/graph"
)

// storedTensor is what a QuantizeLinear gives: integers from low to high standing for
// scale·(q−zero). Signed integers are shifted by 128 to unsigned ones, which stand for the same numbers.
type storedTensor struct {
	scale     float32
	typ       dataType
	zero      int64
	shift     int64
	low, high int64
	inPlace   bool                 // nothing but one DequantizeLinear reads what they round
	real      map[[2]int64]*tensor // made by DequantizeLinear already, by low and high
}

// parameters reads scale (input 1) and zero point (input 2) of QuantizeLinear or DequantizeLinear. The type is
// the zero point's, 0 if that is omitted.
func (n *node) parameters(in []*constant) (scale []float32, zero []int64, typ dataType, err error) {
	if len(in) < 2 || in[1] == nil || in[1].typ != typeFloat || len(in[1].floats) == 0 || len(in[1].shape) > 1 {
		return nil, nil, 0, errors.New("scale is not a constant number or list of numbers; galen takes one per tensor or per index of an axis")
	}
	scale, zero = in[1].floats, make([]int64, len(in[1].floats))
	for _, s := range scale {
		if !(s > 0) || math.IsInf(float64(s), 1) {
			return nil, nil, 0, fmt.Errorf("scale is %g", s)
		}
	}
	if len(in) > 2 && in[2] != nil {
		typ = in[2].typ
		if in[2].len() != len(scale) || typ == typeFloat {
			return nil, nil, 0, fmt.Errorf("zero point is %s %v for %d scales", typ, in[2].shape, len(scale))
		}
		zero = in[2].ints
	}
	if n.int("block_size", 0) != 0 {
		return nil, nil, 0, errors.New("has scales per block; galen takes them per tensor or per index of an axis")
	}
	return scale, zero, typ, nil
}

// storage is the type of a QuantizeLinear's integers, by its zero point's (0: omitted), and what they lie in.
func (n *node) storage(zeroPoint dataType) (typ dataType, low, high int64, err error) {
	if typ = zeroPoint; typ == 0 {
		typ = dataType(n.int("output_dtype", int64(typeUint8)))
	}
	switch typ {
	case typeUint8:
		return typ, 0, math.MaxUint8, nil
	case typeInt8:
		return typ, math.MinInt8, math.MaxInt8, nil
	}
	return 0, 0, 0, fmt.Errorf("quantizes to %s; galen takes uint8 and int8", typ)
}

// importQuantize takes a QuantizeLinear with one scale for the tensor.
func importQuantize(m *importer, n *node) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	if t.order != nil {
		if err := m.materialize(t); err != nil {
			return err
		}
	}
	scale, zero, typ, err := m.scalarParameters(n)
	if err != nil {
		return err
	}
	typ, low, high, err := n.storage(typ)
	if err != nil {
		return err
	}
	s := &storedTensor{scale: scale, typ: typ, zero: zero - low, shift: -low, low: 0, high: high - low,
		inPlace: m.soleReader(n, 0), real: map[[2]int64]*tensor{}}
	view := *t
	view.stored = s
	m.tensors[n.outputs[0]] = &view
	return nil
}

func (m *importer) scalarParameters(n *node) (scale float32, zero int64, typ dataType, err error) {
	in := make([]*constant, len(n.inputs))
	for i := 1; i < len(in); i++ {
		if in[i], err = m.constant(n, i); err != nil {
			return 0, 0, 0, err
		}
	}
	scales, zeros, typ, err := n.parameters(in)
	if err != nil {
		return 0, 0, 0, err
	}
	if len(scales) != 1 {
		return 0, 0, 0, fmt.Errorf("has %d scales; galen takes one for a computed tensor", len(scales))
	}
	return scales[0], zeros[0], typ, nil
}

// clipStored takes a Clip of the integers between QuantizeLinear and DequantizeLinear.
func (m *importer) clipStored(n *node, t *tensor) error {
	s := *t.stored
	for i, bound := range []*int64{&s.low, &s.high} {
		c, err := m.constant(n, i+1)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		ints, err := c.integers()
		if err != nil || len(ints) != 1 {
			return fmt.Errorf("bound %d is not one integer", i+1)
		}
		v := ints[0] + s.shift
		if i == 0 {
			*bound = max(*bound, v)
		} else {
			*bound = min(*bound, v)
		}
	}
	if s.low > s.high {
		return errors.New("clips to nothing")
	}
	s.inPlace = s.inPlace && m.soleReader(n, 0)
	view := *t
	view.stored = &s
	m.tensors[n.outputs[0]] = &view
	return nil
}

// importDequantize closes a pair: the real tensor rounds to its integers.
func importDequantize(m *importer, n *node) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	s := t.stored
	if s == nil {
		return errors.New("reads a tensor that is not quantized")
	}
	scale, zero, typ, err := m.scalarParameters(n)
	if err != nil {
		return err
	}
	if typ != 0 && typ != s.typ || scale != s.scale || zero+s.shift != s.zero {
		return errors.New("its scale or zero point differs from its QuantizeLinear's")
	}
	bounds := [2]int64{s.low, s.high}
	if s.real[bounds] == nil {
		value, err := m.quantize(n, t)
		if err != nil {
			return err
		}
		s.real[bounds] = &tensor{value: value, shape: t.shape, node: n.name, name: n.outputs[0]}
	}
	m.tensors[n.outputs[0]] = s.real[bounds]
	return nil
}

// quantize gives the value behind a stored tensor its Quant, or makes another value that has it.
func (m *importer) quantize(n *node, t *tensor) (graph.ValueID, error) {
	s, g := t.stored, m.graph
	if s.zero < 0 || s.zero > math.MaxUint8 {
		return 0, fmt.Errorf("zero point %d is out of range", s.zero)
	}
	quant := &graph.Quant{Scale: s.scale, Zero: uint8(s.zero), Bits: 8}
	x, inPlace := t.value, s.inPlace
	switch bits := widthOf(s.high); {
	case s.low == 0 && bits > 0 && s.zero <= s.high:
		quant.Bits = bits
	default:
		// Rounding is monotonic, so limits on the integers are limits on the real numbers.
		clip := graph.Clip{Min: s.scale * float32(s.low-s.zero), Max: s.scale * float32(s.high-s.zero)}
		name := m.names.unique(n.outputs[0] + "_clipped")
		var err error
		if x, err = m.append(name, clip, name, x); err != nil {
			return 0, err
		}
		inPlace = true
	}
	if !inPlace || x == g.Input || g.Values[x].Quant != nil {
		var err error
		if x, err = m.append(n.name, graph.Quantize{}, n.outputs[0], x); err != nil {
			return 0, err
		}
	}
	g.Values[x].Quant = quant
	return x, nil
}

// widthOf is b where high is 2^b−1 and b is 1 to 8, else 0.
func widthOf(high int64) int {
	for b := 1; b <= 8; b++ {
		if high == 1<<b-1 {
			return b
		}
	}
	return 0
}

// foldDequantize keeps the integers beside the real numbers, for weights.
func foldDequantize(m *importer, n *node, in []*constant) (*constant, error) {
	q := in[0]
	scale, zero, _, err := n.parameters(in)
	if err != nil {
		return nil, err
	}
	if q.typ == typeFloat {
		return nil, errors.New("reads float numbers")
	}
	ints, err := q.integers()
	if err != nil {
		return nil, err
	}
	if _, err := m.take(typeFloat, q.shape); err != nil {
		return nil, err
	}
	at, of, err := n.perIndex(q.shape, len(scale))
	if err != nil {
		return nil, err
	}
	c := &constant{shape: q.shape, typ: typeFloat, floats: make([]float32, len(ints))}
	for i, v := range ints {
		c.floats[i] = float32(v-zero[of(i)]) * scale[of(i)]
	}
	c.levels = &levels{tensor: n.input(0), ints: ints, scale: scale, zero: zero, axis: at}
	if q.typ != typeInt8 {
		c.levels = nil
	}
	return c, n.err
}

func foldQuantize(m *importer, n *node, in []*constant) (*constant, error) {
	c := in[0]
	scale, zero, typ, err := n.parameters(in)
	if err != nil {
		return nil, err
	}
	typ, low, high, err := n.storage(typ)
	if err != nil {
		return nil, err
	}
	if c.typ != typeFloat {
		return nil, fmt.Errorf("reads %s", c.typ)
	}
	if _, err := m.take(typ, c.shape); err != nil {
		return nil, err
	}
	_, of, err := n.perIndex(c.shape, len(scale))
	if err != nil {
		return nil, err
	}
	q := &constant{shape: c.shape, typ: typ, ints: make([]int64, len(c.floats))}
	for i, v := range c.floats {
		level := math.RoundToEven(float64(v/scale[of(i)])) + float64(zero[of(i)])
		if math.IsNaN(level) {
			return nil, errors.New("quantizes a number that is not one (NaN)")
		}
		q.ints[i] = int64(max(float64(low), min(float64(high), level)))
	}
	return q, n.err
}

// perIndex gives the axis that scales belong to and, for each element, the scale's index.
func (n *node) perIndex(shape []int, scales int) (int, func(int) int, error) {
	if scales == 1 {
		return 0, func(int) int { return 0 }, nil
	}
	at, err := axis(n.int("axis", 1), len(shape))
	if err != nil {
		return 0, nil, err
	}
	if shape[at] != scales {
		return 0, nil, fmt.Errorf("has %d scales for axis %d of %v", scales, at, shape)
	}
	inner, _ := elements(shape[at+1:])
	return at, func(i int) int { return i / inner % scales }, nil
}

// symmetric gives the width and the scale per output channel of a quantized weight whose output
// channels lie along the given axis; 0 if the graph cannot hold its integers.
func (m *importer) symmetric(l *levels, channels, output int) (bits int, scale []float32, err error) {
	bits = 8
	if b := m.bits[l.tensor]; b != 0 {
		bits = b
	}
	if len(l.scale) > 1 && l.axis != output {
		return 0, nil, nil
	}
	for _, z := range l.zero {
		if z != 0 {
			return 0, nil, nil
		}
	}
	limit := int64(graph.WeightLimit(bits))
	for _, q := range l.ints {
		if max(q, -q) > limit || bits == 1 && q == 0 {
			if bits < 8 {
				return 0, nil, fmt.Errorf("weight %q holds %d, which is not a %d-bit number as the file's metadata says", l.tensor, q, bits)
			}
			return 0, nil, nil
		}
	}
	scale = make([]float32, channels)
	for i := range scale {
		scale[i] = l.scale[min(i, len(l.scale)-1)]
	}
	return bits, scale, nil
}

// bitsKey begins the metadata keys under which export notes the width of weights that int8 stores with
// fewer than 8 bits; the initializer's name follows.
const bitsKey = "galen.bits/"

func weightBits(metadata []Property) map[string]int {
	widths := map[string]int{}
	for _, p := range metadata {
		if name, ok := strings.CutPrefix(p.Key, bitsKey); ok {
			if b, err := strconv.Atoi(p.Value); err == nil && b >= 1 && b <= 8 {
				widths[name] = b
			}
		}
	}
	return widths
}
