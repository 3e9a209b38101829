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

// run generates the loops: multiply for every tap and pixel, end for every pixel with the
// address of its output and of the like in another tensor.
func (d *depthwise) run(other string, multiply func(sums []vector, in general), end func(pixel int, out, other general)) {
	d.channels = d.parameter("channels")
	in, bias, weightStride, stride := d.parameter("in"), d.parameter("bias"), d.parameter("weightStride"), d.parameter("stride")
	weights, out, like := d.parameter("weights"), d.parameter("out"), d.parameter(other)
	offsets, taps, weight, address := d.general(), d.general(), d.general(), d.general()
	rowOut, rowLike := d.general(), d.general()
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
	for _, sums := range d.sums {
		d.op("MOVW.P 4(%v), %v", offsets, address)
		d.op("ADD %v, %v", in, address)
		multiply(sums, address)
	}
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
	d := newDepthwise(begin(f, fmt.Sprintf("depthwiseFloatNEONx%d", pixels),
		"taps, channels int, in, weights, out *float32, offsets *int32, stride, weightStride int, bias, residual *float32, lo, hi float32"),
		pixels, 4)
	lo, hi, x := d.everywhere("lo", d.vector()), d.everywhere("hi", d.vector()), d.group(vectors)
	test := d.parameter("residual")
	d.run("residual",
		func(sums []vector, in general) {
			d.op("VLD1 (%v), %s", in, list(x, "S4"))
			for j, sum := range sums {
				d.fmlaLanes(sum, x[j], d.weights[j])
			}
		},
		func(pixel int, out, residual general) {
			plain := fmt.Sprintf("plain%d", pixel)
			d.skipIfNil(test, plain)
			for j, sum := range d.sums[pixel] {
				d.load(x[j], residual, 16*j)
				d.fadd(sum, sum, x[j])
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
	d := newDepthwise(begin(f, fmt.Sprintf("depthwiseIntNEONx%d", pixels),
		"taps, channels int, in *uint8, weights *int8, out *int32, offsets *int32, stride, weightStride int, bias *int32"),
		pixels, 1)
	shift, x, low, high := d.vector(), d.vector(), d.vector(), d.vector()
	d.op("VMOVI $128, V%d.B16", shift)
	d.run("out",
		func(sums []vector, in general) {
			d.load(x, in, 0)
			d.op("VEOR V%d.B16, V%d.B16, V%d.B16", shift, x, x)
			d.smull(low, x, d.weights[0])
			d.smull2(high, x, d.weights[0])
			d.saddw(sums[0], low)
			d.saddw2(sums[1], low)
			d.saddw(sums[2], high)
			d.saddw2(sums[3], high)
		},
		func(pixel int, out, _ general) {
			for j, sum := range d.sums[pixel] {
				d.store(sum, out, 16*j)
			}
		})
}
