package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Depthwise tiles work on sixteen channels at a time, which lie across lanes in the input
// and in the weights [tap][channels]. channels is a multiple of 16; offsets are
// [tap][pixel]. weightStride is the bytes from one tap to the next.

// depthwise runs multiply for every tap and pixel with the addresses of the weights and of
// the input, and end for every pixel.
func depthwise(v isa, name, signature string, pixels, inputScale int,
	multiply func(sums []reg.VecVirtual, weights, in Mem, scratch []reg.VecVirtual),
	end func(pixel int, sums []reg.VecVirtual, channel reg.GPVirtual)) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	vectors := 16 / v.lanes()
	channel, in, address := GP64(), load("in"), GP64()
	bias := load("bias")
	XORQ(channel, channel)
	sums, scratch := v.vectors(pixels*vectors), v.vectors(2*vectors)
	Label("channels")
	for j := range vectors {
		VMOVUPS(Mem{Base: bias, Index: channel, Scale: 4, Disp: j * v.bytes}, sums[j])
		for i := 1; i < pixels; i++ {
			VMOVAPS(sums[j], sums[i*vectors+j])
		}
	}
	weights, offsets, taps := load("weights"), load("offsets"), load("taps")
	LEAQ(Mem{Base: weights, Index: channel, Scale: 4}, weights)
	Label("tap")
	for i := range pixels {
		MOVLQSX(Mem{Base: offsets, Disp: i * 4}, address)
		ADDQ(in, address)
		multiply(sums[i*vectors:][:vectors], Mem{Base: weights}, Mem{Base: address, Index: channel, Scale: uint8(inputScale)}, scratch)
	}
	ADDQ(U32(pixels*4), offsets)
	ADDQ(parameter("weightStride"), weights)
	DECQ(taps)
	JNE(LabelRef("tap"))
	for i := range pixels {
		end(i, sums[i*vectors:][:vectors], channel)
	}
	ADDQ(Imm(16), channel)
	CMPQ(channel, parameter("channels"))
	JL(LabelRef("channels"))
	VZEROUPPER()
	RET()
}

func depthwiseFloat(v isa, pixels int) {
	limits := func() (lo, hi reg.VecVirtual) {
		lo, hi = v.new(), v.new()
		VBROADCASTSS(parameter("lo"), lo)
		VBROADCASTSS(parameter("hi"), hi)
		return lo, hi
	}
	out := func() reg.GPVirtual { return load("out") }
	depthwise(v, fmt.Sprintf("depthwiseFloat%sx%d", v.name, pixels),
		"func(taps, channels int, in, weights, out *float32, offsets *int32, stride, weightStride int, bias, residual *float32, lo, hi float32)",
		pixels, 4,
		func(sums []reg.VecVirtual, weights, in Mem, scratch []reg.VecVirtual) {
			for j, sum := range sums {
				VMOVUPS(weights.Offset(j*v.bytes), scratch[j])
				VFMADD231PS(in.Offset(j*v.bytes), scratch[j], sum)
			}
		},
		func(pixel int, sums []reg.VecVirtual, channel reg.GPVirtual) {
			lo, hi := limits()
			row := GP64()
			Load(Param("stride"), row)
			IMUL3Q(Imm(uint64(pixel)), row, row)
			residual := load("residual")
			plain := fmt.Sprintf("plain%d", pixel)
			TESTQ(residual, residual)
			JE(LabelRef(plain))
			ADDQ(row, residual)
			for j, sum := range sums {
				VADDPS(Mem{Base: residual, Index: channel, Scale: 4, Disp: j * v.bytes}, sum, sum)
			}
			Label(plain)
			ADDQ(out(), row)
			for j, sum := range sums {
				VMAXPS(sum, lo, sum) // in this order NaN survives
				VMINPS(sum, hi, sum)
				VMOVUPS(sum, Mem{Base: row, Index: channel, Scale: 4, Disp: j * v.bytes})
			}
		})
}

// depthwiseInt stores raw sums. Weights are sign-extended to 32 bits: the pair product of
// a word and a zero-extended byte is then a plain product.
func depthwiseInt(v isa, pixels int) {
	depthwise(v, fmt.Sprintf("depthwiseInt%sx%d", v.name, pixels),
		"func(taps, channels int, in *uint8, weights *int8, out *int32, offsets *int32, stride, weightStride int, bias *int32)",
		pixels, 1,
		func(sums []reg.VecVirtual, weights, in Mem, scratch []reg.VecVirtual) {
			for j, sum := range sums {
				VPMOVZXBD(in.Offset(j*v.lanes()), scratch[j])
				VPMADDWD(weights.Offset(j*v.bytes), scratch[j], scratch[j])
				VPADDD(scratch[j], sum, sum)
			}
		},
		func(pixel int, sums []reg.VecVirtual, channel reg.GPVirtual) {
			row := GP64()
			Load(Param("stride"), row)
			IMUL3Q(Imm(uint64(pixel)), row, row)
			ADDQ(parameter("out"), row)
			for j, sum := range sums {
				VMOVUPS(sum, Mem{Base: row, Index: channel, Scale: 4, Disp: j * v.bytes})
			}
		})
}
