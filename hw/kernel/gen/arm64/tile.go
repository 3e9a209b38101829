package main

import "fmt"

const vectors = 4 // sixteen output channels

// tile is what the convolution tiles have in common: a loop over taps that loads the
// address of every pixel, around a loop over input channels.
type tile struct {
	*function
	sums      [][]vector // [pixel][vector]
	x         []vector   // [pixel]
	free      []vector   // all but sums
	weights   general
	depth     general // channels, or words of them, left
	addresses []general
}

func newTile(f *function, pixels int) *tile {
	t := &tile{function: f, weights: f.parameter("weights")}
	for range pixels {
		t.sums = append(t.sums, f.group(vectors))
	}
	t.free = f.group(32 - pixels*vectors)
	t.x = t.free[:pixels]
	return t
}

// startFromBias gives all pixels the bias of their channels.
func (t *tile) startFromBias() {
	bias := t.parameter("bias")
	for j, sum := range t.sums[0] {
		t.load(sum, bias, 16*j)
		for _, sums := range t.sums[1:] {
			t.move(sum, sums[j])
		}
	}
}

// eachTap runs body once per tap, with the pixels' addresses set and the depth as the parameter of
// that name gives it.
func (t *tile) eachTap(name string, body func()) {
	in, offsets, taps, depth := t.parameter("in"), t.parameter("offsets"), t.parameter("taps"), t.parameter(name)
	t.depth = t.general()
	for range t.x {
		t.addresses = append(t.addresses, t.general())
	}
	t.label("tap")
	for _, address := range t.addresses {
		t.op("MOVW.P 4(%v), %v", offsets, address)
		t.op("ADD %v, %v", in, address)
	}
	t.op("MOVD %v, %v", depth, t.depth)
	body()
	t.countDown(taps, 1, "tap")
}

// products multiplies the pixels, element by element, with as many rows of weights for
// sixteen channels. Each vector of weights is loaded ahead of the products of the one
// before, for cores that work in order.
func (t *tile) products(rows int, multiply func(sum, weights, x vector, element int)) {
	w := t.free[len(t.x):][:2]
	n := rows * vectors
	t.load(w[0], t.weights, 0)
	for k := range n {
		if k+1 < n {
			t.load(w[(k+1)%2], t.weights, 16*(k+1))
		}
		for p, x := range t.x {
			multiply(t.sums[p][k%vectors], w[k%2], x, k/vectors)
		}
	}
	t.op("ADD $%d, %v", 16*n, t.weights)
}

// floatTile sums pixels × sixteen output channels in float and clamps them. depth is a
// multiple of 4.
func floatTile(f *file, pixels int) {
	t := newTile(beginFunction(f, fmt.Sprintf("floatTileNEONx%d", pixels),
		"taps, depth int, in, weights, out *float32, offsets *int32, stride int, bias, residual *float32, lo, hi float32"), pixels)
	t.startFromBias()
	t.eachTap("depth", func() {
		t.label("channels")
		for p, address := range t.addresses {
			t.op("FMOVQ.P 16(%v), F%d", address, t.x[p])
		}
		t.products(4, t.fmla)
		t.countDown(t.depth, 4, "channels")
	})
	lo, hi, y := t.everywhere("lo", t.free[0]), t.everywhere("hi", t.free[1]), t.free[2:]
	out, residual, stride := t.parameter("out"), t.parameter("residual"), t.parameter("stride")
	t.skipIfNil(residual, "plain")
	for _, sums := range t.sums {
		for j, sum := range sums {
			t.load(y[j], residual, 16*j)
			t.fadd(sum, sum, y[j])
		}
		t.op("ADD %v, %v", stride, residual)
	}
	t.label("plain")
	for _, sums := range t.sums {
		for j, sum := range sums {
			t.limit(sum, lo, hi)
			t.store(sum, out, 16*j)
		}
		t.op("ADD %v, %v", stride, out)
	}
	t.end()
}

// Integer tiles shift activations by −128 to the range of signed bytes; the bias makes up
// for it. depth is a multiple of 4. With a scale, the sums are requantized and stored as
// bytes; without, they are stored as they are, stride apart. They compute
// one tile and add no residuals.
const intParameters = "tiles, offsetStep, taps, depth int, in *uint8, weights *int8, out *uint8, offsets *int32, stride int, bias *int32, scale *float32, lo, hi float32, zero int32, residual *uint8, add *float32"

// eachChannel runs body for sixteen input channels of all pixels at a time, then for
// four, shifted.
func (t *tile) eachChannel(body func(channels int)) {
	loaded := func(instruction string, channels int) {
		for p, address := range t.addresses {
			t.op("%s.P %d(%v), F%d", instruction, channels, address, t.x[p])
		}
		shift := t.free[len(t.x)]
		t.op("VMOVI $128, V%d.B16", shift)
		for _, x := range t.x {
			t.op("VEOR V%d.B16, V%d.B16, V%d.B16", shift, x, x)
		}
		body(channels)
	}
	t.op("SUBS $16, %v", t.depth)
	t.op("BLT rest")
	t.label("sixteen")
	loaded("FMOVQ", 16)
	t.op("SUBS $16, %v", t.depth)
	t.op("BGE sixteen")
	t.label("rest")
	t.op("ADDS $16, %v", t.depth)
	t.op("BEQ next")
	t.label("four")
	loaded("FMOVS", 4)
	t.countDown(t.depth, 4, "four")
	t.label("next")
}

// dotTile uses dot products, of four input channels each. Weights are packed
// [tap][depth/4][16][4].
func dotTile(f *file, pixels int) {
	t := newTile(beginFunction(f, fmt.Sprintf("dotTileNEONx%d", pixels), intParameters), pixels)
	t.startFromBias()
	t.eachTap("depth", func() {
		t.eachChannel(func(channels int) { t.products(channels/4, t.sdot) })
	})
	t.endInt()
}

// pairTile does without dot products: it multiplies bytes into 16-bit words, which two
// products of −128 by −128 would overflow, and adds pairs of those to the sums. Weights are
// packed [tap][depth/2][16][2].
func pairTile(f *file, pixels int) {
	t := newTile(beginFunction(f, fmt.Sprintf("pairTileNEONx%d", pixels), intParameters), pixels)
	weights := t.free[pixels:][:4] // of two pairs of channels in turn
	pair := t.free[pixels+4:][:2]
	product := t.free[pixels+6:][:6]
	const ahead = 4 // multiplications before their additions
	t.startFromBias()
	t.eachTap("depth", func() {
		t.eachChannel(func(channels int) {
			for c := range channels / 2 {
				w := weights[c%2*2:][:2]
				t.load(w[0], t.weights, 32*c)
				t.load(w[1], t.weights, 32*c+16)
				n := pixels * vectors
				for k := range n + ahead {
					if k < n {
						p, j := k/vectors, k%vectors
						x, to := pair[p%2], product[k%len(product)]
						switch j {
						case 0:
							t.op("VDUP V%d.H[%d], V%d.H8", t.x[p], c, x)
							t.smull(to, w[0], x)
						case 1:
							t.smull2(to, w[0], x)
						case 2:
							t.smull(to, w[1], x)
						case 3:
							t.smull2(to, w[1], x)
						}
					}
					if done := k - ahead; done >= 0 {
						t.sadalp(t.sums[done/vectors][done%vectors], product[done%len(product)])
					}
				}
			}
			t.op("ADD $%d, %v", 16*channels, t.weights)
		})
	})
	t.endInt()
}

func (t *tile) endInt() {
	out, stride, scales := t.parameter("out"), t.parameter("stride"), t.parameter("scale")
	t.skipIfNil(scales, "raw")
	lo, hi, zero := t.everywhere("lo", t.free[0]), t.everywhere("hi", t.free[1]), t.everywhere("zero", t.free[2])
	scale := t.free[3:][:vectors]
	for j, s := range scale {
		t.load(s, scales, 16*j)
	}
	for _, sums := range t.sums {
		for j, sum := range sums {
			t.toFloat(sum)
			t.fmul(sum, sum, scale[j])
			t.quantize(sum, lo, hi, zero)
		}
		t.narrow(sums)
		t.store(sums[0], out, 0)
		t.op("ADD %v, %v", stride, out)
	}
	t.end()
	t.label("raw")
	for _, sums := range t.sums {
		for j, sum := range sums {
			t.store(sum, out, 16*j)
		}
		t.op("ADD %v, %v", stride, out)
	}
	t.end()
}
