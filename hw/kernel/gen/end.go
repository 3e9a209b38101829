package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Ends turn the sums [pixel][channel] of a tile into a convolution's output. channels is a
// multiple of 16; out and residual have stride bytes from pixel to pixel.

// eachSum runs body for every 16 channels of every pixel. rows are the addresses that
// move on by stride after each pixel; the loop moves sums itself.
func eachSum(sums reg.GPVirtual, rows []reg.GPVirtual, body func(channel reg.GPVirtual)) {
	pixels, channel := load("pixels"), GP64()
	Label("pixel")
	XORQ(channel, channel)
	Label("loop")
	body(channel)
	ADDQ(Imm(16), channel)
	CMPQ(channel, parameter("channels"))
	JL(LabelRef("loop"))
	LEAQ(Mem{Base: sums, Index: channel, Scale: 4}, sums)
	for _, row := range rows {
		ADDQ(parameter("stride"), row)
	}
	DECQ(pixels)
	JNE(LabelRef("pixel"))
	VZEROUPPER()
	RET()
}

// scaled loads sums as floats times their channel's scale.
func scaled(v isa, y []reg.VecVirtual, sums, scale, channel reg.GPVirtual) {
	for j := range y {
		VCVTDQ2PS(part(v, sums, channel, j), y[j])
		VMULPS(part(v, scale, channel, j), y[j], y[j])
	}
}

// endUint8 requantizes sums.
func endUint8(v isa) {
	beginFunction("requantizeSums"+v.name, "func(pixels, channels int, out *uint8, sums *int32, stride int, scale *float32, lo, hi float32, zero int32)")
	out, sums, scale := load("out"), load("sums"), load("scale")
	lo, hi, zero, y := v.new(), v.new(), v.new(), v.vectors(16/v.lanes())
	VBROADCASTSS(parameter("lo"), lo)
	VBROADCASTSS(parameter("hi"), hi)
	VBROADCASTSS(parameter("zero"), zero)
	eachSum(sums, []reg.GPVirtual{out}, func(channel reg.GPVirtual) {
		scaled(v, y, sums, scale, channel)
		for j := range y {
			toInteger(y[j], lo, hi, zero)
		}
		storeBytes(v, y, bytesAt(v, out, channel, 0))
	})
}

// endAdd requantizes sums and adds a quantized residual.
func endAdd(v isa) {
	beginFunction("addSums"+v.name, "func(pixels, channels int, out *uint8, sums *int32, stride int, residual *uint8, scale, c *float32)")
	out, sums, residual, scale, c := load("out"), load("sums"), load("residual"), load("scale"), load("c")
	lo, hi, midScale, zero := constant(v, c, constLo), constant(v, c, constHi), constant(v, c, constScale), constant(v, c, constInputZero)
	y := v.vectors(16 / v.lanes())
	eachSum(sums, []reg.GPVirtual{out, residual}, func(channel reg.GPVirtual) {
		scaled(v, y, sums, scale, channel)
		for j := range y {
			VMAXPS(lo, y[j], y[j])
			VMINPS(hi, y[j], y[j])
			roundEven(v, y[j])
			VMULPS(midScale, y[j], y[j])
			addResidual(v, c, bytesAt(v, residual, channel, j), y[j], zero)
		}
		storeBytes(v, y, bytesAt(v, out, channel, 0))
	})
}

// endFloat turns sums into clamped floats, with a residual if there is one.
func endFloat(v isa) {
	beginFunction("dequantizeSums"+v.name, "func(pixels, channels int, out *float32, sums *int32, stride int, residual, scale *float32, lo, hi float32)")
	out, sums, residual, scale := load("out"), load("sums"), load("residual"), load("scale")
	lo, hi, y := v.new(), v.new(), v.vectors(16/v.lanes())
	VBROADCASTSS(parameter("lo"), lo)
	VBROADCASTSS(parameter("hi"), hi)
	eachSum(sums, []reg.GPVirtual{out, residual}, func(channel reg.GPVirtual) {
		scaled(v, y, sums, scale, channel)
		CMPQ(parameter("residual"), Imm(0))
		JE(LabelRef("plain"))
		for j := range y {
			VADDPS(part(v, residual, channel, j), y[j], y[j])
		}
		Label("plain")
		for j := range y {
			VMAXPS(y[j], lo, y[j]) // in this order NaN survives
			VMINPS(y[j], hi, y[j])
			VMOVUPS(y[j], part(v, out, channel, j))
		}
	})
}
