package refit

import (
	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

// Grams takes the second moments of what every group of a layer's filters reads of its input. out is the shape
// of its output.
func Grams(workers Workers, n *graph.Node, input *runtime.Batch, out graph.Shape) []Gram {
	all := patchesOf(workers, n, input, out)
	if len(all) == 1 {
		return []Gram{gramOf(workers, all[0])}
	}
	grams := make([]Gram, len(all))
	workers.Each(len(all), func(k int) { grams[k] = gramOf(workers.Alone(), all[k]) })
	return grams
}

func gramOf(workers Workers, p patches) Gram {
	g, _ := regression(workers, p, nil, 0)
	return g
}

// regression takes the second moments of patches z and their products with what they should
// give: q, size×outputs, is the mean of z·yᵀ. target writes y for a pixel of the sample, which lies in
// an image; with no outputs it may be nil. All a least-squares fit of the layer needs is in the two. The
// results do not depend on the number of workers.
func regression(workers Workers, p patches, target func(y []float32, at, image, pixel int), outputs int) (g Gram, q []float64) {
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
		workers.Each((len(part)+chunk-1)/chunk, func(k int) {
			for i := k * chunk; i < min((k+1)*chunk, len(part)); i++ {
				at, row := part[i], read[i*stride:][:width]
				p.write(row, at)
				if outputs > 0 {
					target(row[size:], start+i, at/pixels, at%pixels)
				}
			}
		})
		workers.Each(strips, func(s int) {
			first := s * stripRows
			rows, columns := min(stripRows, size-first), width-first
			kernel.Gemm(workers.ISA, true, false, rows, columns, len(part), 1, read[first:], stride, read[first:], stride, 0, parts[s], columns)
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
func (p *patches) ordered(sums [][]float64, outputs int) (g Gram, q []float64) {
	size := p.size()
	g, q = Gram{size, make([]float64, size*size)}, make([]float64, size*outputs)
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
