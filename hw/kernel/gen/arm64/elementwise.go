package main

// Element-wise operations run over n scalars, n a multiple of 16 and above zero.

// quantizedAdd holds what quantized additions need in registers, in the order of
// addConstants in package kernel.
type quantizedAdd struct {
	*function
	lo, hi, scale, inputZero, inputScale, outScale, outLo, outHi, outZero, zero vector
	other                                                                       []vector
}

func addConstants(f *function) *quantizedAdd {
	c := f.parameter("c")
	a := &quantizedAdd{function: f}
	for _, field := range []*vector{&a.lo, &a.hi, &a.scale, &a.inputZero, &a.inputScale, &a.outScale, &a.outLo, &a.outHi, &a.outZero, &a.zero} {
		*field = f.vector()
		f.op("VLD1R.P 4(%v), [V%d.S4]", c, *field)
	}
	a.other = f.group(vectors)
	return a
}

// add adds the next sixteen quantized scalars to the reals y and quantizes the sums,
// leaving bytes in the first of y.
func (a *quantizedAdd) add(y []vector, next general) {
	a.loadNext(a.other[3:], next)
	a.widen(a.other[3], a.other)
	for j, r := range y {
		a.dequantize(a.other[j], a.inputZero, a.inputScale)
		a.fadd(r, r, a.other[j])
		a.fdiv(r, r, a.outScale)
		a.quantize(r, a.outLo, a.outHi, a.outZero)
	}
	a.narrow(y)
}

// eachSixteen runs body for every 16 scalars; body moves the addresses on.
func eachSixteen(f *function, body func()) {
	n := f.parameter("n")
	f.label("loop")
	body()
	f.countDown(n, 16, "loop")
	f.end()
}

// addFloat adds and clamps; without b it only clamps.
func addFloat(file *file) {
	f := beginFunction(file, "addFloatNEON", "n int, out, a, b *float32, lo, hi float32")
	out, a, b := f.parameter("out"), f.parameter("a"), f.parameter("b")
	lo, hi := f.everywhere("lo", f.vector()), f.everywhere("hi", f.vector())
	y, other := f.group(vectors), f.group(vectors)
	eachSixteen(f, func() {
		f.loadNext(y, a)
		f.skipIfNil(b, "plain")
		f.loadNext(other, b)
		for j, r := range y {
			f.fadd(r, r, other[j])
		}
		f.label("plain")
		for _, r := range y {
			f.limit(r, lo, hi)
		}
		f.storeNext(y, out)
	})
}

func addUint8(file *file) {
	f := beginFunction(file, "addUint8NEON", "n int, out, a, b *uint8, c *float32")
	out, a, b := f.parameter("out"), f.parameter("a"), f.parameter("b")
	c := addConstants(f)
	bytes, y := f.group(1), f.group(vectors)
	eachSixteen(f, func() {
		f.loadNext(bytes, a)
		f.widen(bytes[0], y)
		for _, r := range y {
			f.dequantize(r, c.zero, c.scale)
		}
		c.add(y, b)
		f.storeNext(y[:1], out)
	})
}

func quantizeFloat(file *file) {
	f := beginFunction(file, "quantizeFloatNEON", "n int, out *uint8, in *float32, scale, lo, hi float32, zero int32")
	out, in := f.parameter("out"), f.parameter("in")
	scale, lo, hi, zero := f.everywhere("scale", f.vector()), f.everywhere("lo", f.vector()), f.everywhere("hi", f.vector()), f.everywhere("zero", f.vector())
	y := f.group(vectors)
	eachSixteen(f, func() {
		f.loadNext(y, in)
		for _, r := range y {
			f.fdiv(r, r, scale)
			f.quantize(r, lo, hi, zero)
		}
		f.narrow(y)
		f.storeNext(y[:1], out)
	})
}

func dequantize(file *file) {
	f := beginFunction(file, "dequantizeNEON", "n int, out *float32, in *uint8, scale float32, zero int32")
	out, in := f.parameter("out"), f.parameter("in")
	scale, zero := f.everywhere("scale", f.vector()), f.everywhere("zero", f.vector())
	bytes, y := f.group(1), f.group(vectors)
	eachSixteen(f, func() {
		f.loadNext(bytes, in)
		f.widen(bytes[0], y)
		for _, r := range y {
			f.dequantize(r, zero, scale)
		}
		f.storeNext(y, out)
	})
}

// lookup keeps the table in sixteen registers. A table instruction takes four of them and
// leaves alone what is indexed beyond, so that indices 64 less each time find every entry.
func lookup(file *file) {
	f := beginFunction(file, "lookupNEON", "n int, out, in *uint8, table *[256]uint8")
	out, in, table := f.parameter("out"), f.parameter("in"), f.parameter("table")
	rows, x, y, step := f.group(16), f.group(1), f.group(1), f.vector()
	for i := 0; i < len(rows); i += 4 {
		f.loadNext(rows[i:i+4], table)
	}
	f.op("VMOVI $64, V%d.B16", step)
	eachSixteen(f, func() {
		f.loadNext(x, in)
		f.op("VTBL V%d.B16, %s, V%d.B16", x[0], list(rows[:4], "B16"), y[0])
		for i := 4; i < len(rows); i += 4 {
			f.op("VSUB V%d.B16, V%d.B16, V%d.B16", step, x[0], x[0])
			f.op("VTBX V%d.B16, %s, V%d.B16", x[0], list(rows[i:i+4], "B16"), y[0])
		}
		f.storeNext(y, out)
	})
}
