package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gradients are the kernels of training. They make a file of their own.
func gradients() {
	outerTile(avx512, 8, 1)
	outerTile(avx512, 8, 2)
	outerTile(avx2, 4, 2)
	for _, v := range []isa{avx512, avx2} {
		winogradGradient(v)
		channelMoments(v)
		channelAffine(v)
		channelProducts(v)
		normGradient(v)
		passPositive(v)
	}
}

// outerTile adds to rows × (vectors of) columns of c the outer products of n runs of
// a with n runs of b, which start at pairs of offsets counted in floats. stride is in bytes.
func outerTile(v isa, rows, vectors int) {
	beginFunction(fmt.Sprintf("outerTile%sx%dx%d", v.name, rows, vectors*v.lanes()),
		"func(n int, a, b, c *float32, offsets *int32, stride int)")
	n, a, b, offsets := load("n"), load("a"), load("b"), load("offsets")
	sums, w, x := v.vectors(rows*vectors), v.vectors(vectors), v.vectors(2)
	for _, sum := range sums {
		VXORPS(sum.AsX(), sum.AsX(), sum.AsX())
	}
	i, j := GP64(), GP64()
	Label("loop")
	MOVLQSX(Mem{Base: offsets}, i)
	MOVLQSX(Mem{Base: offsets, Disp: 4}, j)
	for k := range w {
		VMOVUPS(Mem{Base: b, Index: j, Scale: 4, Disp: k * v.bytes}, w[k])
	}
	for r := range rows {
		broadcast(Mem{Base: a, Index: i, Scale: 4, Disp: 4 * r}, x[r&1])
		for k := range w {
			VFMADD231PS(w[k], x[r&1], sums[r*vectors+k])
		}
	}
	ADDQ(Imm(8), offsets)
	DECQ(n)
	JNE(LabelRef("loop"))
	c, stride := load("c"), load("stride")
	for r := range rows {
		for k := range vectors {
			m, sum := Mem{Base: c, Disp: k * v.bytes}, sums[r*vectors+k]
			VADDPS(m, sum, sum)
			VMOVUPS(sum, m)
		}
		if r < rows-1 {
			ADDQ(stride, c)
		}
	}
	VZEROUPPER()
	RET()
}

// winogradGradient writes A·dy·Aᵀ of a tile's 4×4 output gradients, which lie at the
// given offsets, to 36 planes: F(4×4, 3×3) seen from its weights. plane and offsets are
// in bytes.
func winogradGradient(v isa) {
	const m, n = 4, 6
	beginFunction("winogradGradient4x4"+v.name, "func(channels int, src, dst *float32, offsets *int32, plane int, scratch *float32)")
	channels, src, dst := load("channels"), load("src"), load("dst")
	offsets, plane, scratch := load("offsets"), load("plane"), load("scratch")
	two, four := number(v, 2), number(v, 4)
	d, offset, to := v.vectors(m), GP64(), GP64()
	// apply gives a, a+b+c+d, a−b+c−d, a+2b+4c+8d, a−2b+4c−8d and d.
	apply := func(give func(i int, y reg.VecVirtual)) {
		even, odd, y := v.new(), v.new(), v.new()
		give(0, d[0])
		VADDPS(d[2], d[0], even)
		VADDPS(d[3], d[1], odd)
		VADDPS(odd, even, y)
		give(1, y)
		VSUBPS(odd, even, y)
		give(2, y)
		VFMADD231PS(four, d[2], d[0])
		VMOVAPS(d[1], odd)
		VFMADD231PS(four, d[3], odd)
		VMULPS(two, odd, odd)
		VADDPS(odd, d[0], y)
		give(3, y)
		VSUBPS(odd, d[0], y)
		give(4, y)
		give(5, d[3])
	}
	Label("loop")
	for column := range m {
		for i := range m {
			MOVLQSX(Mem{Base: offsets, Disp: (i*m + column) * 4}, offset)
			VMOVUPS(Mem{Base: src, Index: offset, Scale: 1}, d[i])
		}
		apply(func(i int, y reg.VecVirtual) {
			VMOVUPS(y, Mem{Base: scratch, Disp: (i*m + column) * v.bytes})
		})
	}
	MOVQ(dst, to)
	for row := range n {
		for j := range m {
			VMOVUPS(Mem{Base: scratch, Disp: (row*m + j) * v.bytes}, d[j])
		}
		apply(func(_ int, y reg.VecVirtual) {
			VMOVUPS(y, Mem{Base: to})
			ADDQ(plane, to)
		})
	}
	nextChannels(v, channels, src, dst)
}

// perPixel generates the loops of an operation on pixels of channels scalars: setUp for
// every vector of channels, body for every pixel of it, with the distance from the
// operands' first scalars in bytes.
func perPixel(v isa, setUp func(channel reg.GPVirtual), body func(at reg.GPVirtual), finish func(channel reg.GPVirtual)) {
	channel, at, left, stride := GP64(), GP64(), GP64(), GP64()
	XORQ(channel, channel)
	Load(Param("channels"), stride)
	SHLQ(Imm(2), stride)
	Label("channels")
	setUp(channel)
	MOVQ(channel, at)
	Load(Param("pixels"), left)
	Label("pixel")
	body(at)
	ADDQ(stride, at)
	DECQ(left)
	JNE(LabelRef("pixel"))
	finish(channel)
	ADDQ(Imm(uint64(v.bytes)), channel)
	CMPQ(channel, stride)
	JL(LabelRef("channels"))
	VZEROUPPER()
	RET()
}

func indexed(base, at reg.GPVirtual) Mem { return Mem{Base: base, Index: at, Scale: 1} }

// positive zeroes the lanes of r where those in memory are not above zero.
func positive(v isa, zero, r reg.VecVirtual, m Mem) {
	const greater = 0x1e // ordered, quiet
	t := v.new()
	VMOVUPS(m, t)
	if v.bytes == 64 {
		k := K()
		VCMPPS(Imm(greater), zero, t, k)
		VMOVAPS_Z(r, k, r)
		return
	}
	VCMPPS(Imm(greater), zero, t, t)
	VANDPS(t, r, r)
}

// channelMoments adds to first and second, per channel, Σ d and Σ d² of d = x − pivot.
func channelMoments(v isa) {
	beginFunction("channelMoments"+v.name, "func(pixels, channels int, x, pivot, first, second *float32)")
	x, pivot, first, second := load("x"), load("pivot"), load("first"), load("second")
	p, s, q, d := v.new(), v.new(), v.new(), v.new()
	perPixel(v, func(c reg.GPVirtual) {
		VMOVUPS(indexed(pivot, c), p)
		VMOVUPS(indexed(first, c), s)
		VMOVUPS(indexed(second, c), q)
	}, func(at reg.GPVirtual) {
		VMOVUPS(indexed(x, at), d)
		VSUBPS(p, d, d)
		VADDPS(d, s, s)
		VFMADD231PS(d, d, q)
	}, func(c reg.GPVirtual) {
		VMOVUPS(s, indexed(first, c))
		VMOVUPS(q, indexed(second, c))
	})
}

// channelAffine sets to = max(factor·x + offset, lo) per channel.
func channelAffine(v isa) {
	beginFunction("channelAffine"+v.name, "func(pixels, channels int, to, x, factor, offset *float32, lo float32)")
	to, x, factor, offset := load("to"), load("x"), load("factor"), load("offset")
	f, o, y, lo := v.new(), v.new(), v.new(), v.new()
	VBROADCASTSS(parameter("lo"), lo)
	perPixel(v, func(c reg.GPVirtual) {
		VMOVUPS(indexed(factor, c), f)
		VMOVUPS(indexed(offset, c), o)
	}, func(at reg.GPVirtual) {
		VMOVAPS(o, y)
		VFMADD231PS(indexed(x, at), f, y)
		VMAXPS(y, lo, y) // in this order NaN survives
		VMOVUPS(y, indexed(to, at))
	}, func(reg.GPVirtual) {})
}

// channelProducts adds to first and second, per channel, Σ g and Σ g·(x − pivot), where g
// is the gradient and, unless out is nil, zero where out is not above zero.
func channelProducts(v isa) {
	beginFunction("channelProducts"+v.name, "func(pixels, channels int, gradient, out, x, pivot, first, second *float32)")
	gradient, out, x := load("gradient"), load("out"), load("x")
	pivot, first, second := load("pivot"), load("first"), load("second")
	p, s, q, d, g, zero := v.new(), v.new(), v.new(), v.new(), v.new(), v.new()
	VXORPS(zero.AsX(), zero.AsX(), zero.AsX())
	perPixel(v, func(c reg.GPVirtual) {
		VMOVUPS(indexed(pivot, c), p)
		VMOVUPS(indexed(first, c), s)
		VMOVUPS(indexed(second, c), q)
	}, func(at reg.GPVirtual) {
		VMOVUPS(indexed(gradient, at), g)
		TESTQ(out, out)
		JE(LabelRef("all"))
		positive(v, zero, g, indexed(out, at))
		Label("all")
		VMOVUPS(indexed(x, at), d)
		VSUBPS(p, d, d)
		VADDPS(g, s, s)
		VFMADD231PS(g, d, q)
	}, func(c reg.GPVirtual) {
		VMOVUPS(s, indexed(first, c))
		VMOVUPS(q, indexed(second, c))
	})
}

// normGradient sets to = factor·g + slope·x + offset per channel, plus what prior holds
// unless it is nil; g is as in channelProducts.
func normGradient(v isa) {
	beginFunction("normGradient"+v.name, "func(pixels, channels int, to, prior, gradient, out, x, factor, slope, offset *float32)")
	to, prior, gradient, out, x := load("to"), load("prior"), load("gradient"), load("out"), load("x")
	f, s, o, y, g, zero := v.new(), v.new(), v.new(), v.new(), v.new(), v.new()
	VXORPS(zero.AsX(), zero.AsX(), zero.AsX())
	table := GP64()
	perPixel(v, func(c reg.GPVirtual) {
		Load(Param("factor"), table)
		VMOVUPS(indexed(table, c), f)
		Load(Param("slope"), table)
		VMOVUPS(indexed(table, c), s)
		Load(Param("offset"), table)
		VMOVUPS(indexed(table, c), o)
	}, func(at reg.GPVirtual) {
		VMOVUPS(indexed(gradient, at), g)
		TESTQ(out, out)
		JE(LabelRef("all"))
		positive(v, zero, g, indexed(out, at))
		Label("all")
		VMOVAPS(o, y)
		VFMADD231PS(indexed(x, at), s, y)
		VFMADD231PS(g, f, y)
		TESTQ(prior, prior)
		JE(LabelRef("alone"))
		VADDPS(indexed(prior, at), y, y)
		Label("alone")
		VMOVUPS(y, indexed(to, at))
	}, func(reg.GPVirtual) {})
}

// passPositive sets to to the gradient where out is above zero, else to zero, plus what
// prior holds unless it is nil.
func passPositive(v isa) {
	beginFunction("passPositive"+v.name, "func(n int, to, prior, gradient, out *float32)")
	to, prior, gradient, out := load("to"), load("prior"), load("gradient"), load("out")
	g, zero := v.vectors(16/v.lanes()), v.new()
	VXORPS(zero.AsX(), zero.AsX(), zero.AsX())
	eachSixteen(parameter("n"), func(i reg.GPVirtual) {
		for j := range g {
			VMOVUPS(part(v, gradient, i, j), g[j])
			positive(v, zero, g[j], part(v, out, i, j))
		}
		TESTQ(prior, prior)
		JE(LabelRef("alone"))
		for j := range g {
			VADDPS(part(v, prior, i, j), g[j], g[j])
		}
		Label("alone")
		for j := range g {
			VMOVUPS(g[j], part(v, to, i, j))
		}
	})
	VZEROUPPER()
	RET()
}
