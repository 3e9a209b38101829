package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// gather writes sixteen bytes of every pixel, which come from sixteen bytes of one of another tensor's at an offset.
// table holds, for each byte, the one it comes from, 0x80 if none, and what it is then. If add is not 0, what the
// output holds takes the place of the latter. stride is in bytes.
func gather() {
	beginFunction("gather"+avx2.name, "func(pixels int, out, in *uint8, offsets *int32, stride int, table *uint8, add int)")
	pixels, out, in, offsets := load("pixels"), load("out"), load("in"), load("offsets")
	stride, table := load("stride"), load("table")
	order, constant, x, at := XMM(), XMM(), XMM(), GP64()
	VMOVDQU(Mem{Base: table}, order)
	VMOVDQU(Mem{Base: table, Disp: 16}, constant)
	each := func(name string, other Op) {
		Label(name)
		MOVLQSX(Mem{Base: offsets}, at)
		VMOVDQU(Mem{Base: in, Index: at, Scale: 1}, x)
		VPSHUFB(order, x, x)
		VPOR(other, x, x)
		VMOVDQU(x, Mem{Base: out})
		ADDQ(Imm(4), offsets)
		ADDQ(stride, out)
		DECQ(pixels)
		JNE(LabelRef(name))
		VZEROUPPER()
		RET()
	}
	CMPQ(parameter("add"), Imm(0))
	JNE(LabelRef("more"))
	each("pixel", constant)
	each("more", Mem{Base: out})
}
