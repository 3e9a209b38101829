package graph

import "fmt"

// Activation applies a function to every element. Relu and Clip are operators of their own,
// because they can be computed as part of the operator before.
type Activation struct {
	Function    Function
	Alpha, Beta float32 // of the functions that have them, 0 for others
}

func (a Activation) Kind() string                            { return a.Function.String() }
func (Activation) OutputShape(inputs []Shape) (Shape, error) { return one(inputs) }
func (Activation) Locality() Locality                        { return Elementwise }
func (Activation) code() uint64                              { return codeActivation }

// Of is the function of one number.
func (a Activation) Of(x float64) float64 {
	return a.Function.Definition().Of(x, float64(a.Alpha), float64(a.Beta))
}

func (a Activation) validate() error {
	if a.Function < 1 || int(a.Function) >= len(definitions) {
		return fmt.Errorf("%v is unknown", a.Function)
	}
	return finite([]float32{a.Alpha, a.Beta})
}

func (a Activation) encode(e *encoder) {
	e.int(int(a.Function))
	e.float(a.Alpha, a.Beta)
}

// PRelu is x, but Slope·x below 0, with a slope per channel.
type PRelu struct{ Slope []float32 }

func (*PRelu) Kind() string        { return "PRelu" }
func (*PRelu) Locality() Locality  { return Elementwise }
func (*PRelu) code() uint64        { return codePRelu }
func (p *PRelu) validate() error   { return finite(p.Slope) }
func (p *PRelu) encode(e *encoder) { e.floats(p.Slope) }

func (p *PRelu) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err == nil && len(p.Slope) != in[0] {
		err = fmt.Errorf("%d slopes for %d channels", len(p.Slope), in[0])
	}
	return in, err
}

func (p *PRelu) KeepChannels(_ Shape, _, outputs []int) Op {
	return &PRelu{Slope: picked(p.Slope, outputs)}
}
