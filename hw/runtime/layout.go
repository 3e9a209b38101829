package runtime

import "galen/hw/kernel"

// load writes an image in ONNX layout into a slot, lanes beyond the channels excepted: they
// are zero from the start, since the input's slot is not shared.
func load(m *memory, isa kernel.ISA, s *slot, image []float32) {
	switch {
	case s.quant != nil:
	case s.stride == narrowStride && s.shape[0] == 3:
		toNarrowPixels(s.floats(m), image)
		return
	default:
		toPixels(s.floats(m), image, s.shape[0], s.stride)
		return
	}
	q, limit := affine(s.quant), uint8(s.quant.Max())
	out := s.bytes(m)
	integers := &m.integers
	for c := range s.shape[0] {
		plane := image[c*s.pixels : (c+1)*s.pixels]
		at := s.stride + c
		for len(plane) > 0 {
			n := min(len(plane), len(integers))
			kernel.QuantizeFloat(isa, integers[:n], plane[:n], q, limit)
			for _, v := range integers[:n] {
				out[at] = v
				at += s.stride
			}
			plane = plane[n:]
		}
	}
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

// toPixels turns [channels, pixels] into kernel layout behind the padding pixel.
func toPixels(out, image []float32, channels, stride int) {
	pixels := len(image) / channels
	for c := range channels {
		at := stride + c
		for _, v := range image[c*pixels : (c+1)*pixels] {
			out[at] = v
			at += stride
		}
	}
}

// toNarrowPixels is toPixels for three channels in pixels of four lanes.
func toNarrowPixels(out, image []float32) {
	pixels := len(image) / 3
	red, green, blue := image[:pixels], image[pixels:][:pixels], image[2*pixels:][:pixels]
	out = out[narrowStride:]
	for i, r := range red {
		pixel := (*[narrowStride]float32)(out[narrowStride*i:])
		pixel[0], pixel[1], pixel[2] = r, green[i], blue[i]
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
