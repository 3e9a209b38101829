package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lookupAVX512 keeps the table in four registers. A byte permutation looks a byte's
// seven low bits up in two of them; its top bit chooses between the pairs.
func lookupAVX512() {
	beginFunction("lookupAVX512", "func(n int, out, in *uint8, table *[256]uint8)")
	out, in, table, n := load("out"), load("in"), load("table"), load("n")
	rows := avx512.vectors(4)
	for i, row := range rows {
		VMOVDQU8(Mem{Base: table, Disp: 64 * i}, row)
	}
	x, y, upper := ZMM(), ZMM(), K()
	look := func() {
		VPMOVB2M(x, upper)
		VMOVDQA64(x, y)
		VPERMI2B(rows[1], rows[0], y)
		VPERMI2B(rows[3], rows[2], x)
		VMOVDQU8(x, upper, y)
	}
	SUBQ(Imm(64), n)
	JL(LabelRef("rest"))
	Label("loop")
	VMOVDQU8(Mem{Base: in}, x)
	look()
	VMOVDQU8(y, Mem{Base: out})
	ADDQ(Imm(64), in)
	ADDQ(Imm(64), out)
	SUBQ(Imm(64), n)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(64), n)
	JE(LabelRef("done"))
	bits, inside := GP64(), K()
	MOVQ(n, reg.RCX)
	MOVQ(U32(1), bits)
	SHLQ(reg.CL, bits)
	DECQ(bits)
	KMOVQ(bits, inside)
	VMOVDQU8_Z(Mem{Base: in}, inside, x)
	look()
	VMOVDQU8(y, inside, Mem{Base: out})
	Label("done")
	VZEROUPPER()
	RET()
}

// lookupAVX2 cuts the table into rows of sixteen. VPSHUFB looks a byte's low bits up in
// a row and gives 0 where its top bit is set. Subtracting 16 between rows, with
// saturation, sets that bit in bytes below the row, so row k, stored xor row k−1,
// contributes to all bytes from 16k up: the xor over all rows leaves the right one.
// Bytes from 128 up start with the top bit set and get their turn once it is flipped.
func lookupAVX2() {
	const row, rows = 16, 16
	beginFunction("lookupAVX2", "func(n int, out, in *uint8, table *[256]uint8)")
	out, in, table, n := load("out"), load("in"), load("table"), load("n")
	steps := AllocLocal(row * rows)
	for k := range rows {
		r := XMM()
		VMOVDQU(Mem{Base: table, Disp: row * k}, r)
		if k%(rows/2) > 0 {
			VPXOR(Mem{Base: table, Disp: row * (k - 1)}, r, r)
		}
		VMOVDQU(r, steps.Offset(row*k))
	}
	sixteen, top := YMM(), YMM()
	fill := func(b uint64, to reg.VecVirtual) {
		bits := GP32()
		MOVL(U32(b*0x01010101), bits)
		VMOVD(bits, to.AsX())
		VPBROADCASTD(to.AsX(), to)
	}
	fill(row, sixteen)
	fill(0x80, top)
	x, sum := YMM(), YMM()
	look := func() {
		flipped := YMM()
		VPXOR(top, x, flipped)
		for k := range rows {
			index := x
			if k >= rows/2 {
				index = flipped
			}
			if k%(rows/2) > 0 {
				VPSUBSB(sixteen, index, index)
			}
			r := YMM()
			VBROADCASTI128(steps.Offset(row*k), r)
			if k == 0 {
				VPSHUFB(index, r, sum)
			} else {
				VPSHUFB(index, r, r)
				VPXOR(r, sum, sum)
			}
		}
	}
	SUBQ(Imm(32), n)
	JL(LabelRef("rest"))
	Label("loop")
	VMOVDQU(Mem{Base: in}, x)
	look()
	VMOVDQU(sum, Mem{Base: out})
	ADDQ(Imm(32), in)
	ADDQ(Imm(32), out)
	SUBQ(Imm(32), n)
	JGE(LabelRef("loop"))
	Label("rest")
	CMPQ(n, I8(-32))
	JE(LabelRef("done"))
	VMOVDQU(Mem{Base: in}, x.AsX())
	look()
	VMOVDQU(sum.AsX(), Mem{Base: out})
	Label("done")
	VZEROUPPER()
	RET()
}
