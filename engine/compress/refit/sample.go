package refit

import (
	"math"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// Moments of a tensor are taken of a sample of its pixels: more for wide layers, as those of few
// fit the calibration images rather than the data.
const (
	leastPixels     = 1 << 14
	mostPixels      = 1 << 15
	pixelsPerScalar = 28 // of the largest patches that are fitted
)

// momentPixels is how many pixels moments are taken of in a graph, if its tensors have as many.
func momentPixels(g *graph.Graph) int {
	widest := 0
	for _, i := range g.Layers() {
		if w := g.Nodes[i].Weight(); Fittable(w) {
			widest = max(widest, w.Channel())
		}
	}
	return min(max(pixelsPerScalar*widest, leastPixels), mostPixels)
}

// momentSample is a sample of the pixels of n images: one of every stretch of equal length, which one
// by the golden ratio. A regular stride that shares a factor with the image would always meet the same
// columns.
func momentSample(workers Workers, n, pixels int) []int {
	all := n * pixels
	sample := make([]int, min(all, max(workers.Pixels, leastPixels)))
	for k := range sample {
		first, next := k*all/len(sample), (k+1)*all/len(sample)
		_, place := math.Modf(float64(k) * math.Phi)
		sample[k] = first + int(place*float64(next-first))
	}
	return sample
}

// Sample is a tensor at the pixels that moments are taken of.
type Sample struct {
	channels int
	rows     []float32 // [pixel of the sample][channel]
}

// Row is the channels at the at-th pixel of the sample.
func (s *Sample) Row(at int) []float32 { return s.rows[at*s.channels:][:s.channels] }

// SampleOf keeps the sample of a tensor.
func SampleOf(workers Workers, b *runtime.Batch) *Sample {
	sample := momentSample(workers, b.N, b.Pixels)
	s := &Sample{b.Channels, make([]float32, len(sample)*b.Channels)}
	const strip = 1024
	workers.Each((len(sample)+strip-1)/strip, func(k int) {
		for at := k * strip; at < min((k+1)*strip, len(sample)); at++ {
			copy(s.Row(at), b.Pixel(sample[at]/b.Pixels, sample[at]%b.Pixels))
		}
	})
	return s
}
