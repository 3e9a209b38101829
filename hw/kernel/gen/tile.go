package main

import (
	"fmt"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tile is what the convolution tiles have in common: a loop over taps that loads the
// address of every pixel, around a loop over input channels.
type tile struct {
	isa             isa // of the first of a pixel's vectors
	pixels, vectors int
	sums            []reg.VecVirtual // [pixel][vector]
	weights         reg.GPVirtual
	channel         reg.GPVirtual // index of the input channel; scratch outside the loops
	addresses       []reg.GPVirtual
	strip           bool // of more tiles, each of which goes on where the one before has ended
	in              Mem  // where the address of the input lies
	locals          Mem  // next offset, taps left, depth rounded down to 16
}

// newTile begins a tile whose sums of a pixel are in registers of the given kinds.
func newTile(name, signature string, columns []isa, pixels int) *tile {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	v, vectors := columns[0], len(columns)
	t := &tile{isa: v, pixels: pixels, vectors: vectors, in: parameter("in"), locals: AllocLocal(24)}
	t.weights, t.channel = GP64(), GP64()
	for range pixels {
		t.addresses = append(t.addresses, GP64())
	}
	for range pixels {
		for _, v := range columns {
			t.sums = append(t.sums, v.new())
		}
	}
	return t
}

// start prepares the only tile.
func (t *tile) start() {
	Load(Param("weights"), t.weights)
	t.startFromBias()
	t.startTaps()
}

// startFromBias gives all pixels the bias of their channels.
func (t *tile) startFromBias() {
	Load(Param("bias"), t.channel)
	for j := range t.vectors {
		VMOVUPS(Mem{Base: t.channel, Disp: j * t.isa.bytes}, t.sums[j])
		for i := 1; i < t.pixels; i++ {
			VMOVAPS(t.sums[j], t.sums[i*t.vectors+j])
		}
	}
}

// startTaps prepares eachTap.
func (t *tile) startTaps() {
	Load(Param("offsets"), t.channel)
	MOVQ(t.channel, t.locals.Offset(0))
	Load(Param("taps"), t.channel)
	MOVQ(t.channel, t.locals.Offset(8))
}

// eachTap runs body once per tap, with the pixels' addresses and channel 0 set.
func (t *tile) eachTap(body func()) {
	Label("tap")
	MOVQ(t.locals.Offset(0), t.channel)
	for i, address := range t.addresses {
		MOVLQSX(Mem{Base: t.channel, Disp: i * 4}, address)
		ADDQ(t.in, address)
	}
	ADDQ(U32(t.pixels*4), t.channel)
	MOVQ(t.channel, t.locals.Offset(0))
	XORQ(t.channel, t.channel)
	body()
	DECQ(t.locals.Offset(8))
	JNE(LabelRef("tap"))
}

// eachPixel runs body for every pixel with the address of its output (and of its
// residual, if asked for) in registers.
func (t *tile) eachPixel(residual bool, body func(pixel int, out, residual Mem)) {
	out, other := t.weights, t.channel
	Load(Param("out"), out)
	if residual {
		Load(Param("residual"), other)
	}
	for i := range t.pixels {
		body(i, Mem{Base: out}, Mem{Base: other})
		if i < t.pixels-1 || t.strip {
			ADDQ(parameter("stride"), out)
			if residual {
				ADDQ(parameter("stride"), other)
			}
		}
	}
	if t.strip {
		MOVQ(out, parameter("out"))
		if residual {
			MOVQ(other, parameter("residual"))
		}
	}
}

// floatTile sums pixels × (vectors of) output channels in float and clamps them.
// depth is a multiple of 4.
func floatTile(v isa, pixels, vectors int) {
	t := newTile(fmt.Sprintf("floatTile%sx%dx%d", v.name, pixels, vectors*v.lanes()),
		"func(taps, depth int, in, weights, out *float32, offsets *int32, stride int, bias, residual *float32, lo, hi float32)",
		slices.Repeat([]isa{v}, vectors), pixels)
	w, x := v.vectors(vectors), v.vectors(2)
	t.start()
	t.eachTap(func() {
		Label("channels")
		for u := range 4 {
			for j := range w {
				VMOVUPS(Mem{Base: t.weights, Disp: (u*vectors + j) * v.bytes}, w[j])
			}
			for i := range pixels {
				broadcast(Mem{Base: t.addresses[i], Index: t.channel, Scale: 4, Disp: u * 4}, x[i&1])
				for j := range w {
					VFMADD231PS(w[j], x[i&1], t.sums[i*vectors+j])
				}
			}
		}
		ADDQ(U32(4*vectors*v.bytes), t.weights)
		ADDQ(Imm(4), t.channel)
		CMPQ(t.channel, parameter("depth"))
		JL(LabelRef("channels"))
	})

	VBROADCASTSS(parameter("lo"), x[0])
	VBROADCASTSS(parameter("hi"), x[1])
	finish := func(residual bool) {
		t.eachPixel(residual, func(i int, out, other Mem) {
			for j := range vectors {
				sum := t.sums[i*vectors+j]
				if residual {
					VADDPS(other.Offset(j*v.bytes), sum, sum)
				}
				VMAXPS(sum, x[0], sum) // in this order NaN survives
				VMINPS(sum, x[1], sum)
				VMOVUPS(sum, out.Offset(j*v.bytes))
			}
		})
		VZEROUPPER()
		RET()
	}
	CMPQ(parameter("residual"), Imm(0))
	JE(LabelRef("plain"))
	finish(true)
	Label("plain")
	finish(false)
}

// intSignature is of tiles of integers. A strip of tiles has offsetStep bytes from the offsets of one to
// those of the next and their outputs side by side. With a scale, the sums are requantized and stored as bytes, with a
// residual if there is one; without, they are stored as they are, stride apart.
const intSignature = "func(tiles, offsetStep, taps, depth int, in *uint8, weights *int8, out *uint8, offsets *int32, stride int, bias *int32, scale *float32, lo, hi float32, zero int32, residual *uint8, add *float32)"

// wordTile sums uint8 × int8 with AVX2: both sides as 16-bit words, so that nothing
// saturates. Of four input channels in a dword, a mask leaves the first and third and a
// shift the second and fourth; the weights are packed to match. It computes one tile, without a residual.
func wordTile(pixels int) {
	const vectors = 2
	v := avx2
	t := newTile(fmt.Sprintf("wordTile%sx%dx%d", v.name, pixels, vectors*v.lanes()), intSignature, []isa{v, v}, pixels)
	w := v.vectors(2 * vectors)
	even, odd, product, mask := v.new(), v.new(), v.new(), v.new()
	VPCMPEQW(mask, mask, mask)
	VPSRLW(Imm(8), mask, mask)
	t.start()
	t.eachTap(func() {
		Label("channels")
		for j := range w {
			VMOVDQU(Mem{Base: t.weights, Disp: j * v.bytes}, w[j])
		}
		for i := range pixels {
			broadcast(Mem{Base: t.addresses[i], Index: t.channel, Scale: 1}, even)
			VPSRLW(Imm(8), even, odd)
			VPAND(mask, even, even)
			for half, x := range []reg.VecVirtual{even, odd} {
				for j := range vectors {
					sum := t.sums[i*vectors+j]
					VPMADDWD(w[half*vectors+j], x, product)
					VPADDD(product, sum, sum)
				}
			}
		}
		ADDQ(U32(2*vectors*v.bytes), t.weights)
		ADDQ(Imm(4), t.channel)
		CMPQ(t.channel, parameter("depth"))
		JL(LabelRef("channels"))
	})
	t.endInt([]isa{v, v}, w, leave)
}

// leave ends a kernel.
func leave() {
	VZEROUPPER()
	RET()
}

// endInt stores the sums, requantized if there is a scale, and finishes. free are registers of the columns'
// kinds that it may use.
func (t *tile) endInt(columns []isa, free []reg.VecVirtual, finish func()) {
	v := t.isa
	Load(Param("scale"), t.channel)
	TESTQ(t.channel, t.channel)
	JE(LabelRef("raw"))
	lo, hi, zero := v.new(), v.new(), v.new()
	VBROADCASTSS(parameter("lo"), lo)
	VBROADCASTSS(parameter("hi"), hi)
	VBROADCASTSS(parameter("zero"), zero)
	scale := free[:t.vectors]
	for j := range scale {
		VMOVUPS(Mem{Base: t.channel, Disp: j * v.bytes}, scale[j])
	}
	t.eachPixel(false, func(i int, out, _ Mem) {
		sums := t.sums[i*t.vectors:][:t.vectors]
		for j, sum := range sums {
			VCVTDQ2PS(sum, sum)
			VMULPS(scale[j], sum, sum)
			toInteger(sum, columns[j].part(lo), columns[j].part(hi), columns[j].part(zero))
		}
		storeBytes(v, sums, out)
	})
	finish()

	Label("raw")
	t.eachPixel(false, func(i int, out, _ Mem) {
		for j := range t.vectors {
			VMOVUPS(t.sums[i*t.vectors+j], out.Offset(j*v.bytes))
		}
	})
	finish()
}

// toInteger makes clamp(roundHalfEven(y) + zero) of y, the limits given without zero;
// NaN becomes the lower one.
func toInteger(y, lo, hi, zero reg.VecVirtual) {
	VMAXPS(lo, y, y)
	VMINPS(hi, y, y)
	VCVTPS2DQ(y, y)
	VPADDD(zero, y, y)
}

// storeBytes narrows vectors of 32-bit integers within 0 to 255 and stores them.
func storeBytes(v isa, r []reg.VecVirtual, out Mem) {
	if v.evex() {
		for j := range r {
			VPMOVDB(r[j], out.Offset(j*avx512.lanes()))
		}
		return
	}
	for j := 0; j < len(r); j += 2 { // packing works within 128-bit halves; VPERMQ orders them
		VPACKUSDW(r[j+1], r[j], r[j])
		VPERMQ(Imm(0b11011000), r[j], r[j])
		VEXTRACTI128(Imm(1), r[j], r[j+1].AsX())
		VPACKUSWB(r[j+1].AsX(), r[j].AsX(), r[j].AsX())
		VMOVDQU(r[j].AsX(), out.Offset(j*v.lanes()))
	}
}
