package kernel

// bitChannels is how many channels share a word of a plane.
const bitChannels = 32

// PackStride is the distance, down and across, of the pixels that [PackBits] takes for a convolution: a
// kernel of 1×1 does not see those between its strides.
func PackStride(w Window) [2]int {
	if w.Taps() == 1 && w.Top == 0 && w.Left == 0 && w.OutH == ceilDiv(w.InH, w.Stride[0]) && w.OutW == ceilDiv(w.InW, w.Stride[1]) {
		return w.Stride
	}
	return [2]int{1, 1}
}

// packed is a convolution over the pixels that are packed for it.
func (s Shape) packed() Shape {
	step := PackStride(s.Window)
	s.InH, s.InW = ceilDiv(s.InH, step[0]), ceilDiv(s.InW, step[1])
	s.Stride = [2]int{s.Stride[0] / step[0], s.Stride[1] / step[1]}
	return s
}

// packedPixel is the bytes of a pixel's planes.
func packedPixel(channels, bits int) int { return ceilDiv(channels, bitChannels) * 4 * bits }

// PackedSize is the length of what [PackBits] writes for a convolution's input.
func PackedSize(s Shape, bits int) int {
	packed := s.packed()
	return (1 + packed.InH*packed.InW) * packedPixel(s.InC, bits)
}

// PackBits takes the pixels of an activation buffer that a convolution sees apart into their lowest bits:
// [pixel][plane][word of 32 channels], little-endian, the padding pixel first unless no window
// reaches it. Which bits stand for lanes beyond the channels depends on the ISA.
func PackBits(isa ISA, s Shape, out, in []uint8, bits int) {
	out, in = out[:PackedSize(s, bits)], in[:s.inputSize()]
	step, packed := PackStride(s.Window), s.packed()
	if step == [2]int{1, 1} {
		packRows(isa, out, in, s.InC, bits, 1, 1+s.InH*s.InW, 1, 0)
		return
	}
	size, stride := packedPixel(s.InC, bits), s.inStride()
	packRows(isa, out[size:], in[stride:], s.InC, bits, packed.InH, packed.InW, step[1], step[0]*s.InW)
}

// packRows packs rows of pixels, step apart in the input; row is the distance of the rows.
func packRows(isa ISA, out, in []uint8, channels, bits, rows, pixels, step, row int) {
	if rows*pixels == 0 {
		return
	}
	v, stride := vectorOf(isa), ChannelStride(channels)
	size, plane := packedPixel(channels, bits), ceilDiv(channels, bitChannels)*4
	if v != nil && v.packWords != nil {
		const atOnce = 64 // channels
		for channel := 0; channel < channels; channel += atOnce {
			present := ^uint64(0) >> max(0, channel+atOnce-channels)
			v.packWords(rows, pixels, bits, &out[channel/8], &in[channel], size, step*stride, (row-pixels*step)*stride, plane, present)
		}
		return
	}
	for y := range rows {
		to, from := out[y*pixels*size:], in[y*row*stride:]
		if v != nil && v.packBits != nil {
			for channel := 0; channel < stride; channel += lanes {
				v.packBits(pixels, bits, &to[channel/8], &from[channel], size, step*stride, plane)
			}
			continue
		}
		for p := range pixels {
			planes := to[p*size:][:size]
			clear(planes)
			for k, q := range from[p*step*stride:][:channels] {
				for i := range bits {
					planes[i*plane+k/8] |= q >> i & 1 << (k % 8)
				}
			}
		}
	}
}
