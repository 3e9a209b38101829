package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// eightTile is dotTile for eight output channels. They fill half a register, of which two products run a
// cycle, but not two broadcasts besides offsets. So two lanes share an output channel and take eight input
// channels from one broadcast: weights are packed [tap][depth/8][8][8] and depth is a multiple of 8, but for 4
// itself. The sums of two pixels end in one register.
func eightTile(pixels int, order Mem) {
	d := newDots(pixels, []isa{half})
	CMPQ(parameter("depth"), Imm(4))
	JE(LabelRef("four"))
	joined := d.sumPairs(order)
	JMP(LabelRef("end"))
	Label("four")
	d.startFromBias()
	d.shallow(1)
	for i := 1; i < pixels; i += 2 {
		VINSERTI64X4(Imm(1), d.sums[i], joined[i/2], joined[i/2])
	}
	Label("end")
	e := &eights{d, joined}
	CMPQ(parameter("residual"), Imm(0))
	JNE(LabelRef("add"))
	e.endPlain()
	Label("add")
	e.endAdd()
	d.next()
}

// pairOrder is where the even and the odd lanes of two registers lie.
func pairOrder() Mem {
	table := GLOBL("pairOrder", RODATA|NOPTR)
	for i := range 32 {
		DATA(i, U8(2*i%32+i/16))
	}
	return table
}

// sumPairs sums in pairs of lanes, adds these up and returns the sums of every two pixels, side by side.
func (d *dots) sumPairs(order Mem) []reg.VecVirtual {
	sums := d.sums
	pairs := &dots{tile: d.tile, columns: []isa{avx512}, channels: 8}
	d.sums = nil
	for _, sum := range sums {
		d.sums = append(d.sums, sum.AsZ().(reg.VecVirtual))
	}
	Load(Param("bias"), d.channel)
	VPMOVZXDQ(Mem{Base: d.channel}, d.sums[0])
	for _, sum := range d.sums[1:] {
		VMOVAPS(d.sums[0], sum)
	}
	pairs.sum()
	even, odd, t := ZMM(), ZMM(), ZMM()
	VPMOVZXBD(order, even)
	VPMOVZXBD(order.Offset(16), odd)
	var joined []reg.VecVirtual
	for i := 0; i < d.pixels; i += 2 {
		first, second := d.sums[i], d.sums[min(i+1, d.pixels-1)]
		VMOVAPS(first, t)
		VPERMT2D(second, even, t)
		VPERMT2D(second, odd, first)
		VPADDD(t, first, first)
		joined = append(joined, first)
	}
	d.sums = sums
	return joined
}

// eights are the ends of a tile of eight output channels.
type eights struct {
	*dots
	joined []reg.VecVirtual // sums of two pixels each
}

// eachPair runs body for every two pixels with the addresses of their outputs and of their residuals, if asked for.
// For the last of an odd number, second is false.
func (e *eights) eachPair(residual bool, body func(sum reg.VecVirtual, second bool, out, residual [2]Mem)) {
	out, other, stride := e.weights, e.channel, load("stride")
	Load(Param("out"), out)
	rows := []reg.GPVirtual{out}
	if residual {
		Load(Param("residual"), other)
		rows = append(rows, other)
	}
	both := func(row reg.GPVirtual) [2]Mem { return [2]Mem{{Base: row}, {Base: row, Index: stride, Scale: 1}} }
	for k, sum := range e.joined {
		second := 2*k+1 < e.pixels
		body(sum, second, both(out), both(other))
		for _, row := range rows {
			if second {
				LEAQ(Mem{Base: row, Index: stride, Scale: 2}, row)
			} else {
				ADDQ(stride, row)
			}
		}
	}
	MOVQ(out, parameter("out"))
	if residual {
		MOVQ(other, parameter("residual"))
	}
}

// scale is that of both pixels' channels.
func (e *eights) scale() reg.VecVirtual {
	r := ZMM()
	VBROADCASTF64X4(Mem{Base: e.channel}, r)
	return r
}

// store narrows two pixels' integers to bytes.
func (e *eights) store(y reg.VecVirtual, second bool, out [2]Mem) {
	VPMOVDB(y, y.AsX())
	VMOVQ(y.AsX(), out[0])
	if second {
		VMOVHPS(y.AsX(), out[1])
	}
}

// endPlain is endInt.
func (e *eights) endPlain() {
	v := avx512
	Load(Param("scale"), e.channel)
	TESTQ(e.channel, e.channel)
	JE(LabelRef("raw"))
	lo, hi, zero, scale := v.new(), v.new(), v.new(), e.scale()
	VBROADCASTSS(parameter("lo"), lo)
	VBROADCASTSS(parameter("hi"), hi)
	VBROADCASTSS(parameter("zero"), zero)
	e.eachPair(false, func(y reg.VecVirtual, second bool, out, _ [2]Mem) {
		VCVTDQ2PS(y, y)
		VMULPS(scale, y, y)
		toInteger(y, lo, hi, zero)
		e.store(y, second, out)
	})
	JMP(LabelRef("next"))

	Label("raw")
	e.eachPair(false, func(sum reg.VecVirtual, second bool, out, _ [2]Mem) {
		VMOVUPS(sum.AsY(), out[0])
		if second {
			VEXTRACTI64X4(Imm(1), sum, out[1])
		}
	})
	JMP(LabelRef("next"))
}

// endAdd is that of dots.
func (e *eights) endAdd() {
	a, r := newAdder(avx512), ZMM()
	Load(Param("scale"), e.channel)
	scale := e.scale()
	e.eachPair(true, func(y reg.VecVirtual, second bool, out, residual [2]Mem) {
		VMOVQ(residual[0], r.AsX())
		if second {
			VMOVHPS(residual[1], r.AsX(), r.AsX())
		}
		VPMOVZXBD(r.AsX(), r)
		a.add(avx512, y, scale, r)
		e.store(y, second, out)
	})
}
