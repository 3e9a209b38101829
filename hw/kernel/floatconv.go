package kernel

// FloatConv is a float convolution with bias, optional residual and clamp. It is
// immutable and safe for concurrent Runs.
type FloatConv interface {
	// Run computes out = clamp(conv(in) + bias + residual). residual has out's layout;
	// nil means none. It may be out itself. scratch is [FloatPlan.Scratch] long, 64-byte aligned and overlaps nothing
	// else; it may hold anything before.
	Run(out, in, residual, scratch []float32)
}

// floatLayer is what every algorithm knows of a float convolution.
type floatLayer struct {
	shape           Shape
	stride          int       // scalars per output pixel
	inputs, outputs int       // scalars per image
	bias            []float32 // stride long
	lo, hi          float32
}

func newFloatLayer(s Shape, bias []float32, lo, hi float32) floatLayer {
	l := floatLayer{shape: s, stride: s.outStride(), inputs: s.inputSize(), outputs: s.outputSize(), lo: lo, hi: hi}
	l.bias = Floats(l.stride)
	copy(l.bias, bias)
	return l
}

// operands cuts operands to the lengths that so many images imply, so that assembly stays within them.
func (l *floatLayer) operands(images int, out, in, residual []float32) (outs, ins, residuals []float32) {
	out, in = out[:images*l.outputs], in[:images*l.inputs]
	if residual != nil {
		residual = residual[:len(out)]
	}
	return out, in, residual
}

// clearLanes zeroes the lanes beyond the channels if the limits have left something there.
func (l *floatLayer) clearLanes(out []float32) {
	if l.lo > 0 || l.hi < 0 {
		clearPadding(out, l.shape.OutC)
	}
}

// optional is the address of an element, nil if there is no slice.
func optional[T any](s []T, i int) *T {
	if s == nil {
		return nil
	}
	return &s[i]
}

// clamp limits y to [lo, hi]; NaN stays NaN, so that divergence shows.
func clamp(y, lo, hi float32) float32 {
	if y < lo {
		return lo
	}
	if y > hi {
		return hi
	}
	return y
}

// clearPadding zeroes the lanes beyond the channels of all pixels but the first.
func clearPadding(buffer []float32, channels int) {
	stride := ChannelStride(channels)
	for i := stride; i < len(buffer); i += stride {
		clear(buffer[i+channels : i+stride])
	}
}
