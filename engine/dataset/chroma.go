package dataset

import "image"

// takeYCbCr converts a JPEG's colours as libjpeg does, and with it Pillow: colour stored
// at half the resolution is interpolated ("fancy upsampling", jdsample.c), not repeated,
// and conversion is in 16-bit fixed point (jdcolor.c).
func (p *picture) takeYCbCr(m *image.YCbCr) {
	for range 3 {
		p.planes = append(p.planes, make([]uint8, p.width*p.height))
	}
	blue, red := make([]uint8, p.width+1), make([]uint8, p.width+1)
	sums := make([]int, (p.width+1)/2)
	for y := range p.height {
		upsample(blue, m, m.Cb, y, sums)
		upsample(red, m, m.Cr, y, sums)
		luma := m.Y[y*m.YStride : y*m.YStride+p.width]
		at := y * p.width
		for x, l := range luma {
			l, cb, cr := int(l), int(blue[x])-128, int(red[x])-128
			p.planes[0][at+x] = clamp(l + (91881*cr+1<<15)>>16)
			p.planes[1][at+x] = clamp(l + (-22554*cb-46802*cr+1<<15)>>16)
			p.planes[2][at+x] = clamp(l + (116130*cb+1<<15)>>16)
		}
	}
}

func clamp(x int) uint8 { return uint8(max(0, min(255, x))) }

// upsample writes row y of a colour plane at full resolution to dst, which has one
// element more than a row. sums is space for half a row.
func upsample(dst []uint8, m *image.YCbCr, plane []uint8, y int, sums []int) {
	height := m.Rect.Dy()
	// Interpolation is done on numbers of 4 or, with rows, 16 times the size.
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		for i := range sums {
			sums[i] = int(plane[y*m.CStride+i])
		}
		interpolate(dst, sums, 2, 1, 2)
	case image.YCbCrSubsampleRatio420:
		near, far := y/2, y/2-1+y%2*2
		far = max(0, min((height-1)/2, far))
		for i := range sums {
			sums[i] = 3*int(plane[near*m.CStride+i]) + int(plane[far*m.CStride+i])
		}
		interpolate(dst, sums, 4, 8, 7)
	default:
		for x := range dst[:len(dst)-1] {
			dst[x] = plane[m.COffset(m.Rect.Min.X+x, m.Rect.Min.Y+y)]
		}
	}
}

// interpolate makes two pixels of every sum: three quarters of it and one of the neighbour
// on the left, or on the right, shifted down and rounded as told, in turn up and down.
func interpolate(dst []uint8, sums []int, shift, roundLeft, roundRight int) {
	last := len(sums) - 1
	for i, s := range sums {
		left, right := sums[max(0, i-1)], sums[min(last, i+1)]
		dst[2*i] = uint8((3*s + left + roundLeft) >> shift)
		dst[2*i+1] = uint8((3*s + right + roundRight) >> shift)
	}
}
