package kernel

import (
	"math"
	"slices"
	"sync/atomic"
)

// pixelLaneInt is an integer convolution to uint8 that has sixteen pixels across lanes, in place of output channels of
// which there are few. The window moves by one pixel and the output is as wide as the input, so that sixteen output
// pixels side by side see sixteen input pixels side by side at every tap: with a plane of the image for every column
// of the window, shifted by it and padded, a tap is an offset into a plane, whatever rows the pixels are in.
//
// The planes of a band of rows at a time hold four input channels of every pixel each, for every shift; the band is as
// large as the first-level cache allows.
type pixelLaneInt struct {
	intLayer
	vector   *vector
	channels *channelLaneInt // the same convolution, for ends that these kernels don't have

	inQuads, outQuads int       // fours of channels
	rows              int       // of the output in a band
	halo              int       // rows of the input that a band has more
	plane             int       // bytes
	shifts            []int     // of the window's columns
	base              int       // the shift 0
	masks             []uint16  // [shift][vector]: where the shifted pixel is inside its row
	neighbours        []uint16  // where the shifts are -1, 0 and 1 alone: masks of both for every vector
	outside           []uint16  // a mask for every vector, without a pixel
	offsets           []int32   // [tap][quad], bytes from an output pixel's place
	most              []float32 // no sum of an output channel is larger
	weights           []int8    // [tap][quad][output channel][4]

	inverse atomic.Pointer[reciprocal] // of the scale that a run last divided by
}

const (
	pixelVector = 16 // pixels
	pixelBytes  = 16 // of a pixel of at most 16 channels
	quadBytes   = 4  // of a pixel in a plane
	bandBytes   = 16 << 10
)

// pixelKernels convolve with pixels across lanes; tables are indexed by fours of channels.
type pixelKernels struct {
	split [5]func(vectors int, in *uint8, planes *uint32, plane int)
	shift func(vectors int, out, in *uint32, delta int, masks *uint16, padding *uint8)
	// three splits and shifts by -1, 0 and 1 in one.
	three func(vectors int, in *uint8, quad int, planes *uint32, plane int,
		masks *uint16, padding *uint8, above, below int)
	tiles [5][]pixelTiles // the larger ones first
}

// pixelTiles have so many vectors of pixels.
type pixelTiles struct {
	vectors int
	run     func(tiles, steps int, planes *uint32, offsets *int32, weights *int8, out *uint8,
		bias *int32, scale *float32, zero int16, lo, hi uint8, residual *uint8, add *float32)
}

func newPixelLaneInt(v *vector, s Shape, weight []int8, bias []int32, zero uint8) *pixelLaneInt {
	channels := newChannelLaneInt(v, s, weight, bias, zero)
	c := &pixelLaneInt{intLayer: channels.intLayer, vector: v, channels: channels}
	c.inQuads, c.outQuads, c.halo = ceilDiv(s.InC, 4), ceilDiv(s.OutC, 4), (s.Kernel[0]-1)*s.Dilation[0]
	c.planShifts()
	c.planMasks()
	c.planOffsets()
	b := block{width: 4 * c.outQuads, depth: 4 * c.inQuads}
	c.weights = packed[int8](s.Taps() * b.depth * b.width)
	packFours(s, b, reinterpret[uint32](c.weights), weight)
	c.boundSums(weight)
	return c
}

func (c *pixelLaneInt) RunUint8(out, in []uint8, r *Requantize) {
	inverse, ok := c.exactEnd(r)
	if !ok {
		c.channels.RunUint8(out, in, r)
		return
	}
	out, in = c.uint8Operands(out, in, r)
	c.run(out, in, r, inverse)
}

func (c *pixelLaneInt) RunFloat(out []float32, in []uint8, r Rescale) {
	c.channels.RunFloat(out, in, r)
}

// planShifts lists the shifts and cuts the output into bands.
func (c *pixelLaneInt) planShifts() {
	s := &c.shape
	for k := range s.Kernel[1] {
		c.shifts = append(c.shifts, k*s.Dilation[1]-s.Left)
	}
	c.base = slices.Index(c.shifts, 0)
	if c.base < 0 {
		c.base = len(c.shifts)
		c.shifts = append(c.shifts, 0)
	}
	row := len(c.shifts) * c.inQuads * s.InW * quadBytes
	c.rows = min(max(bandBytes/row-c.halo, 1), s.OutH)
}

// planMasks finds the pixels of a band that stay inside their row when shifted.
func (c *pixelLaneInt) planMasks() {
	width, pixels := c.shape.InW, (c.rows+c.halo)*c.shape.InW
	vectors := ceilDiv(pixels, pixelVector)
	c.outside = make([]uint16, vectors)
	c.masks = make([]uint16, len(c.shifts)*vectors)
	for i, shift := range c.shifts {
		masks := c.masks[i*vectors:][:vectors]
		for p := range pixels {
			if x := p%width + shift; x >= 0 && x < width {
				masks[p/pixelVector] |= 1 << (p % pixelVector)
			}
		}
	}
	if slices.Equal(c.shifts, []int{-1, 0, 1}) {
		for i := range vectors {
			c.neighbours = append(c.neighbours, c.masks[i], c.masks[2*vectors+i])
		}
	}
}

// planOffsets lays out the planes and finds in them what every tap reads.
func (c *pixelLaneInt) planOffsets() {
	s := &c.shape
	c.plane = (len(c.outside) + 1) * pixelVector * quadBytes // the last pixels' vector reaches beyond
	for tap := range s.Taps() {
		row, column := tap/s.Kernel[1]*s.Dilation[0], tap%s.Kernel[1]
		for q := range c.inQuads {
			c.offsets = append(c.offsets, int32((column*c.inQuads+q)*c.plane+row*s.InW*quadBytes))
		}
	}
}

// boundSums finds the largest sum that an output channel may have.
func (c *pixelLaneInt) boundSums(weight []int8) {
	c.most = make([]float32, c.shape.OutC)
	per := len(weight) / c.shape.OutC
	for o := range c.most {
		most := math.Abs(float64(c.bias[o]))
		for _, q := range weight[o*per:][:per] {
			most += 255 * math.Abs(float64(q))
		}
		c.most[o] = float32(most)
	}
}

// scratchSize is the bytes that the planes need.
func (c *pixelLaneInt) scratchSize() int { return len(c.shifts) * c.inQuads * c.plane }

// exactEnd tells whether the end of the kernels gives what r defines: no sum exceeds 32 bits when scaled and a
// reciprocal, which it returns, can replace the residual's division, if there is one.
func (c *pixelLaneInt) exactEnd(r *Requantize) (*reciprocal, bool) {
	const limit = 1 << 30
	for o, most := range c.most {
		if !(most*r.Scale[o] < limit && most*r.Scale[o] > -limit) {
			return nil, false
		}
	}
	a := r.Residual
	if a == nil {
		return nil, true
	}
	i := c.inverse.Load()
	if i == nil || i.of != a.OutScale {
		i = newReciprocal(a.OutScale)
		c.inverse.Store(i)
	}
	most := 255 * (max(a.Scale, -a.Scale) + max(a.InputScale, -a.InputScale))
	return i, i.exact && most < limit*a.OutScale
}

// run is RunUint8; inverse is what exactEnd gives.
func (c *pixelLaneInt) run(out, in []uint8, r *Requantize, inverse *reciprocal) {
	w, k := &c.shape, &c.vector.pixelLanes
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	if n := c.scratchSize() / quadBytes; len(s.planes) < n {
		s.planes = aligned[uint32](n)
	}
	zero, lo, hi := r.Zero, r.Lo, r.Hi
	var residual []uint8
	var add *float32
	if a := r.Residual; a != nil {
		s.add = r.addConstants()
		s.add.inverse, s.add.rest = inverse.high, inverse.low
		residual, add = a.Input, &s.add.lo
		zero, lo, hi = a.OutZero, a.OutLo, a.OutHi
	}
	steps := len(c.offsets)
	for y := 0; y < w.OutH; y += c.rows {
		rows := min(c.rows, w.OutH-y)
		c.splitBand(s, in, y-w.Top, rows+c.halo)
		at, place := (1+y*w.OutW)*pixelBytes, 0
		pixels := rows * w.OutW
		for _, t := range k.tiles[c.outQuads] {
			n := pixels / (t.vectors * pixelVector)
			if n == 0 {
				continue
			}
			t.run(n, steps, &s.planes[place], &c.offsets[0], &c.weights[0], &out[at], &c.bias[0], &r.Scale[0],
				int16(zero), lo, hi, optional(residual, at), add)
			n *= t.vectors * pixelVector
			pixels, place, at = pixels-n, place+n, at+n*pixelBytes
		}
		if pixels > 0 {
			var rest *uint8
			if residual != nil {
				copy(s.residual[:], residual[at:])
				rest = &s.residual[0]
			}
			tiles := k.tiles[c.outQuads]
			tiles[len(tiles)-1].run(1, steps, &s.planes[place], &c.offsets[0], &c.weights[0], &s.pixels[0],
				&c.bias[0], &r.Scale[0], int16(zero), lo, hi, rest, add)
			copy(out[at:], s.pixels[:pixels*pixelBytes])
		}
	}
}

// splitBand fills the planes with rows of the image and what is beyond it.
func (c *pixelLaneInt) splitBand(s *scratch, in []uint8, y, rows int) {
	w, k := &c.shape, &c.vector.pixelLanes
	first, last := min(max(y, 0), y+rows), max(min(y+rows, w.InH), y)
	above, inside, below := (first-y)*w.InW, max(last-first, 0)*w.InW, (y+rows-max(first, last))*w.InW
	at := (1 + first*w.InW) * pixelBytes
	if c.neighbours != nil && inside%pixelVector == 0 && inside > 0 {
		for q := range c.inQuads {
			k.three(inside/pixelVector, &in[at], q, c.at(s, 0, q, 0), c.inQuads*c.plane,
				&c.neighbours[0], &in[quadBytes*q], above, below)
		}
		return
	}
	pad := func(from, pixels int) {
		for q := range c.inQuads {
			if pixels > 0 {
				to := c.at(s, c.base, q, from)
				k.shift(ceilDiv(pixels, pixelVector), to, to, 0, &c.outside[0], &in[quadBytes*q])
			}
		}
	}
	pad(0, above)
	vectors := inside / pixelVector
	if vectors > 0 {
		k.split[c.inQuads](vectors, &in[at], c.at(s, c.base, 0, above), c.plane)
	}
	if whole := vectors * pixelVector; whole < inside {
		copy(s.pixels[:], in[at+whole*pixelBytes:])
		k.split[c.inQuads](1, &s.pixels[0], c.at(s, c.base, 0, above+whole), c.plane)
	}
	pad(above+inside, below)
	all := len(c.outside)
	for i, shift := range c.shifts {
		if i == c.base {
			continue
		}
		for q := range c.inQuads {
			k.shift(ceilDiv(rows*w.InW, pixelVector), c.at(s, i, q, 0), c.at(s, c.base, q, 0), shift*quadBytes,
				&c.masks[i*all], &in[quadBytes*q])
		}
	}
}

// at is a pixel's place in a plane.
func (c *pixelLaneInt) at(s *scratch, shift, quad, pixel int) *uint32 {
	return &s.planes[(shift*c.inQuads+quad)*c.plane/quadBytes+pixel]
}
