package kernel

// Requantize turns a convolution's sums into uint8:
//
//	q = clamp(roundHalfEven(float32(sum)·Scale[channel]) + Zero, Lo, Hi)
//
// in float32 arithmetic. A ReLU is Lo = Zero.
type Requantize struct {
	Scale        []float32 // inScale·weightScale[channel]/outScale, finite; ChannelStride(outC) long
	Zero, Lo, Hi uint8     // Lo ≤ Hi
	Residual     *QuantAdd // nil: none
}

// QuantAdd adds a second quantized tensor to what Requantize gives, just as [AddUint8] would
// in a pass of its own:
//
//	y   = float32(q−Zero)·Scale + float32(input−InputZero)·InputScale
//	out = clamp(roundHalfEven(y/OutScale) + OutZero, OutLo, OutHi)
//
// where q and Zero are those of the Requantize.
type QuantAdd struct {
	Scale        float32 // of q
	Input        []uint8 // in the output's layout
	InputScale   float32
	InputZero    uint8
	OutScale     float32
	OutZero      uint8
	OutLo, OutHi uint8 // OutLo ≤ OutHi
}

func (r *Requantize) quantize(sum int32, channel int) uint8 {
	// The conversion keeps the product from being fused into the sum within round.
	return round(float32(float32(sum)*r.Scale[channel]), r.Zero, r.Lo, r.Hi)
}

func (r *Requantize) add(q, residual uint8) uint8 {
	a := r.Residual
	return addUint8(q, residual, Affine{a.Scale, r.Zero}, Affine{a.InputScale, a.InputZero},
		Affine{a.OutScale, a.OutZero}, a.OutLo, a.OutHi)
}

// limits are the limits without the zero.
func (r *Requantize) limits() (lo, hi float32) {
	zero := float32(r.Zero)
	return float32(r.Lo) - zero, float32(r.Hi) - zero
}

// addConstants are those of the residual, which there is.
func (r *Requantize) addConstants() addConstants {
	a := r.Residual
	c := newAddConstants(Affine{a.Scale, r.Zero}, Affine{a.InputScale, a.InputZero}, Affine{a.OutScale, a.OutZero}, a.OutLo, a.OutHi)
	c.lo, c.hi = r.limits()
	return c
}

// round is clamp(roundHalfEven(y) + zero, lo, hi); NaN gives lo.
func round(y float32, zero, lo, hi uint8) uint8 {
	// Rounding is monotonic and the limits are integers, so limiting first changes
	// nothing, and it makes the sum below exact to the integer.
	low, high := float32(lo)-float32(zero), float32(hi)-float32(zero)
	if !(y > low) {
		return lo
	}
	if y >= high {
		return hi
	}
	const integers = 3 << 22 // float32 numbers near 1.5·2²³ are one apart
	return uint8(int32(float32(y+integers)-integers) + int32(zero))
}
