package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// depthwiseTiles is depthwiseFloat over a run of tiles, whose offsets lie offsetStep bytes apart. Channels are the inner
// loop: those given at a time and the rows of the image that they are read from should stay in the first-level cache.
//
// Unless kernel is 0, tiles are runs of a row and slide a window that is kernel pixels wide by step pixels from output to
// output: what several outputs see is loaded once. taps are then the rows of the window, and offsets are those of all
// pixels that a tile sees in each.
func depthwiseTiles(v isa, pixels, kernel, step int) {
	name := fmt.Sprintf("depthwiseTiles%sx%d", v.name, pixels)
	if kernel > 0 {
		name = fmt.Sprintf("depthwiseSlide%dby%d%sx%d", kernel, step, v.name, pixels)
	}
	beginFunction(name, "func(tiles, offsetStep, taps, channels int, in, weights, out *float32, offsets *int32, stride, weightStride int, bias, residual *float32, lo, hi float32)")
	sums, lo, hi := v.vectors(pixels), v.new(), v.new()
	VBROADCASTSS(parameter("lo"), lo)
	VBROADCASTSS(parameter("hi"), hi)
	out, residual, offsets := load("out"), load("residual"), load("offsets")
	in, bias, weights, taps := GP64(), GP64(), GP64(), GP64()
	channel, offset, at := GP64(), GP64(), GP64()
	Label("tile")
	XORQ(channel, channel)
	Load(Param("in"), in)
	Load(Param("bias"), bias)
	Label("channels")
	VMOVUPS(Mem{Base: bias, Index: channel, Scale: 4}, sums[0])
	for _, sum := range sums[1:] {
		VMOVAPS(sums[0], sum)
	}
	Load(Param("weights"), weights)
	LEAQ(Mem{Base: weights, Index: channel, Scale: 4}, weights)
	MOVQ(offsets, at)
	Load(Param("taps"), taps)
	Label("tap")
	if kernel > 0 {
		slide(v, sums, kernel, step, in, weights, offset, at)
	} else {
		w := v.new()
		VMOVUPS(Mem{Base: weights}, w)
		for i, sum := range sums {
			MOVLQSX(Mem{Base: at, Disp: i * 4}, offset)
			VFMADD231PS(Mem{Base: in, Index: offset, Scale: 1}, w, sum)
		}
		ADDQ(U32(pixels*4), at)
		ADDQ(parameter("weightStride"), weights)
	}
	DECQ(taps)
	JNE(LabelRef("tap"))

	to, like := weights, at
	LEAQ(Mem{Base: out, Index: channel, Scale: 4}, to)
	finish := func(added bool) {
		for i, sum := range sums {
			if added {
				VADDPS(Mem{Base: like}, sum, sum)
			}
			VMAXPS(sum, lo, sum) // in this order NaN survives
			VMINPS(sum, hi, sum)
			VMOVUPS(sum, Mem{Base: to})
			if i == pixels-1 {
				continue
			}
			ADDQ(parameter("stride"), to)
			if added {
				ADDQ(parameter("stride"), like)
			}
		}
	}
	TESTQ(residual, residual)
	JE(LabelRef("plain"))
	LEAQ(Mem{Base: residual, Index: channel, Scale: 4}, like)
	finish(true)
	JMP(LabelRef("next"))
	Label("plain")
	finish(false)
	Label("next")
	ADDQ(Imm(uint64(v.bytes)), in)
	ADDQ(Imm(uint64(v.lanes())), channel)
	CMPQ(channel, parameter("channels"))
	JL(LabelRef("channels"))
	ADDQ(parameter("offsetStep"), offsets)
	MOVQ(parameter("stride"), offset)
	IMUL3Q(U32(pixels), offset, offset)
	ADDQ(offset, out)
	TESTQ(residual, residual)
	JE(LabelRef("alone"))
	ADDQ(offset, residual)
	Label("alone")
	DECQ(parameter("tiles"))
	JNE(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// slide adds the products of one row of the window to the sums of a tile.
func slide(v isa, sums []reg.VecVirtual, kernel, step int, in, weights, offset, at reg.GPVirtual) {
	w := v.vectors(kernel)
	for j := range w {
		VMOVUPS(Mem{Base: weights}, w[j])
		ADDQ(parameter("weightStride"), weights)
	}
	seen := (len(sums)-1)*step + kernel
	x := v.vectors(2)
	for j := range seen {
		MOVLQSX(Mem{Base: at, Disp: j * 4}, offset)
		VMOVUPS(Mem{Base: in, Index: offset, Scale: 1}, x[j%2])
		for i, sum := range sums {
			if tap := j - i*step; tap >= 0 && tap < kernel {
				VFMADD231PS(x[j%2], w[tap], sum)
			}
		}
	}
	ADDQ(U32(seen*4), at)
}
