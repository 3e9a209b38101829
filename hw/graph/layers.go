package graph

import "fmt"

// layer is an operator with weights that a policy decides about.
type layer interface {
	Op
	weight() *Weight
	bias() []float32
	withWeight(Weight, []float32) Op
}

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

func (*Conv) Kind() string       { return "Conv" }
func (*Conv) Locality() Locality { return Mixing }
func (c *Conv) Window() [2]int   { return c.Kernel }
func (c *Conv) weight() *Weight  { return &c.Weight }
func (c *Conv) bias() []float32  { return c.Bias }
func (*Conv) code() uint64       { return codeConv }

func (c *Conv) withWeight(w Weight, bias []float32) Op {
	with := *c
	with.Weight, with.Bias = w, bias
	return &with
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

func (c *Conv) validate() error {
	if err := extents(c.Kernel[:], c.Stride[:], c.Dilation[:], c.Pad[:]); err != nil {
		return err
	}
	return validateWeight(&c.Weight, c.Bias)
}

func (c *Conv) encode(e *encoder) {
	e.int(c.Kernel[:]...)
	e.int(c.Stride[:]...)
	e.int(c.Dilation[:]...)
	e.int(c.Pad[:]...)
	e.int(c.Groups)
	e.weight(&c.Weight)
	e.floats(c.Bias)
}

// Gemm is a fully connected layer: y = W·x + b.
type Gemm struct {
	Weight Weight
	Bias   []float32 // per output feature; nil: none
}

func (*Gemm) Kind() string       { return "Gemm" }
func (*Gemm) Locality() Locality { return Mixing }
func (m *Gemm) weight() *Weight  { return &m.Weight }
func (m *Gemm) bias() []float32  { return m.Bias }
func (*Gemm) code() uint64       { return codeGemm }
func (m *Gemm) validate() error  { return validateWeight(&m.Weight, m.Bias) }

func (*Gemm) withWeight(w Weight, bias []float32) Op { return &Gemm{w, bias} }

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

func (m *Gemm) encode(e *encoder) {
	e.weight(&m.Weight)
	e.floats(m.Bias)
}
