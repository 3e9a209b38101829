package train

import (
	"slices"
	"strings"
	"testing"

	"galen/hw/graph"
)

const unknownGradient = "no gradient is known for it here"

// refused says why networks with an operator are not trained; activation functions are refused as a whole.
var refused = map[string]string{
	"Add, repeated":                       unknownGradient,
	"AveragePool with a part of a window": "leaves padding uncounted",
	"AveragePool, dilated":                "dilated",
	"Conv in groups":                      "one group",
	"Conv of each channel":                "one group",
	"Div":                                 unknownGradient,
	"LRN":                                 unknownGradient,
	"LogSoftmax":                          unknownGradient,
	"MaxPool, dilated":                    "dilated pooling",
	"Mul":                                 unknownGradient,
	"Mul by a gate":                       unknownGradient,
	"PRelu":                               unknownGradient,
	"QuantizeLinear":                      unknownGradient,
	"Softmax":                             unknownGradient,
	"Softmax over rows":                   unknownGradient,
	"Sub":                                 unknownGradient,
}

// around is a network with the operator between layers.
func around(t testing.TB, e graph.Example) *graph.Graph {
	b := newBuilder(t, 5, 3, 6, 5)
	var inputs []graph.ValueID
	for _, shape := range e.Inputs {
		b.last = b.Input
		x := b.feed(shape)
		if e.Positive {
			x = b.op(graph.Clip{Min: 0.25, Max: 4})
		}
		inputs = append(inputs, x)
	}
	b.op(e.Op, inputs...)
	return b.head(3)
}

// feed computes a tensor from the last one by a layer.
func (b *builder) feed(shape graph.Shape) graph.ValueID {
	if len(shape) == 1 {
		b.op(graph.Flatten{})
		return b.gemm(shape[0], true)
	}
	x, one := b.conv3(shape[0]), []int{1, 1, 1}
	if slices.Equal(shape, b.shape()) {
		return x
	}
	return b.op(&graph.Slice{Start: []int{0, 0, 0}, End: shape, Step: one})
}

// Every operator is trained through as by definition, or refused for a reason.
func TestOperators(t *testing.T) {
	examples := graph.Examples()
	for name := range refused {
		if !slices.ContainsFunc(examples, func(e graph.Example) bool { return e.Name == name }) {
			t.Errorf("%s is no operator", name)
		}
	}
	for _, e := range examples {
		t.Run(e.Name, func(t *testing.T) {
			reason := refused[e.Name]
			if _, ok := e.Op.(graph.Activation); ok {
				reason = unknownGradient
			}
			g := around(t, e)
			if reason == "" {
				checkGradients(t, g)
				return
			}
			if _, err := New(g, Options{}); err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("is not refused for …%s…: %v", reason, err)
			}
		})
	}
}
