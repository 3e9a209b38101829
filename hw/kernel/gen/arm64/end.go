package main

// Ends turn the sums [pixel][channel] of a tile into a convolution's output. channels is a
// multiple of 16; out and residual have stride bytes from pixel to pixel.

// eachSum runs body for every 16 channels of every pixel, whose addresses body moves on: y
// holds the sums as floats times their channel's scale, rows what the parameters named point at.
func eachSum(f *function, names []string, y []vector, body func(rows []general)) {
	sums, scales, stride := f.parameter("sums"), f.parameter("scale"), f.parameter("stride")
	pixels, channels := f.parameter("pixels"), f.parameter("channels")
	scale, left := f.general(), f.general()
	var starts, rows []general
	for _, name := range names {
		starts, rows = append(starts, f.parameter(name)), append(rows, f.general())
	}
	factors := f.group(vectors)
	f.label("pixel")
	f.op("MOVD %v, %v", scales, scale)
	f.op("MOVD %v, %v", channels, left)
	for i, row := range rows {
		f.op("MOVD %v, %v", starts[i], row)
		f.op("ADD %v, %v", stride, starts[i])
	}
	f.label("channels")
	f.loadNext(y, sums)
	f.loadNext(factors, scale)
	for j := range y {
		f.toFloat(y[j])
		f.fmul(y[j], y[j], factors[j])
	}
	body(rows)
	f.countDown(left, 16, "channels")
	f.countDown(pixels, 1, "pixel")
	f.end()
}

func requantizeSums(file *file) {
	f := beginFunction(file, "requantizeSumsNEON", "pixels, channels int, out *uint8, sums *int32, stride int, scale *float32, lo, hi float32, zero int32")
	lo, hi, zero := f.everywhere("lo", f.vector()), f.everywhere("hi", f.vector()), f.everywhere("zero", f.vector())
	y := f.group(vectors)
	eachSum(f, []string{"out"}, y, func(rows []general) {
		for _, r := range y {
			f.quantize(r, lo, hi, zero)
		}
		f.narrow(y)
		f.storeNext(y[:1], rows[0])
	})
}

// addSums requantizes sums and adds a quantized residual.
func addSums(file *file) {
	f := beginFunction(file, "addSumsNEON", "pixels, channels int, out *uint8, sums *int32, stride int, residual *uint8, scale, c *float32")
	c := addConstants(f)
	y := f.group(vectors)
	eachSum(f, []string{"out", "residual"}, y, func(rows []general) {
		for _, r := range y {
			f.fmaxnm(r, r, c.lo)
			f.fminnm(r, r, c.hi)
			f.roundEven(r)
			f.fmul(r, r, c.scale)
		}
		c.add(y, rows[1])
		f.storeNext(y[:1], rows[0])
	})
}

// dequantizeSums turns sums into clamped floats, with a residual if there is one.
func dequantizeSums(file *file) {
	f := beginFunction(file, "dequantizeSumsNEON", "pixels, channels int, out *float32, sums *int32, stride int, residual, scale *float32, lo, hi float32")
	lo, hi := f.everywhere("lo", f.vector()), f.everywhere("hi", f.vector())
	test := f.parameter("residual")
	y, other := f.group(vectors), f.group(vectors)
	eachSum(f, []string{"out", "residual"}, y, func(rows []general) {
		f.skipIfNil(test, "plain")
		f.loadNext(other, rows[1])
		for j, r := range y {
			f.fadd(r, r, other[j])
		}
		f.label("plain")
		for _, r := range y {
			f.limit(r, lo, hi)
		}
		f.storeNext(y, rows[0])
	})
}
