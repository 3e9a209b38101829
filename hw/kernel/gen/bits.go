package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// bitTile counts the ones that a plane of activations and one of weights have in common: words
// of 32 channels, broadcast, against those of the output channels across lanes. It
// writes sums = from ± counts·2^shift; sign is 0 or −1. It counts in bytes, so that
// taps·words must not exceed 31.
func bitTile(pixels int) {
	const vectors = 2
	v := avx2
	TEXT(fmt.Sprintf("bitTile%sx%dx%d", v.name, pixels, vectors*v.lanes()), NOSPLIT,
		"func(taps, words int, in *uint8, weights *uint32, sums *int32, offsets *int32, from *int32, fromStride int, shift, sign int64)")
	Pragma("noescape")
	t := &tile{isa: v, pixels: pixels, vectors: vectors, in: parameter("in"), locals: AllocLocal(16)}
	t.weights, t.channel = load("weights"), GP64()
	for range pixels {
		t.addresses = append(t.addresses, GP64())
	}
	Load(Param("offsets"), t.channel)
	MOVQ(t.channel, t.locals.Offset(0))
	Load(Param("taps"), t.channel)
	MOVQ(t.channel, t.locals.Offset(8))
	t.sums = v.vectors(pixels * vectors)
	for _, sum := range t.sums {
		VPXOR(sum, sum, sum)
	}
	count := t.countNibbles()
	w := v.vectors(vectors)
	t.eachTap(func() {
		Label("words")
		for j := range w {
			VMOVUPS(Mem{Base: t.weights, Disp: j * v.bytes}, w[j])
		}
		for i := range pixels {
			count(Mem{Base: t.addresses[i], Index: t.channel, Scale: 4}, w, t.sums[i*vectors:][:vectors])
		}
		ADDQ(Imm(uint64(vectors*v.bytes)), t.weights)
		INCQ(t.channel)
		CMPQ(t.channel, parameter("words"))
		JL(LabelRef("words"))
	})
	widen(v, t.sums)
	t.addCounts()
}

// countNibbles adds the ones of a word and weights to sums, byte by byte, by a table of the ones
// in four bits.
func (t *tile) countNibbles() func(word Mem, w, sums []reg.VecVirtual) {
	v := t.isa
	table, mask := v.new(), v.new()
	low, high, half := GP64(), XMM(), XMM()
	MOVQ(U64(0x0302020102010100), low)
	VMOVQ(low, half)
	MOVQ(U64(0x0403030203020201), low)
	VMOVQ(low, high)
	VPUNPCKLQDQ(high, half, half)
	VINSERTI128(Imm(0), half, table, table)
	VINSERTI128(Imm(1), half, table, table)
	MOVL(U32(0x0f0f0f0f), low.As32())
	VMOVD(low.As32(), half)
	VPBROADCASTD(half, mask)
	return func(word Mem, w, sums []reg.VecVirtual) {
		x, upper := v.new(), v.new()
		for j := range w {
			broadcast(word, x)
			VPAND(w[j], x, x)
			VPSRLW(Imm(4), x, upper)
			VPAND(mask, x, x)
			VPAND(mask, upper, upper)
			VPSHUFB(x, table, x)
			VPSHUFB(upper, table, upper)
			VPADDB(x, sums[j], sums[j])
			VPADDB(upper, sums[j], sums[j])
		}
	}
}

// widen adds up the four bytes of every lane.
func widen(v isa, sums []reg.VecVirtual) {
	bytes, words := v.new(), v.new()
	VPCMPEQW(words, words, words)
	VPABSB(words, bytes)
	VPSRLW(Imm(15), words, words)
	for _, sum := range sums {
		VPMADDUBSW(bytes, sum, sum)
		VPMADDWD(words, sum, sum)
	}
}

// addCounts ends a bitTile.
func (t *tile) addCounts() {
	v := t.isa
	shift, low, sign := XMM(), XMM(), v.new()
	VMOVQ(parameter("shift"), shift)
	VMOVQ(parameter("sign"), low)
	VPBROADCASTD(low, sign)
	from, sums, stride := t.addresses[0], t.weights, t.channel
	Load(Param("from"), from)
	Load(Param("sums"), sums)
	Load(Param("fromStride"), stride)
	for i := range t.pixels {
		for j := range t.vectors {
			sum := t.sums[i*t.vectors+j]
			VPSLLD(shift, sum, sum)
			VPXOR(sign, sum, sum)
			VPSUBD(sign, sum, sum)
			VPADDD(Mem{Base: from, Disp: j * v.bytes}, sum, sum)
			VMOVUPS(sum, Mem{Base: sums, Disp: (i*t.vectors + j) * v.bytes})
		}
		ADDQ(stride, from)
	}
	VZEROUPPER()
	RET()
}

// packBits writes the planes of a run of sixteen channels of pixels: sixteen bits to every plane of a
// pixel. bits are 1 to 8; distances are in bytes.
func packBits() {
	beginFunction("packBitsAVX2", "func(pixels, bits int, out, in *uint8, outStride, inStride, plane int)")
	pixels, bits, out, in := load("pixels"), load("bits"), load("out"), load("in")
	outStride, inStride, plane := load("outStride"), load("inStride"), load("plane")
	left, to, word := GP64(), GP64(), GP32()
	x, unused := XMM(), XMM()
	MOVQ(U64(8), left) // the highest plane's bit goes to the top of its byte
	SUBQ(bits, left)
	VMOVQ(left, unused)
	IMULQ(plane, bits)
	SUBQ(plane, bits) // the highest plane
	ADDQ(bits, out)
	Label("pixel")
	VMOVDQU(Mem{Base: in}, x)
	VPSLLW(unused, x, x)
	MOVQ(out, to)
	Load(Param("bits"), left)
	Label("plane")
	VPMOVMSKB(x, word)
	MOVW(word.As16(), Mem{Base: to})
	VPSLLW(Imm(1), x, x)
	SUBQ(plane, to)
	DECQ(left)
	JNE(LabelRef("plane"))
	ADDQ(inStride, in)
	ADDQ(outStride, out)
	DECQ(pixels)
	JNE(LabelRef("pixel"))
	VZEROUPPER()
	RET()
}
