package main

import (
	"fmt"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// digitTile sums planes of bits x times planes of digits −1, 0 and 1, of sign s and magnitude m, by
// counting the ones of (x XOR s) AND m: words of 32 channels, broadcast, against those of
// the output channels across lanes. Binary digits are −1 and 1: without magnitudes, they count
// x XOR s in less time. The passes, one for each pair of planes, come in falling order of
// their weight; sums double in between. The sums end as a dotTile's.
func digitTile(binary bool, pixels, vectors int) {
	name, parts := "ternaryTile", 2
	if binary {
		name, parts = "binaryTile", 1
	}
	v := avx512
	TEXT(fmt.Sprintf("%s%sx%dx%d", name, v.name, pixels, vectors*v.lanes()), NOSPLIT,
		"func(taps, words int, in *uint8, weights *uint32, out *uint8, offsets *int32, passes *int, count, stride int, bias *int32, scale *float32, lo, hi float32, zero int32)")
	Pragma("noescape")
	t := &tile{isa: v, pixels: pixels, vectors: vectors, locals: AllocLocal(32)}
	t.weights, t.channel = GP64(), GP64()
	for range pixels {
		t.addresses = append(t.addresses, GP64())
	}
	t.sums = v.vectors(pixels * vectors)
	for _, sum := range t.sums {
		VPXORD(sum, sum, sum)
	}
	in, left := t.locals.Offset(16), t.locals.Offset(24)
	t.in = in
	sign, magnitude, x := v.vectors(vectors), v.vectors(vectors), v.vectors(2)
	Load(Param("count"), t.channel)
	MOVQ(t.channel, left)

	Label("pass")
	pass := t.channel
	Load(Param("passes"), pass)
	CMPQ(Mem{Base: pass, Disp: 16}, Imm(0))
	JE(LabelRef("planes"))
	for _, sum := range t.sums {
		VPADDD(sum, sum, sum)
	}
	Label("planes")
	MOVQ(Mem{Base: pass}, t.weights)
	ADDQ(parameter("in"), t.weights)
	MOVQ(t.weights, in)
	MOVQ(Mem{Base: pass, Disp: 8}, t.weights)
	ADDQ(parameter("weights"), t.weights)
	ADDQ(Imm(24), pass)
	MOVQ(pass, parameter("passes"))
	t.startTaps()
	t.eachTap(func() {
		Label("words")
		for j := range vectors {
			VMOVDQU32(Mem{Base: t.weights, Disp: j * v.bytes}, sign[j])
			if !binary {
				VMOVDQU32(Mem{Base: t.weights, Disp: (vectors + j) * v.bytes}, magnitude[j])
			}
		}
		for i := range pixels {
			word := Mem{Base: t.addresses[i], Index: t.channel, Scale: 4}
			for j := range vectors {
				if binary {
					VPXORD_BCST(word, sign[j], x[j])
				} else {
					broadcast(word, x[j])
					VPTERNLOGD(Imm(signedOnes), magnitude[j], sign[j], x[j])
				}
				VPOPCNTD(x[j], x[j])
				VPADDD(x[j], t.sums[i*vectors+j], t.sums[i*vectors+j])
			}
		}
		ADDQ(U32(parts*vectors*v.bytes), t.weights)
		INCQ(t.channel)
		CMPQ(t.channel, parameter("words"))
		JL(LabelRef("words"))
	})
	DECQ(left)
	JNE(LabelRef("pass"))

	Load(Param("bias"), t.channel)
	for j, bias := range sign {
		VMOVUPS(Mem{Base: t.channel, Disp: j * v.bytes}, bias)
		for i := range pixels {
			VPADDD(bias, t.sums[i*vectors+j], t.sums[i*vectors+j])
		}
	}
	t.endInt(slices.Repeat([]isa{v}, vectors), magnitude, leave)
}

// signedOnes is VPTERNLOG's truth table of (x XOR sign) AND magnitude.
const signedOnes = 0b0010_1000

// packBitsAVX512 writes the planes of a run of up to 64 channels of rows of pixels: eight bytes to every
// plane of a pixel, or four of no more than 32 channels. present has a bit for each channel
// that is there; bits are 1 to 8; distances, of rows those from end to start, are in bytes.
func packBitsAVX512() {
	beginFunction("packBitsAVX512", "func(rows, pixels, bits int, out, in *uint8, outStride, inStride, rowGap, plane int, present uint64)")
	out, in := load("out"), load("in")
	outStride, inStride, plane := load("outStride"), load("inStride"), load("plane")
	mask, to, left, pixels := GP64(), GP64(), GP64(), GP64()
	lanes, ones := K(), K()
	x, low := ZMM(), ZMM()
	MOVL(U32(0x01010101), to.As32())
	VPBROADCASTD(to.As32(), low)
	Load(Param("present"), mask)
	KMOVQ(mask, lanes)
	SHRQ(Imm(32), mask)
	pack := func(name string, store func(from, to Op)) {
		Label(name + "Row")
		Load(Param("pixels"), pixels)
		Label(name + "Pixel")
		VMOVDQU8_Z(Mem{Base: in}, lanes, x)
		MOVQ(out, to)
		Load(Param("bits"), left)
		Label(name + "Plane")
		VPTESTMB(low, x, ones)
		store(ones, Mem{Base: to})
		VPSRLW(Imm(1), x, x)
		ADDQ(plane, to)
		DECQ(left)
		JNE(LabelRef(name + "Plane"))
		ADDQ(inStride, in)
		ADDQ(outStride, out)
		DECQ(pixels)
		JNE(LabelRef(name + "Pixel"))
		ADDQ(parameter("rowGap"), in)
		DECQ(parameter("rows"))
		JNE(LabelRef(name + "Row"))
		VZEROUPPER()
		RET()
	}
	JE(LabelRef("halfRow"))
	pack("whole", KMOVQ)
	pack("half", KMOVD)
}
