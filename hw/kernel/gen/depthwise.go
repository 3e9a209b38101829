package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// depthwise is a tile of a depthwise convolution. It works on sixteen channels at a time,
// which lie across lanes in the input and in the weights [tap][channels].
type depthwise struct {
	isa     isa
	scalar  int                // bytes of an input scalar
	sums    [][]reg.VecVirtual // [pixel][vector]
	weights []reg.VecVirtual   // of one tap
	channel reg.GPVirtual
}

func newDepthwise(name, signature string, v isa, pixels, scalar int) *depthwise {
	beginFunction(name, signature)
	d := &depthwise{isa: v, scalar: scalar, weights: v.vectors(16 / v.lanes()), channel: GP64()}
	for range pixels {
		d.sums = append(d.sums, v.vectors(len(d.weights)))
	}
	return d
}

// run generates the loops: multiply for every tap and pixel, end for every pixel with the
// addresses of its output and of the like in another tensor.
func (d *depthwise) run(other string, multiply func(sum, weight reg.VecVirtual, in Mem), end func(sums []reg.VecVirtual, out, other reg.GPVirtual)) {
	v := d.isa
	in, bias, address := load("in"), load("bias"), GP64()
	XORQ(d.channel, d.channel)
	Label("channels")
	for j, sum := range d.sums[0] {
		VMOVUPS(part(v, bias, d.channel, j), sum)
		for _, sums := range d.sums[1:] {
			VMOVAPS(sum, sums[j])
		}
	}
	weights, offsets, taps := load("weights"), load("offsets"), load("taps")
	LEAQ(Mem{Base: weights, Index: d.channel, Scale: 4}, weights)
	Label("tap")
	for j, w := range d.weights {
		VMOVUPS(Mem{Base: weights, Disp: j * v.bytes}, w)
	}
	for i, sums := range d.sums {
		MOVLQSX(Mem{Base: offsets, Disp: i * 4}, address)
		ADDQ(in, address)
		for j, sum := range sums {
			multiply(sum, d.weights[j], Mem{Base: address, Index: d.channel, Scale: uint8(d.scalar), Disp: j * v.lanes() * d.scalar})
		}
	}
	ADDQ(U32(len(d.sums)*4), offsets)
	ADDQ(parameter("weightStride"), weights)
	DECQ(taps)
	JNE(LabelRef("tap"))

	out, like := load("out"), load(other)
	for i, sums := range d.sums {
		end(sums, out, like)
		if i < len(d.sums)-1 {
			ADDQ(parameter("stride"), out)
			ADDQ(parameter("stride"), like)
		}
	}
	ADDQ(Imm(16), d.channel)
	CMPQ(d.channel, parameter("channels"))
	JL(LabelRef("channels"))
	VZEROUPPER()
	RET()
}

func depthwiseFloat(v isa, pixels int) {
	d := newDepthwise(fmt.Sprintf("depthwiseFloat%sx%d", v.name, pixels),
		"func(taps, channels int, in, weights, out *float32, offsets *int32, stride, weightStride int, bias, residual *float32, lo, hi float32)",
		v, pixels, 4)
	lo, hi := v.new(), v.new()
	VBROADCASTSS(parameter("lo"), lo)
	VBROADCASTSS(parameter("hi"), hi)
	labels := 0
	d.run("residual",
		func(sum, weight reg.VecVirtual, in Mem) { VFMADD231PS(in, weight, sum) },
		func(sums []reg.VecVirtual, out, residual reg.GPVirtual) {
			plain := fmt.Sprintf("plain%d", labels)
			labels++
			CMPQ(parameter("residual"), Imm(0))
			JE(LabelRef(plain))
			for j, sum := range sums {
				VADDPS(part(v, residual, d.channel, j), sum, sum)
			}
			Label(plain)
			for j, sum := range sums {
				VMAXPS(sum, lo, sum) // in this order NaN survives
				VMINPS(sum, hi, sum)
				VMOVUPS(sum, part(v, out, d.channel, j))
			}
		})
}

// depthwiseInt stores raw sums. Weights are sign-extended to 32 bits: the pair product of
// a word and a zero-extended byte is then a plain product.
func depthwiseInt(v isa, pixels int) {
	d := newDepthwise(fmt.Sprintf("depthwiseInt%sx%d", v.name, pixels),
		"func(taps, channels int, in *uint8, weights *int8, out *int32, offsets *int32, stride, weightStride int, bias *int32)",
		v, pixels, 1)
	product := v.new()
	d.run("out",
		func(sum, weight reg.VecVirtual, in Mem) {
			VPMOVZXBD(in, product)
			VPMADDWD(weight, product, product)
			VPADDD(product, sum, sum)
		},
		func(sums []reg.VecVirtual, out, _ reg.GPVirtual) {
			for j, sum := range sums {
				VMOVUPS(sum, part(v, out, d.channel, j))
			}
		})
}
