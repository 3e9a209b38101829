package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Winograd's transforms take 16 channels at a time of one tile through one dimension and
// then the other. What is in between does not fit the registers; it goes through scratch.

// transform is one dimension of Bᵀd or Aᵀm: it gives the results in order.
type transform func(d []reg.VecVirtual, give func(i int, y reg.VecVirtual))

// winogradInput writes the transform of a tile's window, whose n×n pixels lie at the
// given offsets, to as many planes. plane and offsets are in bytes.
func winogradInput(v isa, tile int) {
	n := tile + 2
	beginFunction(fmt.Sprintf("winogradInput%dx%d%s", tile, tile, v.name),
		"func(channels int, src, dst *float32, offsets *int32, plane int, scratch *float32)")
	channels, src, dst := load("channels"), load("src"), load("dst")
	offsets, plane, scratch := load("offsets"), load("plane"), load("scratch")
	apply := input2(v)
	if tile == 4 {
		apply = input4(v)
	}
	d, offset, to := v.vectors(n), GP64(), GP64()
	Label("loop")
	for column := range n {
		for i := range n {
			MOVLQSX(Mem{Base: offsets, Disp: (i*n + column) * 4}, offset)
			VMOVUPS(Mem{Base: src, Index: offset, Scale: 1}, d[i])
		}
		apply(d, func(i int, y reg.VecVirtual) {
			VMOVUPS(y, Mem{Base: scratch, Disp: (i*n + column) * v.bytes})
		})
	}
	MOVQ(dst, to)
	for row := range n {
		for j := range n {
			VMOVUPS(Mem{Base: scratch, Disp: (row*n + j) * v.bytes}, d[j])
		}
		apply(d, func(j int, y reg.VecVirtual) {
			VMOVUPS(y, Mem{Base: to})
			ADDQ(plane, to)
		})
	}
	nextChannels(v, channels, src, dst)
}

// winogradOutput turns the products of a tile in n×n planes into its pixels, with bias,
// residual (unless nil) and clamp. A pixel at a negative offset is left out.
func winogradOutput(v isa, tile int) {
	n := tile + 2
	beginFunction(fmt.Sprintf("winogradOutput%dx%d%s", tile, tile, v.name),
		"func(channels int, src, dst *float32, offsets *int32, plane int, bias, residual *float32, lo, hi float32, scratch *float32)")
	channels, src, dst := load("channels"), load("src"), load("dst")
	offsets, plane, scratch := load("offsets"), load("plane"), load("scratch")
	bias, residual := load("bias"), load("residual")
	lo, hi, b := v.new(), v.new(), v.new()
	VBROADCASTSS(parameter("lo"), lo)
	VBROADCASTSS(parameter("hi"), hi)
	apply := output2
	if tile == 4 {
		apply = output4(v)
	}
	d, offset, from := v.vectors(n), GP64(), GP64()
	Label("loop")
	VMOVUPS(Mem{Base: bias}, b)
	MOVQ(src, from)
	for row := range n {
		for j := range n {
			VMOVUPS(Mem{Base: from}, d[j])
			ADDQ(plane, from)
		}
		apply(d, func(j int, y reg.VecVirtual) {
			VMOVUPS(y, Mem{Base: scratch, Disp: (row*tile + j) * v.bytes})
		})
	}
	for column := range tile {
		for i := range n {
			VMOVUPS(Mem{Base: scratch, Disp: (i*tile + column) * v.bytes}, d[i])
		}
		apply(d, func(i int, y reg.VecVirtual) {
			pixel := fmt.Sprintf("%dx%d", i, column)
			MOVLQSX(Mem{Base: offsets, Disp: (i*tile + column) * 4}, offset)
			TESTQ(offset, offset)
			JS(LabelRef("outside" + pixel))
			VADDPS(b, y, y)
			TESTQ(residual, residual)
			JE(LabelRef("plain" + pixel))
			VADDPS(Mem{Base: residual, Index: offset, Scale: 1}, y, y)
			Label("plain" + pixel)
			VMAXPS(y, lo, y) // in this order NaN survives
			VMINPS(y, hi, y)
			VMOVUPS(y, Mem{Base: dst, Index: offset, Scale: 1})
			Label("outside" + pixel)
		})
	}
	ADDQ(Imm(uint64(v.bytes)), bias)
	TESTQ(residual, residual)
	JE(LabelRef("next"))
	ADDQ(Imm(uint64(v.bytes)), residual)
	Label("next")
	nextChannels(v, channels, src, dst)
}

// nextChannels closes the loop over channels.
func nextChannels(v isa, channels, src, dst reg.GPVirtual) {
	ADDQ(Imm(uint64(v.bytes)), src)
	ADDQ(Imm(uint64(v.bytes)), dst)
	SUBQ(Imm(uint64(v.lanes())), channels)
	JNE(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// number is a constant in all lanes.
func number(v isa, x float32) reg.VecVirtual {
	bits, low, r := GP32(), XMM(), v.new()
	MOVL(U32(math.Float32bits(x)), bits)
	VMOVD(bits, low)
	VBROADCASTSS(low, r)
	return r
}

func input2(v isa) transform {
	return func(d []reg.VecVirtual, give func(int, reg.VecVirtual)) {
		y := v.vectors(4)
		VSUBPS(d[2], d[0], y[0])
		give(0, y[0])
		VADDPS(d[2], d[1], y[1])
		give(1, y[1])
		VSUBPS(d[1], d[2], y[2])
		give(2, y[2])
		VSUBPS(d[3], d[1], y[3])
		give(3, y[3])
	}
}

func input4(v isa) transform {
	four, five := number(v, 4), number(v, 5)
	return func(d []reg.VecVirtual, give func(int, reg.VecVirtual)) {
		even, odd, y := v.new(), v.new(), v.vectors(4)
		VMOVAPS(d[4], even) // d4 − 4·d2
		VFNMADD231PS(four, d[2], even)
		VFMADD213PS(d[4], four, d[0])
		VFNMADD231PS(five, d[2], d[0])
		give(0, d[0])
		VMOVAPS(d[3], odd) // d3 − 4·d1
		VFNMADD231PS(four, d[1], odd)
		VADDPS(odd, even, y[0])
		give(1, y[0])
		VSUBPS(odd, even, y[1])
		give(2, y[1])
		VSUBPS(d[2], d[4], d[4])
		VSUBPS(d[1], d[3], d[2])
		VADDPS(d[2], d[2], d[2])
		VADDPS(d[2], d[4], y[2])
		give(3, y[2])
		VSUBPS(d[2], d[4], y[3])
		give(4, y[3])
		VFMADD231PS(four, d[1], d[5])
		VFNMADD231PS(five, d[3], d[5])
		give(5, d[5])
	}
}

func output2(d []reg.VecVirtual, give func(int, reg.VecVirtual)) {
	VADDPS(d[1], d[0], d[0])
	VADDPS(d[2], d[0], d[0])
	give(0, d[0])
	VSUBPS(d[2], d[1], d[1])
	VSUBPS(d[3], d[1], d[1])
	give(1, d[1])
}

func output4(v isa) transform {
	two, four, eight := number(v, 2), number(v, 4), number(v, 8)
	return func(d []reg.VecVirtual, give func(int, reg.VecVirtual)) {
		near, far := v.new(), v.new() // d1 + d2, d3 + d4
		VADDPS(d[2], d[1], near)
		VSUBPS(d[2], d[1], d[1])
		VADDPS(d[4], d[3], far)
		VSUBPS(d[4], d[3], d[3])
		VADDPS(near, d[0], d[0])
		VADDPS(far, d[0], d[0])
		give(0, d[0])
		VMOVAPS(d[1], d[2])
		VFMADD231PS(two, d[3], d[2])
		give(1, d[2])
		VFMADD231PS(four, far, near)
		give(2, near)
		VADDPS(d[5], d[1], d[1])
		VFMADD231PS(eight, d[3], d[1])
		give(3, d[1])
	}
}
