package graph

import (
	"errors"
	"fmt"
	"slices"
)

// Conv is a 2-D convolution.
type Conv struct {
	Kernel   [2]int // height, width
	Stride   [2]int
	Dilation [2]int
	Pad      [4]int // top, left, bottom, right
	Groups   int
	Weight   Weight
	Bias     []float32 // per output channel; nil: none
}

// Gemm is a fully connected layer: y = W·x + b.
type Gemm struct {
	Weight Weight
	Bias   []float32 // per output feature; nil: none
}

// BatchNorm normalizes each channel: Scale·(x−Mean)/√(Variance+Epsilon) + Shift.
type BatchNorm struct {
	Scale, Shift, Mean, Variance []float32
	Epsilon                      float32
}

// Relu is max(x, 0).
type Relu struct{}

// Clip limits x to [Min, Max].
type Clip struct{ Min, Max float32 }

// Add sums two tensors of one shape.
type Add struct{}

// MaxPool takes the maximum over windows; padding never wins.
type MaxPool struct {
	Kernel, Stride [2]int
	Dilation       [2]int // 0 is 1
	Pad            [4]int // top, left, bottom, right
}

// AveragePool takes the mean over windows.
type AveragePool struct {
	Kernel, Stride  [2]int
	Dilation        [2]int // 0 is 1
	Pad             [4]int // top, left, bottom, right
	CountIncludePad bool   // whether padding counts in the divisor
	Uncounted       [2]int // rows at the bottom and columns at the right of Pad that never count: those which only complete the last window
}

// GlobalAveragePool takes the mean over all pixels: [C,H,W] → [C,1,1].
type GlobalAveragePool struct{}

// Slice keeps Start, Start+Step, … below End along every dimension.
type Slice struct{ Start, End, Step []int }

// Pad surrounds every dimension with a constant.
type Pad struct {
	Before, After []int
	Value         float32
}

// Concat joins tensors along an axis (0: channels).
type Concat struct{ Axis int }

// Flatten turns [C,H,W] into [C·H·W], channels outermost.
type Flatten struct{}

// Softmax normalizes the exponentials along an axis (0: channels, or all of a vector), or gives the logarithms
// of that.
type Softmax struct {
	Axis int
	Log  bool
}

// LRN divides by the squares of the channels around: x / (Bias + Alpha/Size·Σx²)^Beta, where the sum takes
// ⌊(Size−1)/2⌋ channels before and ⌈(Size−1)/2⌉ behind (Krizhevsky et al. 2012).
type LRN struct {
	Size              int
	Alpha, Beta, Bias float32
}

// Quantize leaves the numbers as they are; its output value's Quant rounds them. It
// stands where a tensor is needed in another precision than its producer gives.
type Quantize struct{}

func (*Conv) Kind() string             { return "Conv" }
func (*Gemm) Kind() string             { return "Gemm" }
func (*BatchNorm) Kind() string        { return "BatchNormalization" }
func (Relu) Kind() string              { return "Relu" }
func (Clip) Kind() string              { return "Clip" }
func (Add) Kind() string               { return "Add" }
func (MaxPool) Kind() string           { return "MaxPool" }
func (AveragePool) Kind() string       { return "AveragePool" }
func (GlobalAveragePool) Kind() string { return "GlobalAveragePool" }
func (*Slice) Kind() string            { return "Slice" }
func (*Pad) Kind() string              { return "Pad" }
func (Concat) Kind() string            { return "Concat" }
func (Flatten) Kind() string           { return "Flatten" }
func (LRN) Kind() string               { return "LRN" }
func (Quantize) Kind() string          { return "QuantizeLinear" }

func (s Softmax) Kind() string {
	if s.Log {
		return "LogSoftmax"
	}
	return "Softmax"
}

func one(inputs []Shape) (Shape, error) {
	if len(inputs) != 1 {
		return nil, fmt.Errorf("has %d inputs, wants 1", len(inputs))
	}
	return inputs[0], nil
}

func image(inputs []Shape) (Shape, error) {
	s, err := one(inputs)
	if err == nil && len(s) != 3 {
		err = fmt.Errorf("input is %v, wants [channels, height, width]", s)
	}
	return s, err
}

// windows gives the output extent of a sliding window over one dimension.
func windows(size, kernel, stride, dilation, before, after int) (int, error) {
	if kernel < 1 || stride < 1 || dilation < 1 || before < 0 || after < 0 {
		return 0, fmt.Errorf("kernel %d, stride %d, dilation %d, pads %d and %d do not make a window", kernel, stride, dilation, before, after)
	}
	span := size + before + after - dilation*(kernel-1) - 1
	if span < 0 {
		return 0, fmt.Errorf("a window of %d does not fit into %d", dilation*(kernel-1)+1, size+before+after)
	}
	return span/stride + 1, nil
}

func (c *Conv) OutputShape(inputs []Shape) (Shape, error) {
	in, err := image(inputs)
	if err != nil {
		return nil, err
	}
	if len(c.Weight.Shape) != 4 || c.Groups < 1 || in[0]%c.Groups != 0 || c.Weight.Shape[0]%c.Groups != 0 {
		return nil, fmt.Errorf("weight %v in %d groups does not fit the input %v", c.Weight.Shape, c.Groups, in)
	}
	out := c.Weight.Shape[0]
	if err := c.Weight.check(out, in[0]/c.Groups, c.Kernel[0], c.Kernel[1]); err != nil {
		return nil, err
	}
	if c.Bias != nil && len(c.Bias) != out {
		return nil, fmt.Errorf("%d biases for %d output channels", len(c.Bias), out)
	}
	h, err := windows(in[1], c.Kernel[0], c.Stride[0], c.Dilation[0], c.Pad[0], c.Pad[2])
	if err != nil {
		return nil, err
	}
	w, err := windows(in[2], c.Kernel[1], c.Stride[1], c.Dilation[1], c.Pad[1], c.Pad[3])
	return Shape{out, h, w}, err
}

func (m *Gemm) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err != nil {
		return nil, err
	}
	if len(in) != 1 || len(m.Weight.Shape) != 2 {
		return nil, fmt.Errorf("input %v and weight %v, wants [features] and [out, features]", in, m.Weight.Shape)
	}
	out := m.Weight.Shape[0]
	if err := m.Weight.check(out, in[0]); err != nil {
		return nil, err
	}
	if m.Bias != nil && len(m.Bias) != out {
		return nil, fmt.Errorf("%d biases for %d outputs", len(m.Bias), out)
	}
	return Shape{out}, nil
}

func (b *BatchNorm) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err != nil {
		return nil, err
	}
	for _, p := range [][]float32{b.Scale, b.Shift, b.Mean, b.Variance} {
		if len(p) != in[0] {
			return nil, fmt.Errorf("%d parameters for %d channels", len(p), in[0])
		}
	}
	return in, nil
}

func (Relu) OutputShape(inputs []Shape) (Shape, error)     { return one(inputs) }
func (Clip) OutputShape(inputs []Shape) (Shape, error)     { return one(inputs) }
func (Quantize) OutputShape(inputs []Shape) (Shape, error) { return one(inputs) }

func (s Softmax) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err == nil && (s.Axis < 0 || s.Axis >= len(in)) {
		err = fmt.Errorf("normalizes over axis %d of %v", s.Axis, in)
	}
	return in, err
}

func (l LRN) OutputShape(inputs []Shape) (Shape, error) {
	in, err := image(inputs)
	if err == nil && l.Size < 1 {
		err = fmt.Errorf("sums over %d channels", l.Size)
	}
	return in, err
}

func (Add) OutputShape(inputs []Shape) (Shape, error) {
	if len(inputs) != 2 {
		return nil, fmt.Errorf("has %d inputs, wants 2", len(inputs))
	}
	if !slices.Equal(inputs[0], inputs[1]) {
		return nil, fmt.Errorf("inputs are %v and %v, which differ", inputs[0], inputs[1])
	}
	return inputs[0], nil
}

func pooled(inputs []Shape, kernel, stride, dilation [2]int, pad [4]int) (Shape, error) {
	in, err := image(inputs)
	if err != nil {
		return nil, err
	}
	if max(pad[0], pad[2]) >= kernel[0] || max(pad[1], pad[3]) >= kernel[1] {
		return nil, fmt.Errorf("pads %v reach the kernel's size %v", pad, kernel)
	}
	out := Shape{in[0], 0, 0}
	for d := range 2 {
		// Then no window lies in the padding alone.
		if pad[d]+pad[2+d] > 0 && dilation[d] > in[1+d] {
			return nil, fmt.Errorf("dilation %d steps over the image's %d", dilation[d], in[1+d])
		}
		if out[1+d], err = windows(in[1+d], kernel[d], stride[d], dilation[d], pad[d], pad[2+d]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Spread is a pooling's dilation with 1 where none is given.
func Spread(dilation [2]int) [2]int { return [2]int{max(dilation[0], 1), max(dilation[1], 1)} }

func (p MaxPool) OutputShape(inputs []Shape) (Shape, error) {
	return pooled(inputs, p.Kernel, p.Stride, Spread(p.Dilation), p.Pad)
}

func (p AveragePool) OutputShape(inputs []Shape) (Shape, error) {
	if p.Uncounted[0] < 0 || p.Uncounted[0] > p.Pad[2] || p.Uncounted[1] < 0 || p.Uncounted[1] > p.Pad[3] {
		return nil, fmt.Errorf("leaves %v of pads %v uncounted", p.Uncounted, p.Pad)
	}
	return pooled(inputs, p.Kernel, p.Stride, Spread(p.Dilation), p.Pad)
}

func (GlobalAveragePool) OutputShape(inputs []Shape) (Shape, error) {
	in, err := image(inputs)
	if err != nil {
		return nil, err
	}
	return Shape{in[0], 1, 1}, nil
}

func (s *Slice) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err != nil {
		return nil, err
	}
	if len(s.Start) != len(in) || len(s.End) != len(in) || len(s.Step) != len(in) {
		return nil, fmt.Errorf("slices %d dimensions of %v", len(s.Start), in)
	}
	out := make(Shape, len(in))
	for i := range in {
		if s.Step[i] < 1 || s.Start[i] < 0 || s.End[i] > in[i] || s.Start[i] >= s.End[i] {
			return nil, fmt.Errorf("takes %d:%d:%d of dimension %d of %v", s.Start[i], s.End[i], s.Step[i], i, in)
		}
		out[i] = (s.End[i]-s.Start[i]-1)/s.Step[i] + 1
	}
	return out, nil
}

func (p *Pad) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err != nil {
		return nil, err
	}
	if len(p.Before) != len(in) || len(p.After) != len(in) {
		return nil, fmt.Errorf("pads %d dimensions of %v", len(p.Before), in)
	}
	out := make(Shape, len(in))
	for i := range in {
		if p.Before[i] < 0 || p.After[i] < 0 {
			return nil, fmt.Errorf("pads dimension %d by %d and %d", i, p.Before[i], p.After[i])
		}
		out[i] = p.Before[i] + in[i] + p.After[i]
	}
	return out, nil
}

func (c Concat) OutputShape(inputs []Shape) (Shape, error) {
	if len(inputs) == 0 {
		return nil, errors.New("has no inputs")
	}
	out := slices.Clone(inputs[0])
	if c.Axis < 0 || c.Axis >= len(out) {
		return nil, fmt.Errorf("axis %d of %v", c.Axis, out)
	}
	for _, in := range inputs[1:] {
		if len(in) != len(out) {
			return nil, fmt.Errorf("joins %v with %v", out, in)
		}
		for i := range in {
			if i != c.Axis && in[i] != out[i] {
				return nil, fmt.Errorf("joins %v with %v along dimension %d", out, in, c.Axis)
			}
		}
		out[c.Axis] += in[c.Axis]
	}
	return out, nil
}

func (Flatten) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err != nil {
		return nil, err
	}
	return Shape{in.Elements()}, nil
}
