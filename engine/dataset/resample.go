package dataset

import "math"

// resampling takes a picture of one size to the size of a network's input: it resizes
// the picture and cuts out the centre, in torchvision's and Pillow's way, to the bit:
// bilinear with antialiasing (the triangle widens with the reduction), columns before
// rows, 22-bit weights, rounded to eight bits after each (Pillow's Resample.c).
type resampling struct {
	columns, rows filter
}

// filter says how the cropped pixels of one direction are mixed from the picture's.
type filter struct {
	taps []tap
	same bool // nothing is mixed: a tap is the pixel at its start
}

// tap is one pixel's share in the picture: consecutive pixels and their weights, in
// units of 2^-weightBits.
type tap struct {
	start   int
	weights []int32
}

const weightBits = 22

// newResampling resizes width×height so that the shorter side becomes side, as
// torchvision's Resize, then crops as CenterCrop. side is at least both crops.
func newResampling(width, height, side, cropWidth, cropHeight int) resampling {
	resizedWidth, resizedHeight := side, side
	if width < height {
		resizedHeight = int(float64(side) * float64(height) / float64(width))
	} else {
		resizedWidth = int(float64(side) * float64(width) / float64(height))
	}
	return resampling{
		columns: newFilter(width, resizedWidth, cropWidth),
		rows:    newFilter(height, resizedHeight, cropHeight),
	}
}

// newFilter computes the middle crop pixels of n pixels resized to m.
func newFilter(n, m, crop int) filter {
	// Python rounds halves to even.
	first := int(math.RoundToEven(float64(m-crop) / 2))
	f := filter{taps: make([]tap, crop), same: n == m}
	scale := float64(n) / float64(m)
	reach := max(scale, 1)
	slope := 1 / reach
	for i := range f.taps {
		if f.same {
			f.taps[i].start = first + i
			continue
		}
		centre := float64((float64(first+i) + 0.5) * scale) // the conversion keeps it from being fused
		start := max(0, int(centre-reach+0.5))
		end := min(n, int(centre+reach+0.5))
		weights := make([]float64, end-start)
		sum := 0.0
		for x := range weights {
			weights[x] = max(0, 1-math.Abs(float64((float64(x+start)-centre+0.5)*slope)))
			sum += weights[x]
		}
		fixed := make([]int32, len(weights))
		for x, w := range weights {
			fixed[x] = int32(0.5 + w/sum*(1<<weightBits))
		}
		f.taps[i] = tap{start, fixed}
	}
	return f
}

// apply resizes and crops a plane of the given width to dst.
func (r *resampling) apply(dst, plane []uint8, width int) {
	// Only rows that the second pass looks at go through the first.
	from, to := r.rows.span()
	columns := len(r.columns.taps)
	narrow := make([]uint8, (to-from)*columns)
	for y := from; y < to; y++ {
		row, out := plane[y*width:(y+1)*width], narrow[(y-from)*columns:(y-from+1)*columns]
		if r.columns.same {
			copy(out, row[r.columns.taps[0].start:])
			continue
		}
		for x, tap := range r.columns.taps {
			sum := int32(1 << (weightBits - 1))
			in := row[tap.start : tap.start+len(tap.weights)]
			for i, w := range tap.weights {
				sum += w * int32(in[i])
			}
			out[x] = uint8(min(255, sum>>weightBits))
		}
	}
	sums := make([]int32, columns)
	for y, tap := range r.rows.taps {
		out := dst[y*columns : (y+1)*columns]
		if r.rows.same {
			copy(out, narrow[(tap.start-from)*columns:])
			continue
		}
		for x := range sums {
			sums[x] = 1 << (weightBits - 1)
		}
		for i, w := range tap.weights {
			in := narrow[(tap.start-from+i)*columns:][:columns]
			for x, v := range in {
				sums[x] += w * int32(v)
			}
		}
		for x, sum := range sums {
			out[x] = uint8(min(255, sum>>weightBits))
		}
	}
}

// span is the first pixel a filter looks at, and the one after the last.
func (f *filter) span() (from, to int) {
	first, last := f.taps[0], f.taps[len(f.taps)-1]
	return first.start, last.start + max(1, len(last.weights))
}
