package compress

import (
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
func patchesOf(n *graph.Node, input *runtime.Batch, out graph.Shape) []patches {
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
	sample := gramPixels(input.N, w.OutH*w.OutW)
	all := make([]patches, groups)
	for k := range all {
		all[k] = patches{input, w, k * channels, channels, sample}
	}
	return all
}

// leastGramPixels is the least that a sample holds, if there are as many: six for every scalar of
// the largest patches that are fitted. Moments of fewer fit the calibration images rather than the data.
const leastGramPixels = 1 << 15

// gramPixels is a regular sample of the output pixels of n images.
func gramPixels(n, pixels int) (sample []int) {
	every := max(1, n*pixels/leastGramPixels)
	// A stride that shares a factor with the image would always meet the same columns.
	for gcd(every, pixels) != 1 {
		every++
	}
	for at := 0; at < n*pixels; at += every {
		sample = append(sample, at)
	}
	return sample
}

// size is the length of a patch, with the one.
func (p *patches) size() int { return p.channels*p.window.Taps() + 1 }

// read writes the patch of an output pixel, counted over all images, and the one.
func (p *patches) read(patch []float32, at int) {
	pixels, taps := p.window.OutH*p.window.OutW, p.window.Taps()
	image, stride := p.input.Images[at/pixels], p.input.Stride
	for tap := range taps {
		from := image[p.window.Pixel(at%pixels, tap)*stride+p.first:][:p.channels]
		to := patch[tap:]
		for c, x := range from {
			to[c*taps] = x
		}
	}
	patch[p.channels*taps] = 1
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
	alone := crew{c.isa, 1}
	c.each(len(all), func(k int) { grams[k] = alone.gram(all[k]) })
	return grams
}

// regression takes the second moments of patches z and their products with what they should
// give: q, size×outputs, is the mean of z·yᵀ. target writes y for a pixel of the sample, which lies in
// an image; with no outputs it may be nil. All a least-squares fit of the layer needs is in the two. The
// results do not depend on the number of workers.
func (c crew) regression(p patches, target func(y []float32, at, image, pixel int), outputs int) (g gram, q []float64) {
	const rows = 1024 // summed in float32, as many terms as leave it exact enough
	size := p.size()
	width := size + outputs
	stride := kernel.ChannelStride(width)
	tiles := products(size, outputs)
	g, q = gram{size, make([]float64, size*size)}, make([]float64, size*outputs)
	read := kernel.Floats(rows * stride)
	sums := make([][]float32, len(tiles))
	for i, t := range tiles {
		sums[i] = kernel.Floats(t.rows * t.columns)
	}
	pixels := p.window.OutH * p.window.OutW
	for start := 0; start < len(p.sample); start += rows {
		part := p.sample[start:min(start+rows, len(p.sample))]
		const strip = 32
		c.each((len(part)+strip-1)/strip, func(s int) {
			for i := s * strip; i < min((s+1)*strip, len(part)); i++ {
				at, row := part[i], read[i*stride:][:width]
				p.read(row, at)
				if outputs > 0 {
					target(row[size:], start+i, at/pixels, at%pixels)
				}
			}
		})
		c.each(len(tiles), func(i int) {
			t := tiles[i]
			kernel.Gemm(c.isa, true, false, t.rows, t.columns, len(part), 1, read[t.row:], stride, read[t.column:], stride, 0, sums[i], t.columns)
			into, ld, column := g.h, size, t.column
			if t.column >= size {
				into, ld, column = q, outputs, t.column-size
			}
			for r := range t.rows {
				to := into[(t.row+r)*ld+column:][:t.columns]
				for j, x := range sums[i][r*t.columns:][:t.columns] {
					to[j] += float64(x)
				}
			}
		})
	}
	mean := 1 / float64(len(p.sample))
	for i := range q {
		q[i] *= mean
	}
	for i := range size {
		for j := i; j < size; j++ {
			g.h[i*size+j] *= mean
			g.h[j*size+i] = g.h[i*size+j]
		}
	}
	return g, q
}

// product is a tile of a patch matrix's product with itself.
type product struct{ row, column, rows, columns int }

// products cuts what is wanted of the product of the columns [z y] with themselves into
// tiles: the upper triangle of zᵀz, and all of zᵀy.
func products(size, outputs int) (tiles []product) {
	const most = 256
	// Small matrices are cut too, so that there is work for several cores.
	tile := max(48, min(most, (size/3+15)/16*16))
	for row := 0; row < size; row += tile {
		rows := min(tile, size-row)
		for column := row; column < size; column += tile {
			tiles = append(tiles, product{row, column, rows, min(tile, size-column)})
		}
		for column := 0; column < outputs; column += tile {
			tiles = append(tiles, product{row, size + column, rows, min(tile, outputs-column)})
		}
	}
	return tiles
}
