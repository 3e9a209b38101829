package graph

import "fmt"

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
