package graph

import "math/rand/v2"

// Example is an operator with inputs that fit it.
type Example struct {
	Name     string // the operator's Kind, and what is special about this one
	Op       Op
	Inputs   []Shape
	Output   *Quant // how the output is stored; nil: float32
	Positive bool   // it is defined for positive numbers only
}

// Examples lists all operators, in each form that is computed, written or compressed in a way of its own. The tests of
// every package that has to know the operators range over it, so that one that was forgotten fails by name.
func Examples() []Example {
	image, other := Shape{4, 6, 5}, Shape{3, 6, 5}
	examples := []Example{
		{Name: "Conv", Op: exampleConv(6, 4, 1), Inputs: []Shape{image}},
		{Name: "Conv in groups", Op: exampleConv(6, 4, 2), Inputs: []Shape{image}},
		{Name: "Conv of each channel", Op: exampleConv(4, 4, 4), Inputs: []Shape{image}},
		{Name: "Gemm", Op: &Gemm{Weight: exampleWeight(5, 12), Bias: exampleNumbers(5)}, Inputs: []Shape{{12}}},
		{Name: "BatchNormalization", Op: &BatchNorm{
			Scale: []float32{1, -2, 0.5, 3}, Shift: exampleNumbers(4),
			Mean: exampleNumbers(4), Variance: []float32{1, 2, 0.25, 4}, Epsilon: 1e-5,
		}, Inputs: []Shape{image}},
		{Name: "LRN", Op: LRN{Size: 3, Alpha: 0.5, Beta: 0.75, Bias: 1}, Inputs: []Shape{image}},
		{Name: "Softmax", Op: Softmax{}, Inputs: []Shape{{12}}},
		{Name: "Softmax over rows", Op: Softmax{Axis: 1}, Inputs: []Shape{image}},
		{Name: "LogSoftmax", Op: Softmax{Log: true}, Inputs: []Shape{{12}}},

		{Name: "Relu", Op: Relu{}, Inputs: []Shape{image}},
		{Name: "Clip", Op: Clip{Min: -0.5, Max: 0.75}, Inputs: []Shape{image}},
		{Name: "PRelu", Op: &PRelu{Slope: []float32{0.5, -0.25, 0.125, 2}}, Inputs: []Shape{image}},
		{Name: "QuantizeLinear", Op: Quantize{}, Inputs: []Shape{image}, Output: &Quant{Scale: 0.0625, Zero: 100, Bits: 8}},
		{Name: "Add", Op: Add{}, Inputs: []Shape{image, image}},
		{Name: "Add, repeated", Op: Binary{Operator: Plus}, Inputs: []Shape{image, {1, 6, 5}}},
		{Name: "Sub", Op: Binary{Operator: Minus}, Inputs: []Shape{image, image}},
		{Name: "Mul", Op: Binary{Operator: Times}, Inputs: []Shape{image, image}},
		{Name: "Mul by a gate", Op: Binary{Operator: Times}, Inputs: []Shape{image, {4, 1, 1}}},
		{Name: "Div", Op: Binary{Operator: Over}, Inputs: []Shape{image, image}, Positive: true},

		{Name: "MaxPool", Op: MaxPool{
			Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Pad: [4]int{1, 0, 1, 1},
		}, Inputs: []Shape{image}},
		{Name: "MaxPool, dilated", Op: MaxPool{
			Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{2, 1},
		}, Inputs: []Shape{image}},
		{Name: "AveragePool", Op: AveragePool{
			Kernel: [2]int{2, 3}, Stride: [2]int{2, 1}, Pad: [4]int{1, 1, 0, 1},
		}, Inputs: []Shape{image}},
		{Name: "AveragePool, dilated", Op: AveragePool{
			Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 2},
		}, Inputs: []Shape{image}},
		{Name: "AveragePool with a part of a window", Op: AveragePool{
			Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1, 2, 1},
			CountIncludePad: true, Uncounted: [2]int{1, 0},
		}, Inputs: []Shape{image}},
		{Name: "GlobalAveragePool", Op: GlobalAveragePool{}, Inputs: []Shape{image}},

		{Name: "Slice", Op: &Slice{Start: []int{1, 0, 1}, End: []int{4, 6, 5}, Step: []int{1, 2, 3}}, Inputs: []Shape{image}},
		{Name: "Slice of every second channel", Op: &Slice{
			Start: []int{0, 0, 0}, End: []int{4, 6, 5}, Step: []int{2, 1, 1},
		}, Inputs: []Shape{image}},
		{Name: "Pad", Op: &Pad{Before: []int{3, 0, 1}, After: []int{2, 1, 0}}, Inputs: []Shape{image}},
		{Name: "Pad with a number", Op: &Pad{Before: []int{0, 1, 1}, After: []int{0, 1, 1}, Value: 0.5}, Inputs: []Shape{image}},
		{Name: "Concat", Op: Concat{}, Inputs: []Shape{image, other}},
		{Name: "Concat of rows", Op: Concat{Axis: 1}, Inputs: []Shape{image, {4, 2, 5}}},
		{Name: "Gather", Op: &Gather{Index: []int{2, 0, 3, 1}}, Inputs: []Shape{image}},
		{Name: "Gather of columns", Op: &Gather{Axis: 2, Index: []int{0, 0, 1, 4}}, Inputs: []Shape{image}},
		{Name: "Flatten", Op: Flatten{}, Inputs: []Shape{image}},
		{Name: "Reshape", Op: &Rearrange{Shape: Shape{8, 3, 5}}, Inputs: []Shape{image}},
		{Name: "Reshape in another order", Op: &Rearrange{Shape: Shape{4, 5, 6}, Order: transposed(4, 6, 5)}, Inputs: []Shape{image}},
	}
	for _, f := range Functions() {
		d := f.Definition()
		examples = append(examples, Example{
			Name: d.Name, Op: Activation{Function: f, Alpha: d.Alpha, Beta: d.Beta},
			Inputs: []Shape{image}, Positive: d.Positive,
		})
	}
	return examples
}

// Graph is a network of the example's operator alone. It reads the network's input, or parts of it where the operator
// has several inputs.
func (e Example) Graph() (*Graph, error) {
	inputs := []ValueID{0}
	g := NewGraph(e.Name, "input", e.Inputs[0])
	if len(e.Inputs) > 1 {
		all := 0
		for _, shape := range e.Inputs {
			all += shape.Elements()
		}
		g, inputs = NewGraph(e.Name, "input", Shape{all}), nil
		start := 0
		for _, shape := range e.Inputs {
			end := start + shape.Elements()
			part, err := g.Append("part", &Slice{Start: []int{start}, End: []int{end}, Step: []int{1}}, "part", 0)
			if err != nil {
				return nil, err
			}
			if part, err = g.Append("shaped", &Rearrange{Shape: shape}, "shaped", part); err != nil {
				return nil, err
			}
			inputs, start = append(inputs, part), end
		}
	}
	output, err := g.Append(e.Op.Kind(), e.Op, "output", inputs...)
	if err != nil {
		return nil, err
	}
	g.Values[output].Quant = e.Output
	return g, nil
}

// Numbers are so many that the operator is defined for, to be its input; a seed gives the same ones.
func (e Example) Numbers(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	numbers := make([]float32, n)
	for i := range numbers {
		numbers[i] = float32(r.NormFloat64())
		if e.Positive {
			numbers[i] = 0.25 + max(numbers[i], -numbers[i])
		}
	}
	return numbers
}

func exampleConv(out, in, groups int) *Conv {
	return &Conv{
		Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}, Pad: [4]int{1, 0, 1, 2}, Groups: groups,
		Weight: exampleWeight(out, in/groups, 3, 2), Bias: exampleNumbers(out),
	}
}

func exampleWeight(shape ...int) Weight {
	return Weight{Shape: shape, Float: exampleNumbers(Shape(shape).Elements())}
}

// exampleNumbers are small and of both signs.
func exampleNumbers(n int) []float32 {
	numbers := make([]float32, n)
	for i := range numbers {
		numbers[i] = float32(i*7%11-5) / 8
	}
	return numbers
}

// transposed is the order in which the numbers of [channels, height, width] are those of [channels, width, height].
func transposed(channels, height, width int) []int {
	order := make([]int, 0, channels*height*width)
	for c := range channels {
		for x := range width {
			for y := range height {
				order = append(order, (c*height+y)*width+x)
			}
		}
	}
	return order
}
