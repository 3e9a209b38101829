package kernel

// Depthwise weights are packed [tap][ChannelStride(C)]: channels across lanes in both
// operands.

// depthwiseTile is the most pixels that share the loads of weights.
const depthwiseTile = 4

func packDepthwise[D, W int8 | int32 | float32](s Shape, dst []D, weight []W) {
	stride, taps := s.outStride(), s.Taps()
	for c := range s.OutC {
		for tap := range taps {
			dst[tap*stride+c] = D(weight[c*taps+tap])
		}
	}
}

// depthwiseSums adds the products of four channels over all taps.
func depthwiseSums[X uint8 | float32, W int8 | float32, S int32 | float32](
	sums *[portableWidth]S, in []X, offsets []int32, w []W, stride int) {
	s0, s1, s2, s3 := sums[0], sums[1], sums[2], sums[3]
	for tap, offset := range offsets {
		x := in[offset:][:portableWidth]
		v := w[tap*stride:][:portableWidth]
		s0 += S(x[0]) * S(v[0])
		s1 += S(x[1]) * S(v[1])
		s2 += S(x[2]) * S(v[2])
		s3 += S(x[3]) * S(v[3])
	}
	*sums = [portableWidth]S{s0, s1, s2, s3}
}
