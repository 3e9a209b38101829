package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pixels turns planes, so many bytes apart, into pixels with their channels side by side. Four lanes of a pixel are written,
// those beyond the channels with zeros. The number of pixels is a multiple of 16; stride is in bytes.
func pixels(channels int) {
	beginFunction(fmt.Sprintf("pixels%sx%d", avx2.name, channels), "func(n int, out, in *float32, plane, stride int)")
	n, out, in, plane, stride := load("n"), load("out"), load("in"), load("plane"), load("stride")
	stride3 := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	last := lastPlane(channels, in, plane)
	zero := XMM()
	VXORPS(zero, zero, zero)
	Label("loop")
	x := []reg.VecVirtual{zero, zero, zero, zero}
	for c := range channels {
		x[c] = XMM()
		VMOVUPS(planeAt(c, in, plane, last), x[c])
	}
	// Rows of four pixels become columns.
	a, b, c, d := XMM(), XMM(), XMM(), XMM()
	VUNPCKLPS(x[1], x[0], a)
	VUNPCKHPS(x[1], x[0], b)
	VUNPCKLPS(x[3], x[2], c)
	VUNPCKHPS(x[3], x[2], d)
	pixel := XMM()
	for i, halves := range [][2]reg.VecVirtual{{a, c}, {a, c}, {b, d}, {b, d}} {
		if i%2 == 0 {
			VUNPCKLPD(halves[1], halves[0], pixel)
		} else {
			VUNPCKHPD(halves[1], halves[0], pixel)
		}
		VMOVUPS(pixel, []Mem{{Base: out}, {Base: out, Index: stride, Scale: 1}, {Base: out, Index: stride, Scale: 2}, {Base: out, Index: stride3, Scale: 1}}[i])
	}
	LEAQ(Mem{Base: out, Index: stride, Scale: 4}, out)
	ADDQ(Imm(16), in)
	if channels == 4 {
		ADDQ(Imm(16), last)
	}
	SUBQ(Imm(4), n)
	JNE(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// lastPlane is where the fourth plane begins, if there is one: an address reaches the three before.
func lastPlane(channels int, in, plane reg.GPVirtual) reg.GPVirtual {
	last := GP64()
	if channels == 4 {
		LEAQ(Mem{Base: plane, Index: plane, Scale: 2}, last)
		ADDQ(in, last)
	}
	return last
}

func planeAt(channel int, in, plane, last reg.GPVirtual) Mem {
	switch channel {
	case 0:
		return Mem{Base: in}
	case 3:
		return Mem{Base: last}
	}
	return Mem{Base: in, Index: plane, Scale: uint8(channel)}
}

// quantizePixels turns planes of floats, so many bytes apart, into quantized pixels of sixteen bytes, in whatever lies
// beyond the channels. The number of pixels is a multiple of 16.
func quantizePixels(v isa, channels int) {
	beginFunction(fmt.Sprintf("quantizePixels%sx%d", v.name, channels), "func(n int, out *uint8, in *float32, plane int, scale, lo, hi float32, zero int32)")
	n, out, in, plane := load("n"), load("out"), load("in"), load("plane")
	scale, lo, hi, zero := v.new(), v.new(), v.new(), v.new()
	VBROADCASTSS(parameter("scale"), scale)
	VBROADCASTSS(parameter("lo"), lo)
	VBROADCASTSS(parameter("hi"), hi)
	VBROADCASTSS(parameter("zero"), zero)
	last := lastPlane(channels, in, plane)
	fourth := K()
	if v.evex() {
		mask := GP32()
		MOVL(U32(0x1111), mask)
		KMOVW(mask, fourth)
	}
	Label("loop")
	pixel, x := v.new(), v.new()
	for c := range channels {
		to := x
		if c == 0 {
			to = pixel
		}
		VMOVUPS(planeAt(c, in, plane, last), to)
		VDIVPS(scale, to, to)
		toInteger(to, lo, hi, zero)
		if c > 0 {
			VPSLLD(Imm(uint64(8*c)), to, to)
			VORPS(to, pixel, pixel)
		}
	}
	if v.evex() {
		for j := range 4 {
			VPEXPANDD_Z(pixel, fourth, x)
			VMOVDQU32(x, Mem{Base: out, Disp: 64 * j})
			if j < 3 {
				VALIGND(Imm(4), pixel, pixel, pixel)
			}
		}
	} else {
		for j := range 2 {
			VPMOVZXDQ(pixel.AsX(), x)
			low := YMM()
			VPERMQ(Imm(0b01010000), x, low)
			VMOVDQU(low, Mem{Base: out, Disp: 64 * j})
			VPERMQ(Imm(0b11111010), x, x)
			VMOVDQU(x, Mem{Base: out, Disp: 64*j + 32})
			if j == 0 {
				VEXTRACTI128(Imm(1), pixel, pixel.AsX())
			}
		}
	}
	ADDQ(I32(16*v.lanes()), out)
	ADDQ(Imm(uint64(v.bytes)), in)
	if channels == 4 {
		ADDQ(Imm(uint64(v.bytes)), last)
	}
	SUBQ(Imm(uint64(v.lanes())), n)
	JNE(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
