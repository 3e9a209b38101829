package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Convolutions of few output channels have pixels across lanes: where a pixel has at most sixteen channels, it takes 16
// bytes, and sixteen pixels are taken apart into planes of dwords, one for each four input channels ("quad"). A
// plane's vector times the broadcast weights of an output channel then wastes no lane, however few those channels are.

// writePixelLanes generates pixellanes_amd64.s.
func writePixelLanes() {
	p := newPixelTables()
	for quads := 1; quads <= 4; quads++ {
		p.split(quads)
	}
	shiftPixels()
	p.splitNeighbours()
	for _, t := range []struct{ vectors, quads int }{{1, 1}, {4, 1}, {1, 2}, {2, 2}, {1, 3}, {1, 4}} {
		p.tile(t.vectors, t.quads)
	}
}

// pixelVector is a vector's pixels.
const pixelVector = 16

// pixelTables say how lanes move.
type pixelTables struct {
	quadPairs [2]Mem // of two registers of four pixels: their quads 0 and 1, or 2 and 3, eight pixels each
	quads     Mem    // of two registers of four pixels: a table for every quad alone, in the first half
	spread    [4]Mem // from a quad of 16 pixels, four pixels to the front of four lanes
	pair      [4]Mem // the same for two quads side by side
	zip       [2]Mem // eight pixels of two quads, side by side
	zipPairs  [2]Mem // four pixels of two pairs of quads
	bytes     [4]Mem // byte c of every dword alone
	transpose Mem    // 4×4 bytes
}

func newPixelTables() *pixelTables {
	p := &pixelTables{}
	for i := range 2 {
		p.quadPairs[i] = dwords(fmt.Sprintf("quadPairs%d", i), func(k int) int { return 4*(k%8) + 2*i + k/8 })
		p.zip[i] = dwords(fmt.Sprintf("zipQuads%d", i), func(k int) int { return 8*i + k/2 + 16*(k%2) })
		p.zipPairs[i] = qwords(fmt.Sprintf("zipPairs%d", i), func(k int) int { return 4*i + k/2 + 8*(k%2) })
	}
	for i := range 4 {
		p.spread[i] = dwords(fmt.Sprintf("spreadQuad%d", i), func(k int) int { return 4*i + k/4 })
		p.pair[i] = dwords(fmt.Sprintf("spreadPair%d", i), func(k int) int { return 4*i + k/4 + 16*(k%2) })
		p.bytes[i] = dwords(fmt.Sprintf("byte%d", i), func(k int) int { return 0x80808000 | 4*(k%4) + i })
	}
	p.quads = GLOBL("quads", RODATA|NOPTR)
	for i := range 64 {
		DATA(4*i, U32(4*(i%16)+i/16&3))
	}
	p.transpose = dwords("transposeBytes", func(k int) int { return (0x0c080400 + 0x01010101*(k%4)) })
	return p
}

// dwords makes a table of 16.
func dwords(name string, entry func(int) int) Mem {
	table := GLOBL(name, RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(entry(i)))
	}
	return table
}

// qwords makes a table of 8.
func qwords(name string, entry func(int) int) Mem {
	table := GLOBL(name, RODATA|NOPTR)
	for i := range 8 {
		DATA(8*i, U64(entry(i)))
	}
	return table
}

func vectorAt(m Mem) reg.VecVirtual {
	r := ZMM()
	VMOVDQU32(m, r)
	return r
}

// takeApart gives the quads of the 16 pixels at m. pairs holds as much of p.quadPairs as they need.
func takeApart(m Mem, quads int, pairs []reg.VecVirtual) (r []reg.VecVirtual) {
	for i, pair := range pairs {
		front, back := vectorAt(m), vectorAt(m.Offset(128))
		VPERMT2D(m.Offset(64), pair, front)
		VPERMT2D(m.Offset(192), pair, back)
		even, odd := front, back
		if 2*i+1 < quads {
			odd = ZMM()
			VSHUFI64X2(Imm(0xee), back, front, odd)
		}
		VINSERTI64X4(Imm(1), back.AsY(), front, even)
		r = append(r, even)
		if 2*i+1 < quads {
			r = append(r, odd)
		}
	}
	return r
}

// pairTables loads what takeApart needs.
func (p *pixelTables) pairTables(quads int) (r []reg.VecVirtual) {
	for i := range (quads + 1) / 2 {
		r = append(r, vectorAt(p.quadPairs[i]))
	}
	return r
}

// split takes vectors of pixels apart into planes, the first quad's at planes and those of the others plane bytes
// apart.
func (p *pixelTables) split(quads int) {
	beginFunction(fmt.Sprintf("splitPixelsAVX512x%d", 4*quads), "func(vectors int, in *uint8, planes *uint32, plane int)")
	vectors, in, out, plane := load("vectors"), load("in"), load("planes"), load("plane")
	last := GP64()
	LEAQ(Mem{Base: plane, Index: plane, Scale: 2}, last)
	planes := []Mem{{Base: out}, {Base: out, Index: plane, Scale: 1}, {Base: out, Index: plane, Scale: 2}, {Base: out, Index: last, Scale: 1}}
	pairs := p.pairTables(quads)
	Label("loop")
	for q, r := range takeApart(Mem{Base: in}, quads, pairs) {
		VMOVDQU32(r, planes[q])
	}
	ADDQ(U32(16*pixelVector), in)
	ADDQ(Imm(4*pixelVector), out)
	DECQ(vectors)
	JNE(LabelRef("loop"))
	leave()
}

// shiftPixels copies vectors of a plane from delta bytes beside, where masks have a pixel's bit, and padding elsewhere.
func shiftPixels() {
	beginFunction("shiftPixelsAVX512", "func(vectors int, out, in *uint32, delta int, masks *uint16, padding *uint8)")
	vectors, out, in, masks, padding := load("vectors"), load("out"), load("in"), load("masks"), load("padding")
	ADDQ(parameter("delta"), in)
	p, r := ZMM(), ZMM()
	VPBROADCASTD(Mem{Base: padding}, p)
	inside := K()
	Label("loop")
	KMOVW(Mem{Base: masks}, inside)
	VMOVDQA64(p, r)
	VMOVDQU32(Mem{Base: in}, inside, r)
	VMOVDQU32(r, Mem{Base: out})
	ADDQ(Imm(4*pixelVector), in)
	ADDQ(Imm(4*pixelVector), out)
	ADDQ(Imm(2), masks)
	DECQ(vectors)
	JNE(LabelRef("loop"))
	leave()
}

// splitNeighbours makes three planes of a quad: of pixels' left neighbours, of themselves and of the right ones, plane bytes apart. The planes
// begin with vectors of padding and end with others; masks are of left and right neighbours in turn.
// Padding counts in pixels, the last of which vectors may overlap what follows.
func (p *pixelTables) splitNeighbours() {
	beginFunction("splitNeighboursAVX512", "func(vectors int, in *uint8, quad int, planes *uint32, plane int, masks *uint16, padding *uint8, above, below int)")
	vectors, in, out, plane, masks, pixels := load("vectors"), load("in"), load("planes"), load("plane"), load("masks"), load("above")
	pad, order := ZMM(), ZMM()
	planes := []Mem{{Base: out}, {Base: out, Index: plane, Scale: 1}, {Base: out, Index: plane, Scale: 2}}
	address, from := GP64(), GP64()
	Load(Param("padding"), address)
	VPBROADCASTD(Mem{Base: address}, pad)
	Load(Param("quad"), from)
	SHLQ(Imm(6), from)
	LEAQ(p.quads, address)
	VMOVDQU32(Mem{Base: address, Index: from, Scale: 1}, order)
	fill := func(name string) {
		TESTQ(pixels, pixels)
		JLE(LabelRef(name + "Filled"))
		end := GP64()
		LEAQ(Mem{Base: out, Index: pixels, Scale: 4}, end)
		Label(name)
		for _, m := range planes {
			VMOVDQU32(pad, m)
		}
		ADDQ(Imm(64), out)
		CMPQ(out, end)
		JL(LabelRef(name))
		MOVQ(end, out)
		Label(name + "Filled")
	}
	split := func() reg.VecVirtual {
		front, back := vectorAt(Mem{Base: in}), vectorAt(Mem{Base: in, Disp: 128})
		VPERMT2D(Mem{Base: in, Disp: 64}, order, front)
		VPERMT2D(Mem{Base: in, Disp: 192}, order, back)
		VINSERTI64X4(Imm(1), back.AsY(), front, front)
		ADDQ(U32(16*pixelVector), in)
		return front
	}
	fill("above")
	TESTQ(vectors, vectors)
	JE(LabelRef("done"))
	left, right, inside := ZMM(), ZMM(), []reg.OpmaskVirtual{K(), K()}
	last, next := ZMM(), ZMM()
	VMOVDQA64(pad, last)
	this := split()
	store := func() {
		KMOVW(Mem{Base: masks}, inside[0])
		KMOVW(Mem{Base: masks, Disp: 2}, inside[1])
		VMOVDQA64(pad, left)
		VALIGND(Imm(15), last, this, inside[0], left)
		VMOVDQA64(pad, right)
		VALIGND(Imm(1), this, next, inside[1], right)
		VMOVDQU32(left, planes[0])
		VMOVDQU32(this, planes[1])
		VMOVDQU32(right, planes[2])
		ADDQ(Imm(64), out)
	}
	DECQ(vectors)
	JE(LabelRef("last"))
	Label("loop")
	VMOVDQA64(split(), next)
	store()
	ADDQ(Imm(4), masks)
	VMOVDQA64(this, last)
	VMOVDQA64(next, this)
	DECQ(vectors)
	JNE(LabelRef("loop"))
	Label("last")
	VMOVDQA64(pad, next)
	store()
	Label("done")
	Load(Param("below"), pixels)
	fill("below")
	leave()
}

// pixelTile is a tile of vectors of pixels with all output channels.
type pixelTile struct {
	*pixelTables
	vectors, quads int
	sums           [][]reg.VecVirtual // [vector][channel]
}

// tile convolves runs of vectors of pixels, side by side. In every step (a tap and four input channels) it multiplies
// vectors from one offset with weights [step][channel][4] and adds the products to the sums. It
// requantizes them as Requantize has it, with a residual if there is one, and stores
// whole pixels of 16 bytes. Nothing that it rounds exceeds 32 bits.
func (p *pixelTables) tile(vectors, quads int) {
	beginFunction(fmt.Sprintf("pixelTileAVX512x%dx%d", pixelVector*vectors, 4*quads),
		"func(tiles, steps int, planes *uint32, offsets *int32, weights *int8, out *uint8, bias *int32, scale *float32, zero int16, lo, hi uint8, residual *uint8, add *float32)")
	t := &pixelTile{pixelTables: p, vectors: vectors, quads: quads}
	for range vectors {
		t.sums = append(t.sums, avx512.vectors(4*quads))
	}
	Label("tile")
	t.sum()
	scale := load("scale")
	CMPQ(parameter("residual"), Imm(0))
	JNE(LabelRef("add"))
	t.endPlain(scale)
	JMP(LabelRef("next"))
	Label("add")
	t.endAdd(scale)
	Label("next")
	ADDQ(U32(64*vectors), parameter("planes"))
	ADDQ(U32(256*vectors), parameter("out"))
	DECQ(parameter("tiles"))
	JNE(LabelRef("tile"))
	leave()
}

// sum starts from the bias and adds all products.
func (t *pixelTile) sum() {
	bias := load("bias")
	for o, first := range t.sums[0] {
		broadcast(Mem{Base: bias, Disp: 4 * o}, first)
		for _, sums := range t.sums[1:] {
			VMOVDQA64(first, sums[o])
		}
	}
	planes, offsets, weights, steps, offset := load("planes"), load("offsets"), load("weights"), load("steps"), GP64()
	x := avx512.vectors(t.vectors)
	Label("step")
	MOVLQSX(Mem{Base: offsets}, offset)
	for i := range x {
		VMOVDQU32(Mem{Base: planes, Index: offset, Scale: 1, Disp: 64 * i}, x[i])
	}
	w := avx512.vectors(2)
	for o := range 4 * t.quads {
		weight := Mem{Base: weights, Disp: 4 * o}
		if t.vectors == 1 {
			VPDPBUSD_BCST(weight, x[0], t.sums[0][o])
			continue
		}
		broadcast(weight, w[o&1])
		for i := range x {
			VPDPBUSD(w[o&1], x[i], t.sums[i][o])
		}
	}
	ADDQ(Imm(4), offsets)
	ADDQ(Imm(uint64(16*t.quads)), weights)
	DECQ(steps)
	JNE(LabelRef("step"))
}

func (t *pixelTile) endPlain(scale reg.GPVirtual) {
	t.eachVector(func(_ int, sums []reg.VecVirtual) {
		for o, y := range sums {
			VCVTDQ2PS(y, y)
			VMULPS_BCST(Mem{Base: scale, Disp: 4 * o}, y, y)
			VCVTPS2DQ(y, y)
		}
	})
}

// endAdd adds the residual as that of dots, but for the division, which adder's exact quotient replaces.
func (t *pixelTile) endAdd(scale reg.GPVirtual) {
	c, residual := load("add"), load("residual")
	lo, hi, mid, input := constant(avx512, c, constLo), constant(avx512, c, constHi), constant(avx512, c, constScale), constant(avx512, c, constInputScale)
	field := func(f int) Mem { return Mem{Base: c, Disp: f} }
	t.eachVector(func(i int, sums []reg.VecVirtual) {
		quads := takeApart(Mem{Base: residual, Disp: 256 * i}, t.quads, t.pairTables(t.quads))
		for o, y := range sums {
			r := ZMM()
			VPSHUFB(t.bytes[o%4], quads[o/4], r)
			VPSUBD_BCST(field(constInputZero), r, r)
			VCVTDQ2PS(r, r)
			VMULPS(input, r, r)
			VCVTDQ2PS(y, y)
			VMULPS_BCST(Mem{Base: scale, Disp: 4 * o}, y, y)
			VMAXPS(lo, y, y)
			VMINPS(hi, y, y)
			roundEven(avx512, y)
			VMULPS(mid, y, y)
			VADDPS(r, y, y)
			VMULPS_BCST(field(constOutScaleRest), y, r)
			VFMADD132PS_BCST(field(constOutScaleInverse), r, y)
			VCVTPS2DQ(y, y)
		}
	})
	ADDQ(U32(256*t.vectors), parameter("residual"))
}

// eachVector runs body, which makes integers of a vector of pixels' sums, and stores their pixels.
func (t *pixelTile) eachVector(body func(i int, sums []reg.VecVirtual)) {
	zero, lo, hi, out := ZMM(), ZMM(), ZMM(), load("out")
	VPBROADCASTW(parameter("zero"), zero)
	VPBROADCASTB(parameter("lo"), lo)
	VPBROADCASTB(parameter("hi"), hi)
	for i, sums := range t.sums {
		body(i, sums)
		var quads []reg.VecVirtual
		for q := range t.quads {
			y := sums[4*q:][:4]
			VPACKSSDW(y[1], y[0], y[0])
			VPACKSSDW(y[3], y[2], y[2])
			VPADDSW(zero, y[0], y[0])
			VPADDSW(zero, y[2], y[2])
			VPACKUSWB(y[2], y[0], y[0])
			VPMAXUB(lo, y[0], y[0])
			VPMINUB(hi, y[0], y[0])
			VPSHUFB(t.transpose, y[0], y[0])
			quads = append(quads, y[0])
		}
		t.store(quads, Mem{Base: out, Disp: 256 * i})
	}
}

// store joins quads of 16 pixels.
func (t *pixelTile) store(quads []reg.VecVirtual, out Mem) {
	switch len(quads) {
	case 1:
		for i, spread := range t.spread {
			r := vectorAt(spread)
			VPERMD(quads[0], r, r)
			VMOVDQU32(r, out.Offset(64*i))
		}
	case 2:
		for i, pair := range t.pair {
			order, r := vectorAt(pair), ZMM()
			VMOVDQA64(quads[0], r)
			VPERMT2D(quads[1], order, r)
			VMOVDQU32(r, out.Offset(64*i))
		}
	default:
		for i, zip := range t.zip {
			order, front, back, r := vectorAt(zip), ZMM(), ZMM(), ZMM()
			VMOVDQA64(quads[0], front)
			VPERMT2D(quads[1], order, front)
			VMOVDQA64(quads[2], back)
			VPERMT2D(quads[len(quads)-1], order, back)
			for j, pairs := range t.zipPairs {
				VMOVDQA64(front, r)
				VPERMT2Q(back, vectorAt(pairs), r)
				VMOVDQU32(r, out.Offset(128*i+64*j))
			}
		}
	}
}
