package graph

import "fmt"

// MaxPool takes the maximum over windows; padding never wins.
type MaxPool struct {
	Kernel, Stride [2]int
	Dilation       [2]int // 0 is 1
	Pad            [4]int // top, left, bottom, right
}

func (MaxPool) Kind() string       { return "MaxPool" }
func (MaxPool) Locality() Locality { return Channelwise }
func (p MaxPool) Window() [2]int   { return p.Kernel }

func (p MaxPool) OutputShape(inputs []Shape) (Shape, error) {
	return pooled(inputs, p.Kernel, p.Stride, Spread(p.Dilation), p.Pad)
}

func (p MaxPool) validate() error {
	return extents(p.Kernel[:], p.Stride[:], p.Dilation[:], p.Pad[:])
}

func (p MaxPool) code() uint64 {
	if p.Dilation != [2]int{} {
		return codeDilatedMaxPool
	}
	return codeMaxPool
}

func (p MaxPool) encode(e *encoder) {
	e.int(p.Kernel[:]...)
	e.int(p.Stride[:]...)
	e.int(p.Pad[:]...)
	if p.code() == codeDilatedMaxPool {
		e.int(p.Dilation[:]...)
	}
}

// AveragePool takes the mean over windows.
type AveragePool struct {
	Kernel, Stride  [2]int
	Dilation        [2]int // 0 is 1
	Pad             [4]int // top, left, bottom, right
	CountIncludePad bool   // whether padding counts in the divisor
	// Uncounted are rows at the bottom and columns at the right of Pad that never count: those which only complete
	// the last window.
	Uncounted [2]int
}

func (AveragePool) Kind() string       { return "AveragePool" }
func (AveragePool) Locality() Locality { return Channelwise }
func (p AveragePool) Window() [2]int   { return p.Kernel }

func (p AveragePool) OutputShape(inputs []Shape) (Shape, error) {
	if p.Uncounted[0] < 0 || p.Uncounted[0] > p.Pad[2] || p.Uncounted[1] < 0 || p.Uncounted[1] > p.Pad[3] {
		return nil, fmt.Errorf("leaves %v of pads %v uncounted", p.Uncounted, p.Pad)
	}
	return pooled(inputs, p.Kernel, p.Stride, Spread(p.Dilation), p.Pad)
}

func (p AveragePool) validate() error {
	return extents(p.Kernel[:], p.Stride[:], p.Dilation[:], p.Pad[:])
}

func (p AveragePool) code() uint64 {
	if p.Dilation != [2]int{} || p.Uncounted != [2]int{} {
		return codeDilatedAveragePool
	}
	return codeAveragePool
}

func (p AveragePool) encode(e *encoder) {
	e.int(p.Kernel[:]...)
	e.int(p.Stride[:]...)
	e.int(p.Pad[:]...)
	e.bool(p.CountIncludePad)
	if p.code() == codeDilatedAveragePool {
		e.int(p.Dilation[:]...)
		e.int(p.Uncounted[:]...)
	}
}

// GlobalAveragePool takes the mean over all pixels: [C,H,W] → [C,1,1].
type GlobalAveragePool struct{}

func (GlobalAveragePool) Kind() string       { return "GlobalAveragePool" }
func (GlobalAveragePool) Locality() Locality { return Channelwise }
func (GlobalAveragePool) validate() error    { return nil }
func (GlobalAveragePool) code() uint64       { return codeGlobalAveragePool }
func (GlobalAveragePool) encode(*encoder)    {}

func (GlobalAveragePool) OutputShape(inputs []Shape) (Shape, error) {
	in, err := image(inputs)
	if err != nil {
		return nil, err
	}
	return Shape{in[0], 1, 1}, nil
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
