package kernel

import (
	"fmt"
	"math"
)

// poolRun is how many output pixels a call of assembly computes, which can't be pre-empted.
const poolRun = 256

// MaxPool takes maxima over windows of an image, one channel at a time. It is immutable and safe for
// concurrent use. Maxima over NaN may or may not be NaN.
type MaxPool struct {
	isa     ISA
	vector  *vector // nil: portable
	window  Window
	stride  int     // scalars per pixel
	offsets []int32 // [pixel][tap] in scalars; taps outside the image repeat one inside; nil: by patches
}

// NewMaxPool plans maxima. Every window must have a tap inside the image.
func NewMaxPool(isa ISA, w Window, channels int) *MaxPool {
	p := &MaxPool{isa: isa, vector: vectorOf(isa), window: w, stride: ChannelStride(channels)}
	checkReach(w, p.stride)
	if v := p.vector; v == nil || v.maxFloat == nil && v.maxUint8 == nil {
		return p
	}
	taps := w.Taps()
	for pixel := range w.OutH * w.OutW {
		first := len(p.offsets)
		p.offsets = appendInside(p.offsets, w, pixel, p.stride)
		if len(p.offsets) == first {
			panic(fmt.Sprintf("kernel: window of output pixel %d of %+v lies outside the image", pixel, w))
		}
		for len(p.offsets) < first+taps {
			p.offsets = append(p.offsets, p.offsets[first])
		}
	}
	return p
}

// appendInside appends the places in the input of an output pixel's taps inside the image, in units per pixel.
func appendInside(offsets []int32, w Window, pixel, unit int) []int32 {
	for tap := range w.Taps() {
		if in := w.Pixel(pixel, tap); in > 0 {
			offsets = append(offsets, int32(in*unit))
		}
	}
	return offsets
}

// RunFloat computes the maxima of floats.
func (p *MaxPool) RunFloat(out, in []float32) {
	if p.vector == nil || p.vector.maxFloat == nil {
		p.window.EachPatch(p.stride, func(_, _, at, first int, patch Patch) {
			MaxFloat(p.isa, out[at:at+p.stride], in[first:], patch)
		})
		return
	}
	out, in = out[:(1+p.window.OutH*p.window.OutW)*p.stride], in[:(1+p.window.InH*p.window.InW)*p.stride]
	taps := p.window.Taps()
	p.eachRun(func(first, pixels int) {
		p.vector.maxFloat(pixels, taps, p.stride, &out[(1+first)*p.stride], &in[0], &p.offsets[first*taps], floatBytes*p.stride)
	})
}

// RunUint8 computes the maxima of integers, which are in the order of the reals they stand for.
func (p *MaxPool) RunUint8(out, in []uint8) {
	if p.vector == nil || p.vector.maxUint8 == nil {
		p.window.EachPatch(p.stride, func(_, _, at, first int, patch Patch) {
			MaxUint8(p.isa, out[at:at+p.stride], in[first:], patch)
		})
		return
	}
	out, in = out[:(1+p.window.OutH*p.window.OutW)*p.stride], in[:(1+p.window.InH*p.window.InW)*p.stride]
	taps := p.window.Taps()
	p.eachRun(func(first, pixels int) {
		p.vector.maxUint8(pixels, taps, p.stride, &out[(1+first)*p.stride], &in[0], &p.offsets[first*taps], p.stride)
	})
}

func (p *MaxPool) eachRun(f func(first, pixels int)) {
	pixels := p.window.OutH * p.window.OutW
	for first := 0; first < pixels; first += poolRun {
		f(first, min(poolRun, pixels-first))
	}
}

// AveragePool takes means over windows of an image, one channel at a time. It is immutable and safe for
// concurrent use.
type AveragePool struct {
	vector  *vector // nil: portable
	window  Window
	stride  int       // scalars per pixel
	offsets []int32   // of every pixel's taps inside the image; in bytes for assembly, else in scalars
	starts  []int32   // where in offsets each pixel's begin, and the end
	factors []float32 // [divisor][ChannelStride] of reciprocals
	factor  []int32   // where in factors each pixel's begin
	zeros   []float32
}

// NewAveragePool plans means. divisor is what the sum over the taps inside the image is divided by,
// for every output pixel.
func NewAveragePool(isa ISA, w Window, channels int, divisor func(pixel int) int) *AveragePool {
	p := &AveragePool{vector: vectorOf(isa), window: w, stride: ChannelStride(channels)}
	p.zeros = Floats(p.stride)
	unit := p.stride
	if p.vector != nil {
		unit *= floatBytes
	}
	checkReach(w, unit)
	known := map[int]int32{}
	for pixel := range w.OutH * w.OutW {
		p.starts = append(p.starts, int32(len(p.offsets)))
		p.offsets = appendInside(p.offsets, w, pixel, unit)
		d := divisor(pixel)
		if _, ok := known[d]; !ok {
			known[d] = int32(len(p.factors))
			for range p.stride {
				p.factors = append(p.factors, 1/float32(d))
			}
		}
		p.factor = append(p.factor, known[d])
	}
	p.starts = append(p.starts, int32(len(p.offsets)))
	return p
}

// Run computes the means. A mean is the sum of the products with the divisor's reciprocal.
func (p *AveragePool) Run(out, in []float32) {
	out, in = out[:(1+p.window.OutH*p.window.OutW)*p.stride], in[:(1+p.window.InH*p.window.InW)*p.stride]
	for pixel, start := range p.starts[:len(p.starts)-1] {
		offsets := p.offsets[start:p.starts[pixel+1]]
		dst, factors := out[(1+pixel)*p.stride:][:p.stride], p.factors[p.factor[pixel]:][:p.stride]
		switch {
		case len(offsets) == 0:
			clear(dst)
		case p.vector != nil:
			p.vector.depthwiseFloat[1](len(offsets), p.stride, &in[0], &factors[0], &dst[0], &offsets[0],
				0, 0, &p.zeros[0], nil, float32(math.Inf(-1)), float32(math.Inf(1)))
		default:
			clear(dst)
			for _, offset := range offsets {
				for c, x := range in[offset:][:len(dst)] {
					dst[c] += x * factors[c]
				}
			}
		}
	}
}
