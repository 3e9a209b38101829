package kernel

import "unsafe"

// vectorUint8 is RunUint8 in assembly. Its tiles are called right here: a function in between, with as many
// arguments, shows in the time of small ones.
func (c *IntConv) vectorUint8(out, in []uint8, r *Requantize) {
	stride := c.shape.outStride()
	zero := float32(r.Zero)
	lo, hi := float32(r.Lo)-zero, float32(r.Hi)-zero
	switch {
	case c.bits == nil && c.endsTiles() && (r.Residual == nil || c.vector.intStrips):
		var residual []uint8
		var add *float32
		if a := r.Residual; a != nil {
			s := scratches.Get().(*scratch)
			defer scratches.Put(s)
			s.add = r.addConstants()
			residual, add = a.Input, &s.add.lo
		}
		t := c.tiling
		for _, b := range c.blocks {
			tiles := c.vector.intTiles(b)
			for _, i := range t.strips {
				at := (1+i.first)*stride + b.out
				tiles[i.pixels](i.count, t.offsetStep(i.tile), i.taps, b.depth, &in[b.in], c.weightsAt(b, i.tile), &out[at],
					t.at(i.tile), stride, &c.bias[b.out], &r.Scale[b.out], lo, hi, int32(r.Zero), optional(residual, at), add)
			}
		}
		return
	case c.bits != nil && c.endsTiles() && r.Residual == nil:
		p, t := c.bits, c.tiling
		for _, b := range c.blocks {
			tiles, passes := c.digitTiles(b)
			for n, i := range t.tiles {
				tiles[i.pixels](i.taps, p.words, &in[0], p.weightsAt(b, i), &out[(1+i.first)*stride+b.out],
					t.at(i), &passes[0].input, len(passes), stride, p.digits.biasAt(b, n), &r.Scale[b.out], lo, hi, int32(r.Zero))
			}
		}
		return
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	if r.Residual == nil {
		c.eachTile(in, s, func(first, pixels, channel, channels int) {
			c.vector.requantizeSums(pixels, channels, &out[(1+first)*stride+channel], &s.sums[0], stride,
				&r.Scale[channel], lo, hi, int32(r.Zero))
		})
		return
	}
	a := r.Residual
	s.add = r.addConstants()
	c.eachTile(in, s, func(first, pixels, channel, channels int) {
		at := (1+first)*stride + channel
		c.vector.addSums(pixels, channels, &out[at], &s.sums[0], stride, &a.Input[at], &r.Scale[channel], &s.add.lo)
	})
}

// vectorFloat is RunFloat in assembly.
func (c *IntConv) vectorFloat(out []float32, in []uint8, residual, scale []float32, lo, hi float32) {
	stride := c.shape.outStride()
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	c.eachTile(in, s, func(first, pixels, channel, channels int) {
		at := (1+first)*stride + channel
		c.vector.dequantizeSums(pixels, channels, &out[at], &s.sums[0], stride*floatBytes, optional(residual, at), &scale[channel], lo, hi)
	})
}

// eachTile calls end with every tile's first pixel, pixels, first channel and channels, rounded
// up to whole vectors, having left its sums in s: zeros beyond the block.
func (c *IntConv) eachTile(in []uint8, s *scratch, end func(first, pixels, channel, channels int)) {
	switch {
	case c.endsTiles():
	case c.bits != nil:
		c.eachTileBits(in, s, end)
		return
	default:
		c.eachTileDepthwise(in, s, end)
		return
	}
	t := c.tiling
	sums := (*uint8)(unsafe.Pointer(&s.sums[0]))
	for _, b := range c.blocks {
		if p := c.bits; p != nil {
			tiles, passes := c.digitTiles(b)
			for n, i := range t.tiles {
				tiles[i.pixels](i.taps, p.words, &in[0], p.weightsAt(b, i), sums,
					t.at(i), &passes[0].input, len(passes), b.width*4, p.digits.biasAt(b, n), nil, 0, 0, 0)
				end(i.first, i.pixels, b.out, b.width)
			}
			continue
		}
		tiles, channels := c.vector.intTiles(b), roundUp(b.width, lanes)
		if channels > b.width {
			clear(s.sums[:])
		}
		for _, i := range t.tiles {
			tiles[i.pixels](1, 0, i.taps, b.depth, &in[b.in], c.weightsAt(b, i), sums,
				t.at(i), channels*4, &c.bias[b.out], nil, 0, 0, 0, nil, nil)
			end(i.first, i.pixels, b.out, channels)
		}
	}
}

// endsTiles tells whether tiles requantize what they have summed.
func (c *IntConv) endsTiles() bool {
	if c.bits != nil {
		return c.bits.digits != nil
	}
	return !c.shape.Depthwise()
}

// weightsAt is where a block's weights for a tile's first tap begin.
func (c *IntConv) weightsAt(b block, i tile) *int8 {
	at := b.weights + i.tap*b.depth*b.width
	if c.vector.words {
		at *= 2
	}
	return &c.weights[at]
}
