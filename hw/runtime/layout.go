package runtime

import "galen/hw/kernel"

// load writes an image in ONNX layout into a slot. Of floats, lanes beyond the channels are zero from the start, since the
// input's slot is not shared.
func load(m *memory, isa kernel.ISA, s *slot, image []float32) {
	if s.quant == nil {
		kernel.Pixels(isa, s.floats(m), image, s.shape[0], s.stride)
		return
	}
	kernel.QuantizePixels(isa, s.bytes(m), image, s.shape[0], affine(s.quant), uint8(s.quant.Max()))
}

// store writes a slot's real numbers in ONNX layout.
func store(m *memory, image []float32, s *slot) {
	if s.quant == nil {
		fromPixels(image, s.floats(m), s.shape[0], s.stride)
		return
	}
	in := s.bytes(m)
	scale, zero := s.quant.Scale, int32(s.quant.Zero)
	for c := range s.shape[0] {
		plane := image[c*s.pixels : (c+1)*s.pixels]
		at := s.stride + c
		for i := range plane {
			plane[i] = float32(int32(in[at])-zero) * scale
			at += s.stride
		}
	}
}

// fromPixels turns kernel layout into [channels, pixels].
func fromPixels(image, in []float32, channels, stride int) {
	pixels := len(image) / channels
	for c := range channels {
		at := stride + c
		plane := image[c*pixels : (c+1)*pixels]
		for i := range plane {
			plane[i] = in[at]
			at += stride
		}
	}
}
