package graph

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Relu is max(x, 0).
type Relu struct{}

func (Relu) Kind() string                              { return "Relu" }
func (Relu) OutputShape(inputs []Shape) (Shape, error) { return one(inputs) }
func (Relu) Locality() Locality                        { return Elementwise }
func (Relu) Limits() (low, high float32)               { return 0, float32(math.Inf(1)) }
func (Relu) validate() error                           { return nil }
func (Relu) code() uint64                              { return codeRelu }
func (Relu) encode(*encoder)                           {}

// Clip limits x to [Min, Max].
type Clip struct{ Min, Max float32 }

func (Clip) Kind() string                              { return "Clip" }
func (Clip) OutputShape(inputs []Shape) (Shape, error) { return one(inputs) }
func (Clip) Locality() Locality                        { return Elementwise }
func (c Clip) Limits() (low, high float32)             { return c.Min, c.Max }
func (Clip) code() uint64                              { return codeClip }
func (c Clip) encode(e *encoder)                       { e.float(c.Min, c.Max) }

func (c Clip) validate() error {
	if !(c.Min <= c.Max) {
		return fmt.Errorf("limits %g and %g are not in order", c.Min, c.Max)
	}
	return nil
}

// Quantize leaves the numbers as they are; its output value's Quant rounds them. It
// stands where a tensor is needed in another precision than its producer gives.
type Quantize struct{}

func (Quantize) Kind() string                              { return "QuantizeLinear" }
func (Quantize) OutputShape(inputs []Shape) (Shape, error) { return one(inputs) }
func (Quantize) Locality() Locality                        { return Elementwise }
func (Quantize) validate() error                           { return nil }
func (Quantize) code() uint64                              { return codeQuantize }
func (Quantize) encode(*encoder)                           {}

// Add sums two tensors of one shape.
type Add struct{}

func (Add) Kind() string       { return "Add" }
func (Add) Locality() Locality { return Elementwise }
func (Add) validate() error    { return nil }
func (Add) code() uint64       { return codeAdd }
func (Add) encode(*encoder)    {}

func (Add) OutputShape(inputs []Shape) (Shape, error) {
	if len(inputs) != 2 {
		return nil, fmt.Errorf("has %d inputs, wants 2", len(inputs))
	}
	if !slices.Equal(inputs[0], inputs[1]) {
		return nil, fmt.Errorf("inputs are %v and %v, which differ", inputs[0], inputs[1])
	}
	return inputs[0], nil
}

// Binary combines two tensors element by element. Where one's dimension is 1 and the other's is not, the one is
// repeated: a gate [C,1,1] scales the channels of an image [C,H,W]. The sum of tensors of one shape is Add,
// which can be computed as part of the operator before.
type Binary struct{ Operator Operator }

// Operator is what a Binary computes. The numbers are those of serialized graphs.
type Operator int

const (
	Plus Operator = 1 + iota
	Minus
	Times
	Over
)

var operatorNames = [...]string{Plus: "Add", Minus: "Sub", Times: "Mul", Over: "Div"}

// Kind is the operator's ONNX name.
func (b Binary) Kind() string {
	if b.Operator < 1 || int(b.Operator) >= len(operatorNames) {
		return fmt.Sprintf("operator %d", int(b.Operator))
	}
	return operatorNames[b.Operator]
}

func (Binary) Locality() Locality  { return Elementwise }
func (Binary) code() uint64        { return codeBinary }
func (b Binary) encode(e *encoder) { e.int(int(b.Operator)) }

func (Binary) OutputShape(inputs []Shape) (Shape, error) {
	if len(inputs) != 2 {
		return nil, fmt.Errorf("has %d inputs, wants 2", len(inputs))
	}
	a, b := inputs[0], inputs[1]
	if len(a) != len(b) {
		return nil, fmt.Errorf("inputs are %v and %v, of different rank", a, b)
	}
	out := make(Shape, len(a))
	for i := range a {
		if a[i] != b[i] && a[i] != 1 && b[i] != 1 {
			return nil, fmt.Errorf("inputs are %v and %v; a dimension that differs must be 1", a, b)
		}
		out[i] = max(a[i], b[i])
	}
	return out, nil
}

func (b Binary) validate() error {
	if b.Operator < 1 || int(b.Operator) >= len(operatorNames) {
		return errors.New("it is unknown")
	}
	return nil
}
