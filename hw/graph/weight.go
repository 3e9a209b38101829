package graph

import (
	"fmt"
	"math"
	"slices"
)

// Weight is a layer's weight tensor, output channel outermost: a Conv's is
// [out, in/groups, height, width], a Gemm's [out, in]. It is float or, after
// quantization, integer with one scale per output channel.
type Weight struct {
	Shape []int
	Float []float32 // nil when quantized
	Int   []int8    // symmetric: |q| ≤ 2^(Bits−1)−1; at one bit q is −1 or +1
	Scale []float32 // per output channel; real = Scale·q
	Bits  int       // of Int, 1–8
}

// Quantized tells whether the weight is stored as integers.
func (w *Weight) Quantized() bool { return w.Int != nil }

// Elements is the number of scalars.
func (w *Weight) Elements() int { return Shape(w.Shape).Elements() }

// Channel is the number of scalars per output channel.
func (w *Weight) Channel() int { return Shape(w.Shape[1:]).Elements() }

// Real returns the numbers the weight stands for; the slice is shared when the weight is float.
func (w *Weight) Real() []float32 {
	if !w.Quantized() {
		return w.Float
	}
	real := make([]float32, len(w.Int))
	per := w.Channel()
	for i, q := range w.Int {
		real[i] = w.Scale[i/per] * float32(q)
	}
	return real
}

// Select returns the weight of some output and input channels; nil stands for all.
func (w *Weight) Select(outputs, inputs []int) Weight {
	s := Weight{Shape: slices.Clone(w.Shape), Bits: w.Bits}
	run := Shape(w.Shape[2:]).Elements() // scalars of a pair of channels, which lie side by side
	if outputs == nil {
		outputs = upTo(w.Shape[0])
	}
	s.Shape[0] = len(outputs)
	if inputs == nil {
		inputs, run = []int{0}, w.Channel() // whole filters
	} else {
		s.Shape[1] = len(inputs)
	}
	if !w.Quantized() {
		s.Float = runs(w.Float, w.Channel(), run, outputs, inputs)
		return s
	}
	s.Int, s.Scale = runs(w.Int, w.Channel(), run, outputs, inputs), picked(w.Scale, outputs)
	return s
}

// runs copies some runs of run scalars of some filters, which have per scalars each.
func runs[T any](filters []T, per, run int, outputs, inputs []int) []T {
	some := make([]T, 0, len(outputs)*len(inputs)*run)
	for _, o := range outputs {
		for _, i := range inputs {
			some = append(some, filters[o*per+i*run:][:run]...)
		}
	}
	return some
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// WeightLimit is the largest magnitude a weight of the given bits can take.
func WeightLimit(bits int) int {
	if bits == 1 {
		return 1
	}
	return 1<<(bits-1) - 1
}

// QuantizeBias rounds a bias to the 32-bit accumulator of its output channel, whose
// scale is inputScale·weightScale.
func QuantizeBias(bias, inputScale, weightScale float32) int32 {
	q := math.RoundToEven(float64(bias) / (float64(inputScale) * float64(weightScale)))
	return int32(max(math.MinInt32, min(math.MaxInt32, q)))
}

func (w *Weight) check(shape ...int) error {
	if len(w.Shape) != len(shape) {
		return fmt.Errorf("weight has %d dimensions, wants %d", len(w.Shape), len(shape))
	}
	for i := range shape {
		if shape[i] != w.Shape[i] {
			return fmt.Errorf("weight is %v, wants %v", w.Shape, shape)
		}
	}
	if n := max(len(w.Float), len(w.Int)); n != w.Elements() {
		return fmt.Errorf("weight %v has %d elements", w.Shape, n)
	}
	if w.Quantized() && (len(w.Scale) != w.Shape[0] || w.Bits < 1 || w.Bits > 8) {
		return fmt.Errorf("weight %v quantized to %d bits has %d scales", w.Shape, w.Bits, len(w.Scale))
	}
	return nil
}

// Weight is the node's weight if it is a layer, nil otherwise.
func (n *Node) Weight() *Weight {
	if l, ok := n.Op.(layer); ok {
		return l.weight()
	}
	return nil
}

// Bias is the layer's bias per output channel; nil if it has none.
func (n *Node) Bias() []float32 {
	if l, ok := n.Op.(layer); ok {
		return l.bias()
	}
	return nil
}

// WithWeight returns the layer's operator with another weight and bias.
func (n *Node) WithWeight(w Weight, bias []float32) Op {
	l, ok := n.Op.(layer)
	if !ok {
		panic("graph: " + n.Op.Kind() + " is not a layer")
	}
	return l.withWeight(w, bias)
}
