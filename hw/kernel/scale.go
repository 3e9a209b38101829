package kernel

// ScaleChannels computes out = clamp(in·factor + shift, lo, hi) for a tensor in kernel layout, with a factor
// and a shift for every channel: batch normalization, or a gate on channels. factor and shift are a pixel long, zeros
// beyond the channels, and the clamp includes 0 where there are such lanes. The padding pixel is left alone;
// out may be in itself.
func ScaleChannels(isa ISA, out, in, factor, shift []float32, lo, hi float32) {
	stride := len(factor)
	in, shift = in[:len(out)], shift[:stride]
	v := vectorOf(isa)
	if v == nil {
		for at := stride; at < len(out); at += stride {
			dst, src := out[at:at+stride], in[at:at+stride]
			for c, x := range src {
				dst[c] = clamp(x*factor[c]+shift[c], lo, hi)
			}
		}
		return
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for i := range s.offsets {
		s.offsets[i] = int32(i * stride * floatBytes)
	}
	for at := stride; at < len(out); {
		pixels := min((len(out)-at)/stride, depthwiseTile)
		v.depthwiseFloat[pixels](1, stride, &in[at], &factor[0], &out[at], &s.offsets[0],
			stride*floatBytes, 0, &shift[0], nil, lo, hi)
		at += pixels * stride
	}
}
