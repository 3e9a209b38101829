package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// maxPool writes the maxima over taps of a run of pixels. offsets, in scalars, are [pixel][tap]; channels is
// a multiple of 16, stride in bytes.
func maxPool(v isa, name string, scalar int, typ string) {
	beginFunction(name+v.name, "func(pixels, taps, channels int, out, in *"+typ+", offsets *int32, stride int)")
	pixels, out, in, offsets := load("pixels"), load("out"), load("in"), load("offsets")
	channel, tap, address := GP64(), GP64(), GP64()
	x := []reg.VecVirtual{XMM()}
	at := func(base reg.Register, j int) Mem { return Mem{Base: base, Index: channel, Scale: 1} }
	largest := func(m Mem, x reg.VecVirtual) { VPMAXUB(m, x, x) }
	if scalar == 4 {
		x = v.vectors(16 / v.lanes())
		at = func(base reg.Register, j int) Mem {
			return Mem{Base: base, Index: channel, Scale: 4, Disp: j * v.bytes}
		}
		largest = func(m Mem, x reg.VecVirtual) { VMAXPS(m, x, x) }
	}
	Label("pixel")
	XORQ(channel, channel)
	Label("channels")
	MOVLQSX(Mem{Base: offsets}, address)
	LEAQ(Mem{Base: in, Index: address, Scale: uint8(scalar)}, address)
	for j := range x {
		VMOVUPS(at(address, j), x[j])
	}
	MOVQ(U32(1), tap)
	CMPQ(tap, parameter("taps"))
	JGE(LabelRef("store"))
	Label("tap")
	MOVLQSX(Mem{Base: offsets, Index: tap, Scale: 4}, address)
	LEAQ(Mem{Base: in, Index: address, Scale: uint8(scalar)}, address)
	for j := range x {
		largest(at(address, j), x[j])
	}
	INCQ(tap)
	CMPQ(tap, parameter("taps"))
	JL(LabelRef("tap"))
	Label("store")
	for j := range x {
		VMOVUPS(x[j], at(out, j))
	}
	ADDQ(Imm(16), channel)
	CMPQ(channel, parameter("channels"))
	JL(LabelRef("channels"))
	ADDQ(parameter("stride"), out)
	LEAQ(Mem{Base: offsets, Index: tap, Scale: 4}, offsets)
	DECQ(pixels)
	JNE(LabelRef("pixel"))
	VZEROUPPER()
	RET()
}

// sumPatch sums the bytes of patches, see Patch in package kernel; channels is a multiple of 16, steps are in bytes.
func sumPatch(v isa) {
	beginFunction("patchSumUint8"+v.name, "func(rows, columns, channels int, out *int32, in *uint8, rowStep, columnStep int)")
	channels, out, in := load("channels"), load("out"), load("in")
	columns, rowStep, columnStep := load("columns"), load("rowStep"), load("columnStep")
	sums, x := v.vectors(16/v.lanes()), v.new()
	row, rows, at, column := GP64(), GP64(), GP64(), GP64()
	Label("channels")
	for _, s := range sums {
		VXORPS(s, s, s)
	}
	MOVQ(in, row)
	MOVQ(parameter("rows"), rows)
	Label("row")
	MOVQ(row, at)
	MOVQ(columns, column)
	Label("column")
	for j, s := range sums {
		VPMOVZXBD(Mem{Base: at, Disp: j * v.lanes()}, x)
		VPADDD(x, s, s)
	}
	ADDQ(columnStep, at)
	DECQ(column)
	JNE(LabelRef("column"))
	ADDQ(rowStep, row)
	DECQ(rows)
	JNE(LabelRef("row"))
	for j, s := range sums {
		VMOVUPS(s, Mem{Base: out, Disp: j * v.bytes})
	}
	ADDQ(Imm(16), in)
	ADDQ(Imm(64), out)
	SUBQ(Imm(16), channels)
	JNE(LabelRef("channels"))
	VZEROUPPER()
	RET()
}

// quantizeMeans turns sums into integers in double precision: clamp(roundHalfEven((sum − offset)·factor) + zero, 0, limit).
func quantizeMeans(v isa) {
	beginFunction("quantizeMeans"+v.name, "func(n int, out *uint8, sums *int32, offset int32, factor, zero, limit float64)")
	out, sums := load("out"), load("sums")
	offset, factor, zero, limit, least := v.new(), v.new(), v.new(), v.new(), v.new()
	VBROADCASTSS(parameter("offset"), offset)
	VBROADCASTSD(parameter("factor"), factor)
	VBROADCASTSD(parameter("zero"), zero)
	VBROADCASTSD(parameter("limit"), limit)
	VXORPS(least, least, least)
	half, y := v.new(), v.new()
	eachSixteen(parameter("n"), func(i reg.GPVirtual) {
		doubles := v.bytes / 8
		for j := range 16 / doubles {
			in, to := Mem{Base: sums, Index: i, Scale: 4, Disp: j * v.bytes / 2}, Mem{Base: out, Index: i, Scale: 1, Disp: j * doubles}
			if v.evex() {
				VMOVDQU(in, half.AsY())
				VPSUBD(offset.AsY(), half.AsY(), half.AsY())
				VCVTDQ2PD(half.AsY(), y)
			} else {
				VMOVDQU(in, half.AsX())
				VPSUBD(offset.AsX(), half.AsX(), half.AsX())
				VCVTDQ2PD(half.AsX(), y)
			}
			VMULPD(factor, y, y)
			if v.evex() {
				VRNDSCALEPD(Imm(0), y, y)
			} else {
				VROUNDPD(Imm(0), y, y)
			}
			VADDPD(zero, y, y)
			VMAXPD(least, y, y)
			VMINPD(limit, y, y)
			if v.evex() {
				VCVTTPD2DQ(y, half.AsY())
				VPMOVDB(half.AsY(), to)
			} else {
				x := half.AsX()
				VCVTTPD2DQY(y, x)
				VPACKUSDW(x, x, x)
				VPACKUSWB(x, x, x)
				VMOVD(x, to)
			}
		}
	})
	VZEROUPPER()
	RET()
}
