package main

import "fmt"

// depthwise is a tile of a depthwise convolution. It works on sixteen channels at a time,
// which lie across lanes in the input and in the weights [tap][channels].
type depthwise struct {
	*function
	scalar   int // bytes of an input scalar and of a weight
	sums     [][]vector
	weights  []vector // of one tap
	channels general  // left
}

func newDepthwise(f *function, pixels, scalar int) *depthwise {
	d := &depthwise{function: f, scalar: scalar, weights: f.group(scalar)}
	for range pixels {
		d.sums = append(d.sums, f.group(vectors))
	}
	return d
}

// run generates the loops. For every tap, load brings in the scalars of a pixel and multiply deals with them
// while the next pixel's are loaded, for cores that work in order; end is for every pixel, with the
// address of its output and of the like in another tensor.
func (d *depthwise) run(other string, load func(pixel int, in general), multiply func(pixel int), end func(pixel int, out, other general)) {
	d.channels = d.parameter("channels")
	in, bias, weightStride, stride := d.parameter("in"), d.parameter("bias"), d.parameter("weightStride"), d.parameter("stride")
	weights, out, like := d.parameter("weights"), d.parameter("out"), d.parameter(other)
	offsets, taps, weight := d.general(), d.general(), d.general()
	rowOut, rowLike := d.general(), d.general()
	var addresses []general
	for range d.sums {
		addresses = append(addresses, d.general())
	}
	d.label("channels")
	d.loadNext(d.sums[0], bias)
	for _, sums := range d.sums[1:] {
		for j, sum := range sums {
			d.move(d.sums[0][j], sum)
		}
	}
	d.op("MOVD %s, %v", d.operands["offsets"], offsets)
	d.op("MOVD %s, %v", d.operands["taps"], taps)
	d.op("MOVD %v, %v", weights, weight)
	d.label("tap")
	for j, w := range d.weights {
		d.load(w, weight, 16*j)
	}
	d.op("ADD %v, %v", weightStride, weight)
	for _, address := range addresses {
		d.op("MOVW.P 4(%v), %v", offsets, address)
		d.op("ADD %v, %v", in, address)
	}
	for i, address := range addresses {
		load(i, address)
		if i > 0 {
			multiply(i - 1)
		}
	}
	multiply(len(addresses) - 1)
	d.countDown(taps, 1, "tap")
	d.op("MOVD %v, %v", out, rowOut)
	d.op("MOVD %v, %v", like, rowLike)
	for i := range d.sums {
		end(i, rowOut, rowLike)
		d.op("ADD %v, %v", stride, rowOut)
		d.op("ADD %v, %v", stride, rowLike)
	}
	d.op("ADD $%d, %v", 16*d.scalar, in)
	d.op("ADD $%d, %v", 16*d.scalar, weights)
	for _, r := range []general{out, like} {
		d.op("ADD $64, %v", r)
	}
	d.countDown(d.channels, 16, "channels")
	d.end()
}

func depthwiseFloat(f *file, pixels int) {
	d := newDepthwise(beginFunction(f, fmt.Sprintf("depthwiseFloatNEONx%d", pixels),
		"taps, channels int, in, weights, out *float32, offsets *int32, stride, weightStride int, bias, residual *float32, lo, hi float32"),
		pixels, 4)
	lo, hi, x := d.everywhere("lo", d.vector()), d.everywhere("hi", d.vector()), [2][]vector{d.group(vectors), d.group(vectors)}
	test := d.parameter("residual")
	d.run("residual",
		func(pixel int, in general) { d.op("VLD1 (%v), %s", in, list(x[pixel%2], "S4")) },
		func(pixel int) {
			for j, sum := range d.sums[pixel] {
				d.fmlaLanes(sum, x[pixel%2][j], d.weights[j])
			}
		},
		func(pixel int, out, residual general) {
			plain := fmt.Sprintf("plain%d", pixel)
			d.skipIfNil(test, plain)
			for j, sum := range d.sums[pixel] {
				d.load(x[0][j], residual, 16*j)
				d.fadd(sum, sum, x[0][j])
			}
			d.label(plain)
			for j, sum := range d.sums[pixel] {
				d.limit(sum, lo, hi)
				d.store(sum, out, 16*j)
			}
		})
}

// depthwiseInt stores raw sums. It shifts activations by −128 as the integer tiles do.
func depthwiseInt(f *file, pixels int) {
	d := newDepthwise(beginFunction(f, fmt.Sprintf("depthwiseIntNEONx%d", pixels),
		"taps, channels int, in *uint8, weights *int8, out *int32, offsets *int32, stride, weightStride int, bias *int32"),
		pixels, 1)
	shift, x, products := d.vector(), [2]vector{d.vector(), d.vector()}, [2][]vector{d.group(2), d.group(2)}
	d.op("VMOVI $128, V%d.B16", shift)
	add := func(pixel int) {
		for half, words := range products[pixel%2] {
			d.saddw(d.sums[pixel][2*half], words)
			d.saddw2(d.sums[pixel][2*half+1], words)
		}
	}
	d.run("out",
		func(pixel int, in general) { d.load(x[pixel%2], in, 0) },
		func(pixel int) {
			d.op("VEOR V%d.B16, V%d.B16, V%d.B16", shift, x[pixel%2], x[pixel%2])
			d.smull(products[pixel%2][0], x[pixel%2], d.weights[0])
			d.smull2(products[pixel%2][1], x[pixel%2], d.weights[0])
			if pixel > 0 {
				add(pixel - 1)
			}
			if pixel == pixels-1 {
				add(pixel)
			}
		},
		func(pixel int, out, _ general) {
			for j, sum := range d.sums[pixel] {
				d.store(sum, out, 16*j)
			}
		})
}
