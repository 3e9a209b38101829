package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// mapChannels writes one vector of every pixel, whose lanes come from a vector of one tensor and a vector of another.
// table holds, for each lane, the lane of a, the one of b, and the masks of those that come from a and from b. Strides
// are in bytes.
func mapChannels(v isa) {
	beginFunction("mapChannels"+v.name, "func(pixels int, out, a, b *float32, outStride, aStride, bStride int, table *int32)")
	pixels, out, a, b := load("pixels"), load("out"), load("a"), load("b")
	outStride, aStride, bStride, table := load("outStride"), load("aStride"), load("bStride"), load("table")
	t := v.vectors(4)
	for i := range t {
		VMOVUPS(Mem{Base: table, Disp: i * v.bytes}, t[i])
	}
	x, y := v.new(), v.new()
	Label("pixel")
	VPERMPS(Mem{Base: a}, t[0], x)
	VPERMPS(Mem{Base: b}, t[1], y)
	VANDPS(t[2], x, x)
	VANDPS(t[3], y, y)
	VORPS(y, x, x)
	VMOVUPS(x, Mem{Base: out})
	ADDQ(aStride, a)
	ADDQ(bStride, b)
	ADDQ(outStride, out)
	DECQ(pixels)
	JNE(LabelRef("pixel"))
	VZEROUPPER()
	RET()
}
