package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"galen/hw/graph"
)

// maxWindow bounds kernels, strides, dilations and pads.
const maxWindow = 1 << 16

// window is the geometry attributes that convolution and pooling share.
type window struct {
	kernel, stride, dilation [2]int
	pad                      [4]int // top, left, bottom, right
}

// window reads the geometry over an image; kernel is the weight's size, zero for pooling.
func (n *node) window(in graph.Shape, kernel [2]int) (w window, err error) {
	if len(in) != 3 {
		return w, fmt.Errorf("input is %v per image; galen takes 2-D images [channels, height, width]", in)
	}
	pair := func(name string, absent [2]int) (p [2]int) {
		list := n.ints(name)
		if list == nil {
			return absent
		}
		if len(list) != 2 || min(list[0], list[1]) < 1 || max(list[0], list[1]) > maxWindow {
			err = errors.Join(err, fmt.Errorf("%s is %v, wants two positive numbers", name, list))
			return absent
		}
		return [2]int{int(list[0]), int(list[1])}
	}
	w.kernel = pair("kernel_shape", kernel)
	w.stride = pair("strides", [2]int{1, 1})
	w.dilation = pair("dilations", [2]int{1, 1})
	if err == nil && w.kernel[0]*w.kernel[1] < 1 {
		err = errors.New("has no kernel_shape")
	}
	if err == nil && max(w.dilation[0]*w.kernel[0], w.dilation[1]*w.kernel[1]) > maxElements {
		err = fmt.Errorf("kernel %v with dilation %v is too large", w.kernel, w.dilation)
	}
	if err != nil {
		return w, err
	}
	auto := n.string("auto_pad", "NOTSET")
	switch auto {
	case "NOTSET", "":
		list := n.ints("pads")
		if list == nil {
			return w, n.err
		}
		if len(list) != 4 || slices.Min(list) < 0 || slices.Max(list) > maxWindow {
			return w, fmt.Errorf("pads are %v, wants four numbers from 0", list)
		}
		for i := range w.pad {
			w.pad[i] = int(list[i])
		}
	case "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		for d := range 2 {
			out := (in[1+d]-1)/w.stride[d] + 1
			total := max(0, (out-1)*w.stride[d]+(w.kernel[d]-1)*w.dilation[d]+1-in[1+d])
			before := total / 2
			if auto == "SAME_LOWER" {
				before = total - before
			}
			w.pad[d], w.pad[2+d] = before, total-before
		}
	default:
		return w, fmt.Errorf("auto_pad %q is unknown", auto)
	}
	return w, n.err
}

func importConv(m *importer, n *node) error {
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	c, err := m.constant(n, 1)
	if err != nil {
		return err
	}
	if c == nil || len(c.shape) != 4 {
		return errors.New("weight is not a 4-D constant: galen takes 2-D convolutions only")
	}
	weight, err := m.layerWeight(c, false)
	if err != nil {
		return err
	}
	w, err := n.window(m.graph.Values[x].Shape, [2]int{c.shape[2], c.shape[3]})
	if err != nil {
		return err
	}
	bias, err := m.floats(n, 2)
	if err != nil {
		return err
	}
	groups := n.int("group", 1)
	if groups < 1 || groups > int64(c.shape[0]) {
		return fmt.Errorf("group is %d for %d output channels", groups, c.shape[0])
	}
	return m.emit(n, &graph.Conv{Kernel: w.kernel, Stride: w.stride, Dilation: w.dilation, Pad: w.pad,
		Groups: int(groups), Weight: weight, Bias: bias}, x)
}

// layerWeight makes a layer's weight of a constant, output channel first; transposed swaps the
// axes of a matrix. Integers behind a DequantizeLinear are kept if the graph can hold them.
func (m *importer) layerWeight(c *constant, transposed bool) (graph.Weight, error) {
	if c.typ != typeFloat {
		return graph.Weight{}, fmt.Errorf("weight is %s, wants float32", c.typ)
	}
	if len(c.floats) == 0 {
		return graph.Weight{}, fmt.Errorf("weight %v is empty", c.shape)
	}
	shape, output := slices.Clone(c.shape), 0
	if transposed {
		shape[0], shape[1], output = shape[1], shape[0], 1
	}
	if made := c.weights[output]; made != nil {
		return *made, nil
	}
	w := graph.Weight{Shape: shape}
	c.weights[output] = &w
	if l := c.levels; l != nil {
		if bits, scale, err := m.symmetric(l, c.shape[output], output); err != nil {
			return w, err
		} else if bits > 0 {
			w.Bits, w.Scale = bits, scale
			w.Int = make([]int8, len(l.ints))
			for i, q := range l.ints {
				w.Int[i] = int8(q)
			}
			if transposed {
				w.Int = transpose(w.Int, shape[1], shape[0])
			}
			return w, nil
		}
	}
	w.Float = c.floats
	if transposed {
		w.Float = transpose(w.Float, shape[1], shape[0])
	}
	return w, nil
}

// transpose turns a rows×columns matrix.
func transpose[T any](from []T, rows, columns int) []T {
	to := make([]T, len(from))
	for r := range rows {
		for c := range columns {
			to[c*rows+r] = from[r*columns+c]
		}
	}
	return to
}

// scaled multiplies a weight by a factor.
func (m *importer) scaled(w graph.Weight, factor float64) (graph.Weight, error) {
	if _, err := m.take(typeFloat, w.Shape[:1]); err != nil || factor == 1 {
		return w, err
	}
	factors := make([]float64, w.Shape[0])
	for i := range factors {
		factors[i] = factor
	}
	return m.rescaled(w, factors)
}

// rescaled multiplies each output channel of a weight by a factor.
func (m *importer) rescaled(w graph.Weight, factors []float64) (graph.Weight, error) {
	if !slices.ContainsFunc(factors, func(f float64) bool { return f != 1 }) {
		return w, nil
	}
	if w.Quantized() && slices.Min(factors) > 0 {
		w.Scale = slices.Clone(w.Scale)
		for o, f := range factors {
			w.Scale[o] = float32(float64(w.Scale[o]) * f)
		}
		return w, nil
	}
	if _, err := m.take(typeFloat, w.Shape); err != nil {
		return w, err
	}
	real := slices.Clone(w.Real())
	per := w.Channel()
	for i, v := range real {
		real[i] = float32(float64(v) * factors[i/per])
	}
	return graph.Weight{Shape: w.Shape, Float: real}, nil
}

func importBatchNorm(m *importer, n *node) error {
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	if n.int("training_mode", 0) != 0 || n.int("is_test", 1) == 0 {
		return errors.New("is in training mode; export the model for inference")
	}
	if n.int("spatial", 1) != 1 {
		return errors.New("normalizes every pixel by itself")
	}
	shape := m.graph.Values[x].Shape
	if _, err := m.take(typeFloat, []int{affineCost, shape[0]}); err != nil {
		return err
	}
	var p [4][]float32
	for i := range p {
		if p[i], err = m.floats(n, i+1); err != nil {
			return err
		}
		if len(p[i]) != shape[0] {
			return fmt.Errorf("input %d has %d elements for %d channels", i+1, len(p[i]), shape[0])
		}
	}
	op := &graph.BatchNorm{Scale: p[0], Shift: p[1], Mean: p[2], Variance: p[3], Epsilon: n.float("epsilon", 1e-5)}
	factors, shifts := make([]float64, shape[0]), make([]float64, shape[0])
	for c := range factors {
		deviation := math.Sqrt(float64(op.Variance[c]) + float64(op.Epsilon))
		if !(deviation > 0) {
			return fmt.Errorf("channel %d has variance %g", c, op.Variance[c])
		}
		factors[c] = float64(op.Scale[c]) / deviation
		shifts[c] = float64(op.Shift[c]) - float64(op.Mean[c])*factors[c]
	}
	if len(shape) == 1 {
		return m.affine(n, 0, factors, shifts)
	}
	return m.emit(n, op, x)
}

// affineCost are the numbers per channel that scaling and shifting work with.
const affineCost = 8

// importAffine takes Mul, Div, Add and Sub with a constant per channel.
func importAffine(m *importer, n *node) error {
	if len(n.inputs) != 2 {
		return fmt.Errorf("has %d inputs, wants 2", len(n.inputs))
	}
	side := 0 // of the computed tensor
	if m.tensors[n.inputs[0]] == nil {
		side = 1
	}
	c := m.constants[n.inputs[1-side]]
	if c == nil {
		return errors.New("lacks an input")
	}
	x, err := m.value(n, side)
	if err != nil {
		return err
	}
	constant, err := m.perChannel(n, c, m.graph.Values[x].Shape)
	if err != nil {
		return err
	}
	factors, shifts := make([]float64, len(constant)), make([]float64, len(constant))
	for i, v := range constant {
		factors[i] = 1
		switch {
		case n.op == "Add":
			shifts[i] = v
		case n.op == "Sub" && side == 0:
			shifts[i] = -v
		case n.op == "Sub":
			factors[i], shifts[i] = -1, v
		case n.op == "Mul":
			factors[i] = v
		case side == 1:
			factors[i] = v
		case v == 0:
			return errors.New("divides by zero")
		default:
			factors[i] = 1 / v
		}
	}
	if n.op == "Div" && side == 1 {
		name := m.names.unique(n.outputs[0] + "_reciprocal")
		inverse, err := m.append(name, graph.Activation{Function: graph.Reciprocal}, name, x)
		if err != nil {
			return err
		}
		return m.emit(n, normOf(factors, shifts), inverse)
	}
	return m.affine(n, side, factors, shifts)
}

// perChannel reads a constant that broadcasts over an image as one number per channel.
func (m *importer) perChannel(n *node, c *constant, shape graph.Shape) ([]float64, error) {
	if c.typ != typeFloat {
		return nil, fmt.Errorf("its constant is %s, wants float32", c.typ)
	}
	if n.last {
		var err error
		if c, err = constantFirst(c); err != nil {
			return nil, err
		}
	}
	if _, err := m.take(typeFloat, []int{affineCost, shape[0]}); err != nil {
		return nil, err
	}
	rank := len(shape) + 1
	lead := rank - len(c.shape)
	if m.opset < 7 && n.int("broadcast", 0) != 0 {
		lead = int(max(-1, min(int64(rank), n.int("axis", int64(lead)))))
	}
	if lead < 0 || lead+len(c.shape) > rank {
		return nil, fmt.Errorf("its constant is %v for images %v", c.shape, shape)
	}
	for i, d := range c.shape {
		if d != 1 && (lead+i != 1 || d != shape[0]) {
			return nil, fmt.Errorf("its constant is %v for images %v; galen takes one number per channel", c.shape, shape)
		}
	}
	numbers := make([]float64, shape[0])
	for i := range numbers {
		numbers[i] = float64(c.floats[min(i, len(c.floats)-1)])
	}
	return numbers, nil
}

// affine computes factor·x + shift per channel of an input: folded into the layer or normalization that makes x if
// nothing else reads it, else as a batch normalization.
func (m *importer) affine(n *node, input int, factors, shifts []float64) error {
	x, err := m.value(n, input)
	if err != nil {
		return err
	}
	g := m.graph
	if producer := g.Producer(x); producer >= 0 && m.soleReader(n, input) && g.Values[x].Quant == nil {
		if w := g.Nodes[producer].Weight(); w != nil {
			bias := make([]float32, len(shifts))
			old := g.Nodes[producer].Bias()
			for i := range bias {
				b := shifts[i]
				if old != nil {
					b += factors[i] * float64(old[i])
				}
				bias[i] = float32(b)
			}
			weight, err := m.rescaled(*w, factors)
			if err != nil {
				return err
			}
			return m.become(n, x, g.Nodes[producer].WithWeight(weight, bias))
		}
		if norm, ok := g.Nodes[producer].Op.(*graph.BatchNorm); ok {
			for c := range factors {
				factor := float64(norm.Scale[c]) / math.Sqrt(float64(norm.Variance[c])+float64(norm.Epsilon))
				shifts[c] += factors[c] * (float64(norm.Shift[c]) - float64(norm.Mean[c])*factor)
				factors[c] *= factor
			}
			return m.become(n, x, normOf(factors, shifts))
		}
	}
	return m.emit(n, normOf(factors, shifts), x)
}

// become makes another operator compute a value, which then is the node's output.
func (m *importer) become(n *node, x graph.ValueID, op graph.Op) error {
	m.graph.Nodes[m.graph.Producer(x)].Op = op
	m.graph.Values[x].Name = n.outputs[0]
	m.tensors[n.outputs[0]] = &tensor{value: x, shape: m.graph.Values[x].Shape}
	return nil
}

// normOf is factor·x + shift per channel as a batch normalization.
func normOf(factors, shifts []float64) *graph.BatchNorm {
	norm := &graph.BatchNorm{Mean: make([]float32, len(factors))}
	for i := range factors {
		norm.Scale = append(norm.Scale, float32(factors[i]))
		norm.Shift = append(norm.Shift, float32(shifts[i]))
		norm.Variance = append(norm.Variance, 1)
	}
	return norm
}
