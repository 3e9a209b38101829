package graph

import "fmt"

// Activation applies a function to every element. Relu and Clip are operators of their own,
// because they can be computed as part of the operator before.
type Activation struct {
	Function    Function
	Alpha, Beta float32 // of the functions that have them, 0 for others
}

// Function is what an Activation computes. The numbers are those of serialized graphs.
type Function int

const (
	LeakyRelu   Function = 1 + iota // x, but Alpha·x below 0
	Elu                             // x, but Alpha·(eˣ−1) below 0
	Sigmoid                         // 1/(1+e⁻ˣ)
	HardSigmoid                     // Alpha·x+Beta, limited to [0, 1]
	HardSwish                       // x·(x/6+½ limited to [0, 1])
	Silu                            // x/(1+e⁻ˣ)
	Tanh
	Softplus // ln(1+eˣ)
	Softsign // x/(1+|x|)
	Exp
	Log
	Sqrt
	Abs
	Neg
	Reciprocal // 1/x
)

var functionNames = [...]string{
	LeakyRelu: "LeakyRelu", Elu: "Elu", Sigmoid: "Sigmoid", HardSigmoid: "HardSigmoid", HardSwish: "HardSwish",
	Silu: "Silu", Tanh: "Tanh", Softplus: "Softplus", Softsign: "Softsign", Exp: "Exp", Log: "Log", Sqrt: "Sqrt",
	Abs: "Abs", Neg: "Neg", Reciprocal: "Reciprocal",
}

// String is the function's ONNX name; Silu has none in the opsets in use.
func (f Function) String() string {
	if f < 1 || int(f) >= len(functionNames) {
		return fmt.Sprintf("function %d", int(f))
	}
	return functionNames[f]
}

// PRelu is x, but Slope·x below 0, with a slope per channel.
type PRelu struct{ Slope []float32 }

func (a Activation) Kind() string { return a.Function.String() }
func (*PRelu) Kind() string       { return "PRelu" }

func (Activation) OutputShape(inputs []Shape) (Shape, error) { return one(inputs) }

func (p *PRelu) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err == nil && len(p.Slope) != in[0] {
		err = fmt.Errorf("%d slopes for %d channels", len(p.Slope), in[0])
	}
	return in, err
}
