package kernel

// Pixels turns an image's planes, [channels, pixels], into a tensor in kernel layout with so many scalars per pixel, a
// multiple of 4. Of the lanes beyond the channels, those among the first four become zero; the others are left alone, as the
// padding pixel is.
func Pixels(isa ISA, out, planes []float32, channels, stride int) {
	pixels := len(planes) / channels
	planes, out = planes[:channels*pixels], out[stride:][:pixels*stride]
	v, done := vectorOf(isa), 0
	if v != nil && channels < len(v.toPixels) && v.toPixels[channels] != nil {
		done = v.cover(pixels, func(i, n int) {
			v.toPixels[channels](n, &out[i*stride], &planes[i], pixels*floatBytes, stride*floatBytes)
		})
	}
	if channels == 3 {
		threeChannels(out[done*stride:], planes[done:], pixels, stride)
		return
	}
	for c := range channels {
		at := done*stride + c
		for _, x := range planes[c*pixels+done : (c+1)*pixels] {
			out[at] = x
			at += stride
		}
	}
	for at := done * stride; at < len(out) && channels < 4; at += stride {
		clear(out[at+channels : at+4])
	}
}

// threeChannels writes pixels of three channels, whose planes begin so many scalars apart.
func threeChannels(out, planes []float32, plane, stride int) {
	n := len(out) / stride
	red, green, blue := planes[:n], planes[plane:][:n], planes[2*plane:][:n]
	for i, r := range red {
		pixel := (*[4]float32)(out[i*stride:])
		pixel[0], pixel[1], pixel[2], pixel[3] = r, green[i], blue[i], 0
	}
}

// QuantizePixels is [Pixels] that quantizes, see [QuantizeFloat]. Lanes beyond the channels become anything.
func QuantizePixels(isa ISA, out []uint8, planes []float32, channels int, q Affine, limit uint8) {
	pixels, stride := len(planes)/channels, ChannelStride(channels)
	planes, out = planes[:channels*pixels], out[stride:][:pixels*stride]
	v, done := vectorOf(isa), 0
	if v != nil && channels < len(v.quantizePixels) && v.quantizePixels[channels] != nil {
		zero := float32(q.Zero)
		done = v.cover(pixels, func(i, n int) {
			v.quantizePixels[channels](n, &out[i*stride], &planes[i], pixels*floatBytes, q.Scale, -zero, float32(limit)-zero, int32(q.Zero))
		})
	}
	if done == pixels {
		return
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for c := range channels {
		at := done*stride + c
		for plane := planes[c*pixels+done : (c+1)*pixels]; len(plane) > 0; {
			n := min(len(plane), len(s.integers))
			QuantizeFloat(isa, s.integers[:n], plane[:n], q, limit)
			for _, x := range s.integers[:n] {
				out[at] = x
				at += stride
			}
			plane = plane[n:]
		}
	}
}
