package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Element-wise operations run over n scalars, n a multiple of 16. The constants of the
// quantized ones lie in a struct of 32-bit fields, see addConstants in package kernel.
const (
	constLo = 4 * iota
	constHi
	constScale
	constInputZero
	constInputScale
	constOutScale
	constOutLo
	constOutHi
	constOutZero
	constZero
	constOutScaleInverse
	constOutScaleRest
)

// eachSixteen runs body for every 16 scalars, with their index in a register.
func eachSixteen(n Mem, body func(i reg.GPVirtual)) {
	i := GP64()
	XORQ(i, i)
	CMPQ(i, n)
	JGE(LabelRef("done"))
	Label("loop")
	body(i)
	ADDQ(Imm(16), i)
	CMPQ(i, n)
	JL(LabelRef("loop"))
	Label("done")
}

func beginFunction(name, signature string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
}

func constant(v isa, base reg.GPVirtual, field int) reg.VecVirtual {
	r := v.new()
	broadcast(Mem{Base: base, Disp: field}, r)
	return r
}

// part is the j-th vector of the sixteen 32-bit scalars at index i.
func part(v isa, base, i reg.GPVirtual, j int) Mem {
	return Mem{Base: base, Index: i, Scale: 4, Disp: j * v.bytes}
}

// dequantized gives float32(byte − zero)·scale.
func dequantized(v isa, m Mem, r, zero, scale reg.VecVirtual) {
	VPMOVZXBD(m, r)
	VPSUBD(zero, r, r)
	VCVTDQ2PS(r, r)
	VMULPS(scale, r, r)
}

func bytesAt(v isa, base, i reg.GPVirtual, j int) Mem {
	return Mem{Base: base, Index: i, Scale: 1, Disp: j * v.lanes()}
}

func roundEven(v isa, y reg.VecVirtual) {
	if v.evex() {
		VRNDSCALEPS(Imm(0), y, y)
	} else {
		VROUNDPS(Imm(0), y, y)
	}
}

// addResidual adds a dequantized residual to y and quantizes the sum.
func addResidual(v isa, c reg.GPVirtual, residual Mem, y, zero reg.VecVirtual) {
	r := v.new()
	VPMOVZXBD(residual, r)
	VPSUBD(zero, r, r)
	VCVTDQ2PS(r, r)
	k := v.new()
	field := func(f int) reg.VecVirtual {
		broadcast(Mem{Base: c, Disp: f}, k)
		return k
	}
	VMULPS(field(constInputScale), r, r)
	VADDPS(r, y, y)
	VDIVPS(field(constOutScale), y, y)
	VMAXPS(field(constOutLo), y, y)
	VMINPS(field(constOutHi), y, y)
	VCVTPS2DQ(y, y)
	VPADDD(field(constOutZero), y, y)
}

// addFloat adds and clamps; without b it only clamps.
func addFloat(v isa) {
	beginFunction("addFloat"+v.name, "func(n int, out, a, b *float32, lo, hi float32)")
	out, a, b := load("out"), load("a"), load("b")
	lo, hi, y := v.new(), v.new(), v.vectors(16/v.lanes())
	VBROADCASTSS(parameter("lo"), lo)
	VBROADCASTSS(parameter("hi"), hi)
	eachSixteen(parameter("n"), func(i reg.GPVirtual) {
		for j := range y {
			VMOVUPS(part(v, a, i, j), y[j])
		}
		TESTQ(b, b)
		JE(LabelRef("plain"))
		for j := range y {
			VADDPS(part(v, b, i, j), y[j], y[j])
		}
		Label("plain")
		for j := range y {
			VMAXPS(y[j], lo, y[j]) // in this order NaN survives
			VMINPS(y[j], hi, y[j])
			VMOVUPS(y[j], part(v, out, i, j))
		}
	})
	VZEROUPPER()
	RET()
}

func addUint8(v isa) {
	beginFunction("addUint8"+v.name, "func(n int, out, a, b *uint8, c *float32)")
	out, a, b, c := load("out"), load("a"), load("b"), load("c")
	zero, scale, inputZero := constant(v, c, constZero), constant(v, c, constScale), constant(v, c, constInputZero)
	y := v.vectors(16 / v.lanes())
	eachSixteen(parameter("n"), func(i reg.GPVirtual) {
		for j := range y {
			dequantized(v, bytesAt(v, a, i, j), y[j], zero, scale)
			addResidual(v, c, bytesAt(v, b, i, j), y[j], inputZero)
		}
		storeBytes(v, y, bytesAt(v, out, i, 0))
	})
	VZEROUPPER()
	RET()
}

func quantizeFloat(v isa) {
	beginFunction("quantizeFloat"+v.name, "func(n int, out *uint8, in *float32, scale, lo, hi float32, zero int32)")
	out, in := load("out"), load("in")
	scale, lo, hi, zero := v.new(), v.new(), v.new(), v.new()
	VBROADCASTSS(parameter("scale"), scale)
	VBROADCASTSS(parameter("lo"), lo)
	VBROADCASTSS(parameter("hi"), hi)
	VBROADCASTSS(parameter("zero"), zero)
	y := v.vectors(16 / v.lanes())
	eachSixteen(parameter("n"), func(i reg.GPVirtual) {
		for j := range y {
			VMOVUPS(part(v, in, i, j), y[j])
			VDIVPS(scale, y[j], y[j])
			toInteger(y[j], lo, hi, zero)
		}
		storeBytes(v, y, bytesAt(v, out, i, 0))
	})
	VZEROUPPER()
	RET()
}

func dequantize(v isa) {
	beginFunction("dequantize"+v.name, "func(n int, out *float32, in *uint8, scale float32, zero int32)")
	out, in := load("out"), load("in")
	scale, zero := v.new(), v.new()
	VBROADCASTSS(parameter("scale"), scale)
	VBROADCASTSS(parameter("zero"), zero)
	y := v.vectors(16 / v.lanes())
	eachSixteen(parameter("n"), func(i reg.GPVirtual) {
		for j := range y {
			dequantized(v, bytesAt(v, in, i, j), y[j], zero, scale)
			VMOVUPS(y[j], part(v, out, i, j))
		}
	})
	VZEROUPPER()
	RET()
}
