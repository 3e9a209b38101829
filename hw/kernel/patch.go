package kernel

import "math"

// Patch says where the scalars of a channel lie that pooling makes one of: Rows×Columns of them, RowStep
// and ColumnStep scalars apart. Operations on it give 0 where it is empty.
type Patch struct{ Rows, Columns, RowStep, ColumnStep int }

// MaxFloat computes the maximum over a patch for each of len(out) channels side by side; NaN if one of the
// scalars is. in begins with the patches' first scalars.
func MaxFloat(isa ISA, out, in []float32, p Patch) {
	in = in[:p.reach(len(out))]
	v, done := vectorOf(isa), 0
	if v != nil && v.patchMaxFloat != nil {
		done = p.cover(len(out), func(c, n int) {
			v.patchMaxFloat(p.Rows, p.Columns, n, &out[c], &in[c], p.RowStep*floatBytes, p.ColumnStep*floatBytes)
		})
	}
	maxima(out[done:], in[done:], p, raiseFloats)
}

// MaxUint8 is [MaxFloat] for integers.
func MaxUint8(isa ISA, out, in []uint8, p Patch) {
	in = in[:p.reach(len(out))]
	v, done := vectorOf(isa), 0
	if v != nil && v.patchMaxUint8 != nil {
		done = p.cover(len(out), func(c, n int) {
			v.patchMaxUint8(p.Rows, p.Columns, n, &out[c], &in[c], p.RowStep, p.ColumnStep)
		})
	}
	maxima(out[done:], in[done:], p, raiseBytes)
}

// SumUint8 computes the sums of integers, which must fit into 32 bits.
func SumUint8(isa ISA, out []int32, in []uint8, p Patch) {
	in = in[:p.reach(len(out))]
	v, done := vectorOf(isa), 0
	if v != nil && v.patchSumUint8 != nil {
		done = p.cover(len(out), func(c, n int) {
			v.patchSumUint8(p.Rows, p.Columns, n, &out[c], &in[c], p.RowStep, p.ColumnStep)
		})
	}
	sums(out[done:], in[done:], p)
}

// QuantizeMeans computes out = clamp(roundHalfEven((sums − offset)·factor) + zero, 0, limit) over len(out) scalars in
// float64. Differences must fit into 32 bits.
func QuantizeMeans(isa ISA, out []uint8, sums []int32, offset int32, factor float64, zero, limit uint8) {
	sums = sums[:len(out)]
	v, done := vectorOf(isa), 0
	if v != nil && v.quantizeMeans != nil {
		done = v.cover(len(out), func(i, n int) {
			v.quantizeMeans(n, &out[i], &sums[i], offset, factor, float64(zero), float64(limit))
		})
	}
	for i, sum := range sums[done:] {
		mean := math.RoundToEven(float64(sum-offset) * factor)
		out[done+i] = uint8(min(max(mean+float64(zero), 0), float64(limit)))
	}
}

// EachPatch calls f for every output pixel with its position, that of the first input pixel of its window
// inside the image, and the patch that starts there; stride is the scalars per pixel.
func (w Window) EachPatch(stride int, f func(y, x, at, first int, p Patch)) {
	p := Patch{RowStep: w.Dilation[0] * w.InW * stride, ColumnStep: w.Dilation[1] * stride}
	for y := range w.OutH {
		top, rows := inside(y*w.Stride[0]-w.Top, w.Kernel[0], w.Dilation[0], w.InH)
		for x := range w.OutW {
			left, columns := inside(x*w.Stride[1]-w.Left, w.Kernel[1], w.Dilation[1], w.InW)
			p.Rows, p.Columns = rows, columns
			first := 0
			if rows > 0 && columns > 0 {
				first = (1 + top*w.InW + left) * stride
			}
			f(y, x, (1+y*w.OutW+x)*stride, first, p)
		}
	}
}

// TapsInside is how many taps of an output pixel's window lie inside the image.
func (w Window) TapsInside(y, x int) int {
	_, rows := inside(y*w.Stride[0]-w.Top, w.Kernel[0], w.Dilation[0], w.InH)
	_, columns := inside(x*w.Stride[1]-w.Left, w.Kernel[1], w.Dilation[1], w.InW)
	return rows * columns
}

// inside is the first of a window's taps that lies inside the image, and how many do.
func inside(start, taps, dilation, size int) (first, count int) {
	skipped := 0
	if start < 0 {
		skipped = ceilDiv(-start, dilation)
	}
	first = start + skipped*dilation
	if first >= size {
		return 0, 0
	}
	return first, max(min(taps-skipped, ceilDiv(size-first, dilation)), 0)
}

func (p Patch) empty() bool { return p.Rows < 1 || p.Columns < 1 }

// reach is the length of what the patches of n channels lie in.
func (p Patch) reach(n int) int {
	if p.empty() {
		return n
	}
	return (p.Rows-1)*p.RowStep + (p.Columns-1)*p.ColumnStep + n
}

// cover calls f for runs of the whole vectors among n channels and returns how many those are. The runs
// are short: assembly can't be pre-empted.
func (p Patch) cover(n int, f func(from, n int)) int {
	const scalars = 1 << 17
	if p.empty() {
		return 0
	}
	whole := n / lanes * lanes
	run := max(scalars/(p.Rows*p.Columns)/lanes, 1) * lanes
	for from := 0; from < whole; from += run {
		f(from, min(run, whole-from))
	}
	return whole
}

func maxima[T uint8 | float32](out, in []T, p Patch, raise func(out, to []T)) {
	switch {
	case len(out) == 0:
		return
	case p.empty():
		clear(out)
		return
	}
	copy(out, in)
	for i := range p.Rows {
		for j := range p.Columns {
			raise(out, in[i*p.RowStep+j*p.ColumnStep:][:len(out)])
		}
	}
}

func raiseFloats(out, to []float32) {
	for c, x := range to {
		out[c] = max(out[c], x)
	}
}

// raiseBytes compares wider integers, which compilers do without branches.
func raiseBytes(out, to []uint8) {
	for c, x := range to {
		out[c] = uint8(max(int32(out[c]), int32(x)))
	}
}

func sums(out []int32, in []uint8, p Patch) {
	if len(out) == 0 {
		return
	}
	clear(out)
	for i := range p.Rows {
		for j := range p.Columns {
			for c, x := range in[i*p.RowStep+j*p.ColumnStep:][:len(out)] {
				out[c] += int32(x)
			}
		}
	}
}
