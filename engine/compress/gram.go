package compress

import (
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

// gram is the second moments of what one group of a layer's filters reads: of a patch
// (taps × inputs scalars in the order of a filter's weights, so that a filter's output is
// its dot product with the patch) followed by a constant one, which the bias
// multiplies.
type gram struct {
	size int       // of a patch, with the one
	h    []float64 // size×size, symmetric: the mean of z·zᵀ over the sampled output pixels
}

// patches are what a group of a layer's filters sees of its input, at a sample of the
// output pixels of all images.
type patches struct {
	input    *runtime.Batch
	window   kernel.Window
	first    int   // the first input channel that is read
	channels int   // how many are
	sample   []int // output pixels, counted over all images
}

// patchesOf lists a layer's patches, one entry per group of its filters. in and out are
// the shapes of the layer's input and output.
func (c crew) patchesOf(n *graph.Node, input *runtime.Batch, out graph.Shape) []patches {
	w := kernel.Window{InH: 1, InW: 1, OutH: 1, OutW: 1, Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	groups := 1
	if op, ok := n.Op.(*graph.Conv); ok {
		in := input.Shape
		w = kernel.Window{
			InH: in[1], InW: in[2], OutH: out[1], OutW: out[2],
			Kernel: op.Kernel, Stride: op.Stride, Dilation: op.Dilation, Top: op.Pad[0], Left: op.Pad[1],
		}
		groups = op.Groups
	}
	channels := input.Channels / groups
	sample := c.momentSample(input.N, w.OutH*w.OutW)
	all := make([]patches, groups)
	for k := range all {
		all[k] = patches{input, w, k * channels, channels, sample}
	}
	return all
}

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
		if size := g.Nodes[i].Weight().Channel(); size < largestFit {
			widest = max(widest, size)
		}
	}
	return min(max(pixelsPerScalar*widest, leastPixels), mostPixels)
}

// momentSample is a sample of the pixels of n images: one of every stretch of equal length, which one
// by the golden ratio. A regular stride that shares a factor with the image would always meet the same
// columns.
func (c crew) momentSample(n, pixels int) []int {
	all := n * pixels
	sample := make([]int, min(all, max(c.pixels, leastPixels)))
	for k := range sample {
		first, next := k*all/len(sample), (k+1)*all/len(sample)
		_, place := math.Modf(float64(k) * math.Phi)
		sample[k] = first + int(place*float64(next-first))
	}
	return sample
}

// size is the length of a patch, with the one.
func (p *patches) size() int { return p.channels*p.window.Taps() + 1 }

// read writes the patch of an output pixel, counted over all images, tap by tap, and the one.
func (p *patches) read(patch []float32, at int) {
	pixels, taps := p.window.OutH*p.window.OutW, p.window.Taps()
	image, stride := p.input.Images[at/pixels], p.input.Stride
	for tap := range taps {
		copy(patch[tap*p.channels:][:p.channels], image[p.window.Pixel(at%pixels, tap)*stride+p.first:])
	}
	patch[p.channels*taps] = 1
}

// order tells where a filter has the scalars of a patch as read.
func (p *patches) order() []int {
	taps := p.window.Taps()
	order := make([]int, p.size())
	for place := range p.channels * taps {
		order[place] = place%p.channels*taps + place/p.channels
	}
	order[p.channels*taps] = p.channels * taps
	return order
}

// gram takes the second moments of patches.
func (c crew) gram(p patches) gram {
	g, _ := c.regression(p, nil, 0)
	return g
}

// grams takes the second moments of every group of a layer.
func (c crew) grams(all []patches) []gram {
	if len(all) == 1 {
		return []gram{c.gram(all[0])}
	}
	grams := make([]gram, len(all))
	alone := c.alone()
	c.each(len(all), func(k int) { grams[k] = alone.gram(all[k]) })
	return grams
}

// regression takes the second moments of patches z and their products with what they should
// give: q, size×outputs, is the mean of z·yᵀ. target writes y for a pixel of the sample, which lies in
// an image; with no outputs it may be nil. All a least-squares fit of the layer needs is in the two. The
// results do not depend on the number of workers.
func (c crew) regression(p patches, target func(y []float32, at, image, pixel int), outputs int) (g gram, q []float64) {
	const depth = 1024 // patches summed in float32, as many as leave it exact enough
	size := p.size()
	width := size + outputs
	stride := kernel.ChannelStride(width)
	read := kernel.Floats(depth * stride)
	strips := (size + stripRows - 1) / stripRows
	parts, sums := make([][]float32, strips), make([][]float64, strips)
	for s := range strips {
		first := s * stripRows
		entries := min(stripRows, size-first) * (width - first)
		parts[s], sums[s] = kernel.Floats(entries), make([]float64, entries)
	}
	pixels := p.window.OutH * p.window.OutW
	for start := 0; start < len(p.sample); start += depth {
		part := p.sample[start:min(start+depth, len(p.sample))]
		const chunk = 32
		c.each((len(part)+chunk-1)/chunk, func(k int) {
			for i := k * chunk; i < min((k+1)*chunk, len(part)); i++ {
				at, row := part[i], read[i*stride:][:width]
				p.read(row, at)
				if outputs > 0 {
					target(row[size:], start+i, at/pixels, at%pixels)
				}
			}
		})
		c.each(strips, func(s int) {
			first := s * stripRows
			rows, columns := min(stripRows, size-first), width-first
			kernel.Gemm(c.isa, true, false, rows, columns, len(part), 1, read[first:], stride, read[first:], stride, 0, parts[s], columns)
			for i, x := range parts[s] {
				sums[s][i] += float64(x)
			}
		})
	}
	return p.ordered(sums, outputs)
}

// stripRows is how many scalars of a patch are multiplied with each other and with all after them at once.
const stripRows = 72

// ordered are the means in the order of a filter's weights. sums hold, strip by strip, the products of a
// strip's scalars, by places in a patch as read, with themselves, with those after them, and with the outputs.
func (p *patches) ordered(sums [][]float64, outputs int) (g gram, q []float64) {
	size := p.size()
	g, q = gram{size, make([]float64, size*size)}, make([]float64, size*outputs)
	order, mean := p.order(), 1/float64(len(p.sample))
	for place, i := range order {
		first := place / stripRows * stripRows
		columns := size + outputs - first
		row := sums[place/stripRows][(place-first)*columns:][:columns][place-first:]
		for k, j := range order[place:] {
			x := row[k] * mean
			g.h[i*size+j], g.h[j*size+i] = x, x
		}
		for o, y := range row[size-place:] {
			q[i*outputs+o] = y * mean
		}
	}
	return g, q
}
