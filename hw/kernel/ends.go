package kernel

// What follows a convolution's sums: in assembly for tiles of them that lie in a scratch, in plain Go for those of
// four channels of a pixel. Algorithms whose assembly sums and ends in one need neither.

// Rescale turns a convolution's sums into float:
//
//	y = clamp(float32(sum)·Scale[channel] + Residual, Lo, Hi)
type Rescale struct {
	Scale    []float32 // ChannelStride(OutC) long and finite
	Residual []float32 // in the output's layout; nil: none
	Lo, Hi   float32
}

// uint8Operands cuts operands to the lengths that the layer implies, so that assembly stays within them.
func (l *intLayer) uint8Operands(out, in []uint8, r *Requantize) (outs, ins []uint8) {
	_ = r.Scale[:l.stride]
	if r.Residual != nil {
		_ = r.Residual.Input[:l.outputs]
	}
	return out[:l.outputs], in[:l.inputs]
}

// floatOperands is uint8Operands for floats.
func (l *intLayer) floatOperands(out []float32, in []uint8, r Rescale) (outs []float32, ins []uint8) {
	_ = r.Scale[:l.stride]
	if r.Residual != nil {
		_ = r.Residual[:l.outputs]
	}
	return out[:l.outputs], in[:l.inputs]
}

// clearLanes zeroes the lanes beyond the channels if the limits have left something there.
func (l *intLayer) clearLanes(out []float32, r Rescale) {
	if r.Lo > 0 || r.Hi < 0 {
		clearPadding(out, l.shape.OutC)
	}
}

// uint8End requantizes tiles of sums and adds what is to be added.
type uint8End struct {
	vector        *vector
	sums          *int32
	out, residual []uint8 // the latter nil: none
	stride        int
	scale         []float32
	lo, hi        float32
	zero          int32
	add           *float32 // the constants of the addition
}

func newUint8End(v *vector, s *scratch, out []uint8, stride int, r *Requantize) uint8End {
	e := uint8End{vector: v, sums: &s.sums[0], out: out, stride: stride, scale: r.Scale, zero: int32(r.Zero)}
	e.lo, e.hi = r.limits()
	if a := r.Residual; a != nil {
		s.add = r.addConstants()
		e.residual, e.add = a.Input, &s.add.lo
	}
	return e
}

// tile ends the sums of some pixels and channels; the latter are whole vectors.
func (e *uint8End) tile(first, pixels, channel, channels int) {
	at := (1+first)*e.stride + channel
	if e.residual == nil {
		e.vector.requantizeSums(pixels, channels, &e.out[at], e.sums, e.stride, &e.scale[channel], e.lo, e.hi, e.zero)
		return
	}
	e.vector.addSums(pixels, channels, &e.out[at], e.sums, e.stride, &e.residual[at], &e.scale[channel], e.add)
}

// floatEnd rescales tiles of sums.
type floatEnd struct {
	vector *vector
	s      *scratch // with the sums
	out    []float32
	stride int
	r      Rescale
}

func (e *floatEnd) tile(first, pixels, channel, channels int) {
	at := (1+first)*e.stride + channel
	e.vector.dequantizeSums(pixels, channels, &e.out[at], &e.s.sums[0], e.stride*floatBytes,
		optional(e.r.Residual, at), &e.r.Scale[channel], e.r.Lo, e.r.Hi)
}

// end requantizes the sums of some channels of a pixel; out and the residual begin with the image.
func (r *Requantize) end(out []uint8, sums *[portableWidth]int32, at, channel int) {
	for j, s := range sums {
		q := r.quantize(s, channel+j)
		if r.Residual != nil {
			q = r.add(q, r.Residual.Input[at+j])
		}
		out[at+j] = q
	}
}

// end rescales the sums of some channels of a pixel; out and the residual begin with the image.
func (r *Rescale) end(out []float32, sums *[portableWidth]int32, at, channel int) {
	for j, s := range sums {
		y := float32(float32(s) * r.Scale[channel+j])
		if r.Residual != nil {
			y += r.Residual[at+j]
		}
		out[at+j] = clamp(y, r.Lo, r.Hi)
	}
}
