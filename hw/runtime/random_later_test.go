package runtime

import (
	"math"
	"slices"

	"galen/hw/graph"
)

// later draws an operator beyond those of residual networks, with what it reads; nil if none fits.
func (s *sampler) later(kind int, from graph.ValueID) (graph.Op, []graph.ValueID) {
	shape := s.g.Values[from].Shape
	inputs := []graph.ValueID{from}
	switch kind {
	case 0, 1:
		return s.activation(from), inputs
	case 2:
		p := &graph.PRelu{}
		for range shape[0] {
			p.Slope = append(p.Slope, float32(s.IntN(9)-4)/8)
		}
		return p, inputs
	case 3, 4:
		return s.binary(from)
	case 5:
		g := &graph.Gather{Axis: s.IntN(len(shape))}
		if g.Axis == 0 {
			g.Index = s.Perm(shape[0])
		} else {
			for range 1 + s.IntN(9) {
				g.Index = append(g.Index, s.IntN(shape[g.Axis]))
			}
		}
		return g, inputs
	case 6:
		r := &graph.Rearrange{Shape: graph.Shape{shape.Elements()}}
		if s.IntN(2) == 0 {
			r.Order = s.Perm(shape.Elements())
		}
		for _, d := range []int{2, 3, 4} {
			if n := r.Shape[0]; n%d == 0 && len(r.Shape) == 1 && s.IntN(2) == 0 {
				r.Shape = graph.Shape{d, 1, n / d}
			}
		}
		return r, inputs
	}
	if len(shape) != 3 || s.exact {
		return nil, nil
	}
	return graph.LRN{Size: 1 + s.IntN(4), Alpha: s.Float32(), Beta: []float32{0.75, 0.5}[s.IntN(2)], Bias: 1 + s.Float32()}, inputs
}

// activation draws a function that the value's numbers may go through; where results must be exact, one
// that is exact.
func (s *sampler) activation(from graph.ValueID) graph.Op {
	functions := graph.Functions()
	if s.exact {
		functions = []graph.Function{graph.LeakyRelu, graph.HardSigmoid, graph.Abs, graph.Neg}
	}
	a := graph.Activation{Function: functions[s.IntN(len(functions))]}
	lowest, highest := slices.Min(s.values[from].real), slices.Max(s.values[from].real)
	switch a.Function {
	case graph.LeakyRelu, graph.Elu:
		a.Alpha = 0.25
	case graph.HardSigmoid:
		a.Alpha, a.Beta = 0.25, 0.5
	case graph.Exp, graph.Softplus:
		if math.Max(-lowest, highest) > 20 {
			return nil
		}
	}
	if a.Function.Definition().Positive && lowest < 0.1 {
		return nil
	}
	return a
}

// binary draws an operator and a second tensor that fits, perhaps a gate.
func (s *sampler) binary(from graph.ValueID) (graph.Op, []graph.ValueID) {
	op := graph.Binary{Operator: graph.Plus + graph.Operator(s.IntN(4))}
	var fit []graph.ValueID
	for id, v := range s.g.Values {
		if _, err := op.OutputShape([]graph.Shape{s.g.Values[from].Shape, v.Shape}); err == nil {
			fit = append(fit, graph.ValueID(id))
		}
	}
	other := fit[s.IntN(len(fit))]
	switch op.Operator {
	case graph.Times:
		if s.exact && (s.g.Values[from].Quant == nil || s.g.Values[other].Quant == nil) {
			return nil, nil // the product would have too many digits
		}
	case graph.Over:
		if s.exact || slices.Min(s.values[other].real) < 0.1 {
			return nil, nil
		}
	}
	inputs := []graph.ValueID{from, other}
	if op.Operator == graph.Times && s.IntN(2) == 0 {
		slices.Reverse(inputs)
	}
	return op, inputs
}
