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

// packedWindow is a convolution's window over the pixels that are packed for it.
func packedWindow(w Window) Window {
	step := PackStride(w)
	w.InH, w.InW = ceilDiv(w.InH, step[0]), ceilDiv(w.InW, step[1])
	w.Stride = [2]int{w.Stride[0] / step[0], w.Stride[1] / step[1]}
	return w
}

// packedPixel is the bytes of a pixel's planes.
func packedPixel(channels, bits int) int { return ceilDiv(channels, bitChannels) * 4 * bits }

// PackedSize is the length of what [PackBits] writes for a convolution's input.
func PackedSize(w Window, channels, bits int) int {
	w = packedWindow(w)
	return (1 + w.InH*w.InW) * packedPixel(channels, bits)
}

// PackBits takes the pixels of an activation buffer that a convolution sees, and its padding pixel, apart
// into their lowest bits: [pixel][plane][word of 32 channels], little-endian. Which bits
// stand for lanes beyond the channels depends on the ISA.
func PackBits(isa ISA, w Window, out, in []uint8, channels, bits int) {
	p := bitPacker{vectorOf(isa), channels, bits, out[:PackedSize(w, channels, bits)], in[:(1+w.InH*w.InW)*ChannelStride(channels)]}
	step, packed := PackStride(w), packedWindow(w)
	if step == [2]int{1, 1} {
		p.pack(0, 0, 1+w.InH*w.InW, 1)
		return
	}
	p.pack(0, 0, 1, 1)
	for y := range packed.InH {
		p.pack(1+y*packed.InW, 1+y*step[0]*w.InW, packed.InW, step[1])
	}
}

type bitPacker struct {
	vector         *vector
	channels, bits int
	out, in        []uint8
}

// pack packs so many pixels, in the input step apart.
func (b bitPacker) pack(to, from, pixels, step int) {
	const atOnce = 64 // channels that packWords takes
	v, stride := b.vector, ChannelStride(b.channels)
	size, plane := packedPixel(b.channels, b.bits), ceilDiv(b.channels, bitChannels)*4
	if pixels == 0 {
		return
	}
	switch {
	case v != nil && v.packWords != nil:
		for channel := 0; channel < b.channels; channel += atOnce {
			present := ^uint64(0) >> max(0, channel+atOnce-b.channels)
			v.packWords(pixels, b.bits, &b.out[to*size+channel/8], &b.in[from*stride+channel], size, step*stride, plane, present)
		}
	case v != nil && v.packBits != nil:
		for channel := 0; channel < stride; channel += lanes {
			v.packBits(pixels, b.bits, &b.out[to*size+channel/8], &b.in[from*stride+channel], size, step*stride, plane)
		}
	default:
		for p := range pixels {
			planes := b.out[(to+p)*size:][:size]
			clear(planes)
			for k, q := range b.in[(from+p*step)*stride:][:b.channels] {
				for i := range b.bits {
					planes[i*plane+k/8] |= q >> i & 1 << (k % 8)
				}
			}
		}
	}
}

// inputSize is the length of the buffer that the convolution reads.
func (c *IntConv) inputSize() int {
	if c.bits != nil {
		return PackedSize(c.window, c.filter.inC, c.bits.inputs)
	}
	return (1 + c.window.InH*c.window.InW) * ChannelStride(c.filter.inC)
}
