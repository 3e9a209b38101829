package kernel

import (
	"fmt"
	"math"
	"slices"
)

// tiling cuts the output pixels into runs of nearly equal length and remembers
// where in the input each of them looks.
type tiling struct {
	tiles   []tile
	strips  []strip // the same tiles
	offsets []int32 // [tile][tap][pixel of the tile], in units given to newTiling
	taps    int
}

// tile is a run of output pixels and the taps worth computing for them.
type tile struct {
	first, pixels int
	tap, taps     int
}

// strip is a run of tiles alike, side by side.
type strip struct {
	tile  // the first
	count int
}

// newTiling makes tiles of at most size pixels; offsets count pixels times unit. If what
// padding reads adds nothing to sums, skip drops the window's rows that no pixel of a tile has
// inside the image.
func newTiling(w Window, size, unit int, skip bool) tiling {
	pixels, taps := w.OutH*w.OutW, w.Taps()
	checkReach(w, unit)
	t := tiling{offsets: make([]int32, 0, pixels*taps), taps: taps}
	for _, run := range pixelRuns(w, skip) {
		bounds := evenly(run.pixels, size)
		for i, first := range bounds[:len(bounds)-1] {
			t.add(w, run.first+first, bounds[i+1]-first, unit, skip)
		}
	}
	// Weights come from afar for the first tile and from nearby for the others: it had better
	// have much to do with them.
	slices.SortStableFunc(t.tiles, func(a, b tile) int { return b.pixels - a.pixels })
	return t
}

// checkReach panics if a pixel's offset, in units per pixel, may need more than 32 bits.
func checkReach(w Window, unit int) {
	if (1+w.InH*w.InW)*unit > math.MaxInt32 {
		panic(fmt.Sprintf("kernel: an image of %d×%d pixels of %d bytes exceeds what offsets can reach", w.InH, w.InW, unit))
	}
}

// pixelRuns cuts an image into runs of rows whose windows have the same rows inside, so that tiles within
// a run have most to skip; into one if nothing is.
func pixelRuns(w Window, skip bool) []tile {
	if !skip || w.Kernel[0] == 1 || w.OutW < 4 {
		return []tile{{pixels: w.OutH * w.OutW, taps: w.Taps()}}
	}
	var runs []tile
	for y := range w.OutH {
		from, to := w.Kernel[0], 0
		for k := range w.Kernel[0] {
			if in := y*w.Stride[0] + k*w.Dilation[0] - w.Top; in >= 0 && in < w.InH {
				from, to = min(from, k), k+1
			}
		}
		run := tile{first: y * w.OutW, pixels: w.OutW, tap: from * w.Kernel[1], taps: max(to-from, 0) * w.Kernel[1]}
		if n := len(runs); n > 0 && runs[n-1].tap == run.tap && runs[n-1].taps == run.taps {
			runs[n-1].pixels += w.OutW
		} else {
			runs = append(runs, run)
		}
	}
	return runs
}

func (t *tiling) add(w Window, first, pixels, unit int, skip bool) {
	from, to := t.taps, 0
	for tap := range t.taps {
		inside := false
		for p := first; p < first+pixels; p++ {
			pixel := w.Pixel(p, tap)
			inside = inside || pixel > 0
			t.offsets = append(t.offsets, int32(pixel*unit))
		}
		if inside {
			from, to = min(from, tap), tap+1
		}
	}
	if !skip || from >= to {
		from, to = 0, t.taps
	}
	t.tiles = append(t.tiles, tile{first: first, pixels: pixels, tap: from, taps: to - from})
}

// join makes strips of at most so many tiles.
func (t *tiling) join(most int) {
	t.strips = t.strips[:0]
	for _, i := range t.tiles {
		if n := len(t.strips) - 1; n >= 0 {
			s := &t.strips[n]
			next := s.tile
			next.first += s.count * s.pixels
			if next == i && s.count < most {
				s.count++
				continue
			}
		}
		t.strips = append(t.strips, strip{i, 1})
	}
}

// offsetStep is the distance of a tile's offsets to those of the next of a strip, in bytes.
func (t *tiling) offsetStep(i tile) int { return i.pixels * t.taps * 4 }

// at is where a tile's offsets begin.
func (t *tiling) at(i tile) *int32 { return &t.offsets[i.first*t.taps+i.tap*i.pixels] }

// evenly gives the bounds of the fewest runs of at most size that make up n,
// their lengths differing by at most one, the longer ones first.
func evenly(n, size int) []int {
	runs := ceilDiv(n, size)
	bounds := make([]int, runs+1)
	for i := range bounds {
		bounds[i] = i*(n/max(runs, 1)) + min(i, n%max(runs, 1))
	}
	return bounds
}
