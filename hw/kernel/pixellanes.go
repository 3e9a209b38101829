package kernel

import (
	"math"
	"slices"
)

// pixelLanes are an IntConv's weights for sixteen pixels across lanes, in place of output channels of which there are
// few. The window moves by one pixel and the output is as wide as the input, so that sixteen
// output pixels side by side see sixteen input pixels side by side at every tap: with a plane of the image for every column of the
// window, shifted by it and padded, a tap is an offset into a plane, whatever rows the pixels are in.
//
// The planes of a band of rows at a time hold four input channels of every pixel each, for every shift; the band is as
// large as the first-level cache allows.
type pixelLanes struct {
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
	three func(vectors int, in *uint8, quad int, planes *uint32, plane int, masks *uint16, padding *uint8, above, below int) // split and shift by -1, 0 and 1 in one
	tiles [5][]pixelTiles                                                                                                    // the larger ones first
}

// pixelTiles have so many vectors of pixels.
type pixelTiles struct {
	vectors int
	run     func(tiles, steps int, planes *uint32, offsets *int32, weights *int8, out *uint8, bias *int32, scale *float32, zero int16, lo, hi uint8, residual *uint8, add *float32)
}

// pixelLanesFit tells whether a convolution can have pixels across lanes, with planes of a row of the output that are not
// beyond the caches.
func (c *IntConv) pixelLanesFit() bool {
	const most = 1 << 20
	w := c.shape
	if c.vector == nil || c.vector.pixelLanes.shift == nil || w.Groups != 1 || w.InC > lanes || w.OutC > lanes ||
		w.Stride != [2]int{1, 1} || w.OutW != w.InW {
		return false
	}
	row := (w.Kernel[1] + 1) * ceilDiv(w.InC, 4) * w.InW * quadBytes
	return (w.Kernel[0]-1)*w.Dilation[0] < most/row
}

// pixelsFaster tells whether pixels across lanes make a convolution that fits faster. Channels across lanes come in eights.
func (c *IntConv) pixelsFaster() bool {
	in, out, pixels := c.shape.InC, c.shape.OutC, c.shape.OutW*c.shape.OutH
	switch {
	case pixels < 4*pixelVector:
		return false
	case out <= 4 || out > 8 && out <= 12:
		return true
	case out <= 8:
		return in <= 8 && pixels%pixelVector == 0
	}
	return false
}

// planPixels plans a convolution that fits.
func (c *IntConv) planPixels(weight []int8) {
	w := c.shape
	p := &pixelLanes{inQuads: ceilDiv(w.InC, 4), outQuads: ceilDiv(w.OutC, 4), halo: (w.Kernel[0] - 1) * w.Dilation[0]}
	for k := range w.Kernel[1] {
		p.shifts = append(p.shifts, k*w.Dilation[1]-w.Left)
	}
	p.base = slices.Index(p.shifts, 0)
	if p.base < 0 {
		p.base = len(p.shifts)
		p.shifts = append(p.shifts, 0)
	}
	row := len(p.shifts) * p.inQuads * w.InW * quadBytes
	p.rows = min(max(bandBytes/row-p.halo, 1), w.OutH)
	vectors := ceilDiv((p.rows+p.halo)*w.InW, pixelVector)
	p.plane = (vectors + 1) * pixelVector * quadBytes // the last pixels' vector reaches beyond
	p.outside = make([]uint16, vectors)
	p.masks = make([]uint16, len(p.shifts)*vectors)
	for s, shift := range p.shifts {
		masks := p.masks[s*vectors:][:vectors]
		for i := range (p.rows + p.halo) * w.InW {
			if x := i%w.InW + shift; x >= 0 && x < w.InW {
				masks[i/pixelVector] |= 1 << (i % pixelVector)
			}
		}
	}
	if slices.Equal(p.shifts, []int{-1, 0, 1}) {
		for i := range vectors {
			p.neighbours = append(p.neighbours, p.masks[i], p.masks[2*vectors+i])
		}
	}
	for tap := range w.Taps() {
		row, column := tap/w.Kernel[1]*w.Dilation[0], tap%w.Kernel[1]
		for q := range p.inQuads {
			p.offsets = append(p.offsets, int32((column*p.inQuads+q)*p.plane+row*w.InW*quadBytes))
		}
	}
	b := block{width: 4 * p.outQuads, depth: 4 * p.inQuads}
	p.weights = packed[int8](w.Taps() * b.depth * b.width)
	packFours(w, b, reinterpret[uint32](p.weights), weight)
	p.most = make([]float32, w.OutC)
	per := w.InC * w.Taps()
	for o := range p.most {
		most := math.Abs(float64(c.bias[o]))
		for _, q := range weight[o*per:][:per] {
			most += 255 * math.Abs(float64(q))
		}
		p.most[o] = float32(most)
	}
	c.pixels = p
}

// scratchSize is the bytes that the planes need.
func (p *pixelLanes) scratchSize() int { return len(p.shifts) * p.inQuads * p.plane }

// pixelsEnd tells whether the end of pixelLanes gives what r defines: no sum exceeds 32 bits when scaled and a
// reciprocal, which it returns, can replace the residual's division, if there is one.
func (c *IntConv) pixelsEnd(r *Requantize) (*reciprocal, bool) {
	const limit = 1 << 30
	for o, most := range c.pixels.most {
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

// runPixels is RunUint8; inverse is what pixelsEnd gives.
func (c *IntConv) runPixels(out, in []uint8, r *Requantize, inverse *reciprocal) {
	w, p, k := c.shape, c.pixels, &c.vector.pixelLanes
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	if n := p.scratchSize() / quadBytes; len(s.planes) < n {
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
	steps := len(p.offsets)
	for y := 0; y < w.OutH; y += p.rows {
		rows := min(p.rows, w.OutH-y)
		c.splitBand(s, in, y-w.Top, rows+p.halo)
		at, place := (1+y*w.OutW)*pixelBytes, 0
		pixels := rows * w.OutW
		for _, t := range k.tiles[p.outQuads] {
			n := pixels / (t.vectors * pixelVector)
			if n == 0 {
				continue
			}
			t.run(n, steps, &s.planes[place], &p.offsets[0], &p.weights[0], &out[at], &c.bias[0], &r.Scale[0],
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
			tiles := k.tiles[p.outQuads]
			tiles[len(tiles)-1].run(1, steps, &s.planes[place], &p.offsets[0], &p.weights[0], &s.pixels[0], &c.bias[0], &r.Scale[0],
				int16(zero), lo, hi, rest, add)
			copy(out[at:], s.pixels[:pixels*pixelBytes])
		}
	}
}

// splitBand fills the planes with rows of the image and what is beyond it.
func (c *IntConv) splitBand(s *scratch, in []uint8, y, rows int) {
	w, p, k := c.shape, c.pixels, &c.vector.pixelLanes
	first, last := min(max(y, 0), y+rows), max(min(y+rows, w.InH), y)
	above, inside, below := (first-y)*w.InW, max(last-first, 0)*w.InW, (y+rows-max(first, last))*w.InW
	at := (1 + first*w.InW) * pixelBytes
	if p.neighbours != nil && inside%pixelVector == 0 && inside > 0 {
		for q := range p.inQuads {
			k.three(inside/pixelVector, &in[at], q, p.at(s, 0, q, 0), p.inQuads*p.plane, &p.neighbours[0], &in[quadBytes*q], above, below)
		}
		return
	}
	pad := func(from, pixels int) {
		for q := range p.inQuads {
			if pixels > 0 {
				to := p.at(s, p.base, q, from)
				k.shift(ceilDiv(pixels, pixelVector), to, to, 0, &p.outside[0], &in[quadBytes*q])
			}
		}
	}
	pad(0, above)
	vectors := inside / pixelVector
	if vectors > 0 {
		k.split[p.inQuads](vectors, &in[at], p.at(s, p.base, 0, above), p.plane)
	}
	if whole := vectors * pixelVector; whole < inside {
		copy(s.pixels[:], in[at+whole*pixelBytes:])
		k.split[p.inQuads](1, &s.pixels[0], p.at(s, p.base, 0, above+whole), p.plane)
	}
	pad(above+inside, below)
	all := len(p.outside)
	for i, shift := range p.shifts {
		if i == p.base {
			continue
		}
		for q := range p.inQuads {
			k.shift(ceilDiv(rows*w.InW, pixelVector), p.at(s, i, q, 0), p.at(s, p.base, q, 0), shift*quadBytes, &p.masks[i*all], &in[quadBytes*q])
		}
	}
}

// at is a pixel's place in a plane.
func (p *pixelLanes) at(s *scratch, shift, quad, pixel int) *uint32 {
	return &s.planes[(shift*p.inQuads+quad)*p.plane/quadBytes+pixel]
}
