package main

import "fmt"

// bitTile counts the ones that a plane of activations and one of weights have in common: words of
// 32 channels, copied to all lanes, against those of sixteen output channels. It writes sums =
// from ± counts·2^shift; sign is 0 or −1. It counts in bytes, so that taps·words must not
// exceed 31, unless it has dot products: those with ones add up the four bytes of every lane.
func bitTile(f *file, pixels int, dot bool) {
	name := "bitTileNEON"
	if dot {
		name = "bitTileNEONDot"
	}
	t := newTile(beginFunction(f, fmt.Sprintf("%sx%d", name, pixels),
		"taps, words int, in *uint8, weights *uint32, sums *int32, offsets, from *int32, fromStride int, shift, sign int64"), pixels)
	for _, counts := range t.sums {
		t.zero(counts)
	}
	w, common, ones := t.free[pixels:][:vectors], t.free[pixels+vectors:][:2*vectors-2], t.free[pixels+3*vectors-2]
	if dot {
		t.op("VMOVI $1, V%d.B16", ones)
	}
	// Two pixels are under way at a time, for cores that work in order. The last AND of a pixel needs no
	// register but the pixel's.
	and := func(p int) []vector {
		y := append(common[p%2*(vectors-1):][:vectors-1:vectors-1], t.x[p])
		for j := range y {
			t.op("VAND V%d.B16, V%d.B16, V%d.B16", w[j], t.x[p], y[j])
		}
		return y
	}
	count := func(y []vector) {
		for _, v := range y {
			t.op("VCNT V%d.B16, V%d.B16", v, v)
		}
	}
	add := func(counts, y []vector) {
		for j, v := range y {
			if dot {
				t.udot(counts[j], v, ones)
			} else {
				t.op("VADD V%d.B16, V%d.B16, V%d.B16", v, counts[j], counts[j])
			}
		}
	}
	t.eachTap("words", func() {
		t.label("words")
		t.load(w[0], t.weights, 0)
		for p, address := range t.addresses {
			t.op("VLD1R.P 4(%v), [V%d.S4]", address, t.x[p])
			if p == 0 {
				for j, v := range w[1:] {
					t.load(v, t.weights, 16*(j+1))
				}
			}
		}
		t.op("ADD $%d, %v", 16*vectors, t.weights)
		y := and(0)
		count(y)
		for p := range pixels - 1 {
			next := and(p + 1)
			add(t.sums[p], y)
			count(next)
			y = next
		}
		add(t.sums[pixels-1], y)
		t.countDown(t.depth, 1, "words")
	})
	t.addCounts(!dot)
}

// addCounts ends a bitTile whose counts are of bytes or of lanes.
func (t *tile) addCounts(bytes bool) {
	from, fromStride, sums := t.parameter("from"), t.parameter("fromStride"), t.parameter("sums")
	shift, sign := t.parameter("shift"), t.parameter("sign")
	factor, y := t.free[0], t.free[1:][:vectors]
	one := t.general()
	t.op("MOVD $1, %v", one)
	t.op("LSL %v, %v, %v", shift, one, shift)
	t.op("EOR %v, %v", sign, shift)
	t.op("SUB %v, %v", sign, shift)
	t.op("VDUP %v, V%d.S4", shift, factor)
	for _, counts := range t.sums {
		for j, c := range counts {
			t.load(y[j], from, 16*j)
			if bytes {
				t.uaddlpBytes(c, c)
				t.uaddlpWords(c, c)
			}
			t.mla(y[j], c, factor)
		}
		t.op("ADD %v, %v", fromStride, from)
		t.storeNext(y, sums)
	}
	t.end()
}

// packBits writes the planes of a run of sixteen channels of pixels: sixteen bits to every plane of a
// pixel. bits are 1 to 8; distances are in bytes.
func packBits(file *file) {
	f := beginFunction(file, "packBitsNEON", "pixels, bits int, out, in *uint8, outStride, inStride, plane int")
	pixels, bits, out, in := f.parameter("pixels"), f.parameter("bits"), f.parameter("out"), f.parameter("in")
	outStride, inStride, plane := f.parameter("outStride"), f.parameter("inStride"), f.parameter("plane")
	left, to := f.general(), f.general()
	x, bit, places, set := f.vector(), f.vector(), f.vector(), f.vector()
	f.op("MOVD $0x8040201008040201, %v", left) // a bit for each channel of a byte of the plane
	f.op("VDUP %v, V%d.D2", left, places)
	f.label("pixel")
	f.load(x, in, 0)
	f.op("ADD %v, %v", inStride, in)
	f.op("VMOVI $1, V%d.B16", bit)
	f.op("MOVD %v, %v", out, to)
	f.op("ADD %v, %v", outStride, out)
	f.op("MOVD %v, %v", bits, left)
	f.label("plane")
	f.op("VCMTST V%d.B16, V%d.B16, V%d.B16", bit, x, set)
	f.op("VAND V%d.B16, V%d.B16, V%d.B16", places, set, set)
	for range 3 { // eight bytes into one
		f.op("VADDP V%d.B16, V%d.B16, V%d.B16", set, set, set)
	}
	f.op("VST1 V%d.H[0], (%v)", set, to)
	f.op("VADD V%d.B16, V%d.B16, V%d.B16", bit, bit, bit)
	f.op("ADD %v, %v", plane, to)
	f.countDown(left, 1, "plane")
	f.countDown(pixels, 1, "pixel")
	f.end()
}
