package graph

import "fmt"

// BatchNorm normalizes each channel: Scale·(x−Mean)/√(Variance+Epsilon) + Shift.
type BatchNorm struct {
	Scale, Shift, Mean, Variance []float32
	Epsilon                      float32
}

func (*BatchNorm) Kind() string       { return "BatchNormalization" }
func (*BatchNorm) Locality() Locality { return Elementwise }
func (*BatchNorm) code() uint64       { return codeBatchNorm }

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

func (b *BatchNorm) validate() error {
	for _, v := range b.Variance {
		if !(v+b.Epsilon > 0) {
			return fmt.Errorf("variance %g with epsilon %g is not positive", v, b.Epsilon)
		}
	}
	return finite(b.Scale, b.Shift, b.Mean, b.Variance)
}

func (b *BatchNorm) encode(e *encoder) {
	for _, list := range [][]float32{b.Scale, b.Shift, b.Mean, b.Variance} {
		e.floats(list)
	}
	e.float(b.Epsilon)
}

func (b *BatchNorm) KeepChannels(_ Shape, _, outputs []int) Op {
	return &BatchNorm{
		Scale: picked(b.Scale, outputs), Shift: picked(b.Shift, outputs),
		Mean: picked(b.Mean, outputs), Variance: picked(b.Variance, outputs), Epsilon: b.Epsilon,
	}
}

// picked are the numbers at the given places.
func picked(from []float32, places []int) []float32 {
	numbers := make([]float32, len(places))
	for i, p := range places {
		numbers[i] = from[p]
	}
	return numbers
}

// LRN divides by the squares of the channels around: x / (Bias + Alpha/Size·Σx²)^Beta, where the sum takes
// ⌊(Size−1)/2⌋ channels before and ⌈(Size−1)/2⌉ behind (Krizhevsky et al. 2012).
type LRN struct {
	Size              int
	Alpha, Beta, Bias float32
}

func (LRN) Kind() string       { return "LRN" }
func (LRN) Locality() Locality { return Mixing }
func (LRN) code() uint64       { return codeLRN }

func (l LRN) OutputShape(inputs []Shape) (Shape, error) {
	in, err := image(inputs)
	if err == nil && l.Size < 1 {
		err = fmt.Errorf("sums over %d channels", l.Size)
	}
	return in, err
}

func (l LRN) validate() error {
	if l.Size > maxExtent || !(l.Bias > 0) || l.Alpha < 0 {
		return fmt.Errorf("size %d, bias %g and alpha %g do not make a normalization", l.Size, l.Bias, l.Alpha)
	}
	return finite([]float32{l.Alpha, l.Beta, l.Bias})
}

func (l LRN) encode(e *encoder) {
	e.int(l.Size)
	e.float(l.Alpha, l.Beta, l.Bias)
}

// Softmax normalizes the exponentials along an axis (0: channels, or all of a vector), or gives the logarithms
// of that.
type Softmax struct {
	Axis int
	Log  bool
}

func (s Softmax) Kind() string {
	if s.Log {
		return "LogSoftmax"
	}
	return "Softmax"
}

func (s Softmax) Locality() Locality {
	if s.Axis > 0 { // over the pixels of each channel
		return Channelwise
	}
	return Mixing
}

func (s Softmax) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err == nil && (s.Axis < 0 || s.Axis >= len(in)) {
		err = fmt.Errorf("normalizes over axis %d of %v", s.Axis, in)
	}
	return in, err
}

func (Softmax) validate() error { return nil }

func (s Softmax) code() uint64 {
	if s != (Softmax{}) {
		return codeAxisSoftmax
	}
	return codeSoftmax
}

func (s Softmax) encode(e *encoder) {
	if s.code() == codeAxisSoftmax {
		e.int(s.Axis)
		e.bool(s.Log)
	}
}
