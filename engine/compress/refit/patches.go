package refit

import (
	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

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
func patchesOf(workers Workers, n *graph.Node, input *runtime.Batch, out graph.Shape) []patches {
	s := runtime.LayerShape(n.Op, input.Shape, out)
	channels := s.InC / s.Groups
	sample := momentSample(workers, input.N, s.OutH*s.OutW)
	all := make([]patches, s.Groups)
	for k := range all {
		all[k] = patches{input, s.Window, k * channels, channels, sample}
	}
	return all
}

// size is the length of a patch, with the one.
func (p *patches) size() int { return p.channels*p.window.Taps() + 1 }

// write copies the patch of an output pixel, counted over all images, tap by tap, and the one, into a slice.
func (p *patches) write(patch []float32, at int) {
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

// largestFit bounds the scalars of a patch that are fitted together: a larger layer keeps its
// weights, since time grows with the cube, memory with the square. 512 channels under 3×3
// taps are below.
const largestFit = 5000

// Fittable tells whether a layer's weights can be fitted.
func Fittable(w *graph.Weight) bool { return w.Channel() < largestFit }
