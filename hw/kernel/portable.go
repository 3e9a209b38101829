package kernel

// portableTile and portableWidth are the pixels and output channels whose sums the portable
// kernel holds in registers.
const (
	portableTile  = 2
	portableWidth = 4
)

// accumulate adds to sums[pixel][channel] the products of a tile of one or two
// pixels with a block of packed weights [tap][depth][4].
func accumulate[X uint8 | float32, W int8 | float32, S int32 | float32](
	sums *[portableTile][portableWidth]S, in []X, offsets []int32, taps, depth int, w []W) {
	if len(offsets) == taps {
		accumulateOne(&sums[0], in, offsets, depth, w)
		return
	}
	s00, s01, s02, s03 := sums[0][0], sums[0][1], sums[0][2], sums[0][3]
	s10, s11, s12, s13 := sums[1][0], sums[1][1], sums[1][2], sums[1][3]
	for tap := range taps {
		x0 := in[offsets[2*tap]:][:depth]
		x1 := in[offsets[2*tap+1]:][:depth]
		for k, v := range x0 {
			a0, a1 := S(v), S(x1[k])
			q := w[:portableWidth]
			w0, w1, w2, w3 := S(q[0]), S(q[1]), S(q[2]), S(q[3])
			s00 += a0 * w0
			s01 += a0 * w1
			s02 += a0 * w2
			s03 += a0 * w3
			s10 += a1 * w0
			s11 += a1 * w1
			s12 += a1 * w2
			s13 += a1 * w3
			w = w[portableWidth:]
		}
	}
	sums[0] = [portableWidth]S{s00, s01, s02, s03}
	sums[1] = [portableWidth]S{s10, s11, s12, s13}
}

func accumulateOne[X uint8 | float32, W int8 | float32, S int32 | float32](
	sums *[portableWidth]S, in []X, offsets []int32, depth int, w []W) {
	s0, s1, s2, s3 := sums[0], sums[1], sums[2], sums[3]
	for _, offset := range offsets {
		for _, v := range in[offset:][:depth] {
			a := S(v)
			q := w[:portableWidth]
			s0 += a * S(q[0])
			s1 += a * S(q[1])
			s2 += a * S(q[2])
			s3 += a * S(q[3])
			w = w[portableWidth:]
		}
	}
	*sums = [portableWidth]S{s0, s1, s2, s3}
}
