package graph

import (
	"fmt"
	"math"
)

// Function is what an Activation computes. The numbers are those of serialized graphs and never reused.
type Function int

const (
	LeakyRelu Function = 1 + iota
	Elu
	Sigmoid
	HardSigmoid
	HardSwish
	Silu
	Tanh
	Softplus
	Softsign
	Exp
	Log
	Sqrt
	Abs
	Neg
	Reciprocal
	Mish
)

// Definition is all that there is to know of a Function. A new one needs no more than its entry in definitions:
// everything else, where it has no faster or special way for a function, goes by it.
type Definition struct {
	Name        string                               // ONNX's
	Of          func(x, alpha, beta float64) float64 // what it computes
	Alpha, Beta float32                              // ONNX's values where a file gives none; 0: it has no such parameter
	Opset       int                                  // the first version of ONNX that has it in this form; 0: none in use does
	Positive    bool                                 // defined for positive numbers only
}

var definitions = [...]Definition{
	LeakyRelu:   {Name: "LeakyRelu", Opset: 6, Alpha: 0.01, Of: leakyRelu},
	Elu:         {Name: "Elu", Opset: 6, Alpha: 1, Of: elu},
	Sigmoid:     {Name: "Sigmoid", Opset: 6, Of: of(sigmoid)},
	HardSigmoid: {Name: "HardSigmoid", Opset: 6, Alpha: 0.2, Beta: 0.5, Of: hardSigmoid},
	HardSwish:   {Name: "HardSwish", Opset: 14, Of: of(func(x float64) float64 { return x * hardSigmoid(x, 1./6, 0.5) })},
	Silu:        {Name: "Silu", Of: of(func(x float64) float64 { return x * sigmoid(x) })},
	Tanh:        {Name: "Tanh", Opset: 6, Of: of(math.Tanh)},
	Softplus:    {Name: "Softplus", Opset: 1, Of: of(softplus)},
	Softsign:    {Name: "Softsign", Opset: 1, Of: of(func(x float64) float64 { return x / (1 + math.Abs(x)) })},
	Exp:         {Name: "Exp", Opset: 6, Of: of(math.Exp)},
	Log:         {Name: "Log", Opset: 6, Of: of(math.Log), Positive: true},
	Sqrt:        {Name: "Sqrt", Opset: 6, Of: of(math.Sqrt), Positive: true},
	Abs:         {Name: "Abs", Opset: 6, Of: of(math.Abs)},
	Neg:         {Name: "Neg", Opset: 6, Of: of(func(x float64) float64 { return -x })},
	Reciprocal:  {Name: "Reciprocal", Opset: 6, Of: of(func(x float64) float64 { return 1 / x }), Positive: true},
	Mish:        {Name: "Mish", Opset: 18, Of: of(func(x float64) float64 { return x * math.Tanh(softplus(x)) })},
}

// Functions lists all functions.
func Functions() []Function {
	var all []Function
	for f := range definitions[1:] {
		all = append(all, Function(f+1))
	}
	return all
}

// Definition is what there is to know of the function, which must be one of Functions.
func (f Function) Definition() *Definition { return &definitions[f] }

// String is the function's name.
func (f Function) String() string {
	if f < 1 || int(f) >= len(definitions) {
		return fmt.Sprintf("function %d", int(f))
	}
	return definitions[f].Name
}

// of is a function without parameters.
func of(f func(x float64) float64) func(x, alpha, beta float64) float64 {
	return func(x, _, _ float64) float64 { return f(x) }
}

// leakyRelu is x, but alpha·x below 0.
func leakyRelu(x, alpha, _ float64) float64 { return max(x, 0) + alpha*min(x, 0) }

// elu is x, but alpha·(eˣ−1) below 0.
func elu(x, alpha, _ float64) float64 { return max(x, 0) + alpha*math.Expm1(min(x, 0)) }

// sigmoid is 1/(1+e⁻ˣ).
func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// hardSigmoid is alpha·x+beta, limited to [0, 1].
func hardSigmoid(x, alpha, beta float64) float64 { return min(max(alpha*x+beta, 0), 1) }

// softplus is ln(1+eˣ), without overflow.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
