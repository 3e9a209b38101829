package train

import (
	"galen/hw/graph"
	"galen/hw/kernel"
)

// weightProduct computes a convolution's gradient with respect to its weights,
//
//	∂w[o,i,ky,kx] = Σ ∂y[o,y,x] · x[i, y·s+ky·d−top, x·s+kx·d−left]
//
// over pixels and images, as matrix products ∂Y·X without unrolling the windows.
// Inputs are copied into images with their padding around them, channels
// innermost. As long as output pixels are numbered along rows of the same pitch,
// with zeros where there is none, the pixel that tap (ky, kx) sees moves by the same
// distance from each output pixel to the next: X is a matrix with that leading
// dimension. The taps of a kernel's row are neighbours there, so that one product
// does them all; rows of X overlap in memory. Many images follow each other in one
// product.
type weightProduct struct {
	op        *graph.Conv
	inC, outC int
	pitch     int // pixels of a padded row of the input
	rows      int // rows of a padded image
	outPitch  int // of a row of the output
	images    int // stacked in one product
	stacks    []stack
}

// stack is one worker's copies of images.
type stack struct {
	input    []float32 // [image][row][pixel of the pitch][channel]
	gradient []float32 // [channel][image][row][pixel of the pitch]
}

const (
	// weightParts is into how many parts the batch is cut for weights, whose
	// gradients are large; see parts.
	weightParts = 8
	// stackedRows is about how many output pixels make one product.
	stackedRows = 2048
)

func newWeightProduct(op *graph.Conv, in, out graph.Shape, workers int) weightProduct {
	p := weightProduct{op: op, inC: in[0], outC: out[0], stacks: make([]stack, workers)}
	sy, sx := op.Stride[0], op.Stride[1]
	p.pitch = roundUp(in[2]+op.Pad[1]+op.Pad[3], sx)
	p.rows = roundUp(in[1]+op.Pad[0]+op.Pad[2], sy)
	p.outPitch = p.pitch * sy / sx
	if p.pitch*sy%sx != 0 {
		p.pitch = roundUp(p.pitch, sx*sx)
		p.outPitch = p.pitch * sy / sx
	}
	p.images = max(1, stackedRows/p.outPixels())
	return p
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// outPixels is the number of output pixels per image, those that are none included.
func (p *weightProduct) outPixels() int { return p.rows / p.op.Stride[0] * p.outPitch }

// add adds the gradient, OIHW, over all images.
func (p *weightProduct) add(t *Trainer, sum []float32, input, gradient *tensor) {
	partial := t.partialSums(weightParts, len(sum))
	t.pool.run(weightParts, func(worker, k int) {
		s := p.stack(worker)
		clear(partial[k])
		for first, end := part(input.n, weightParts, k); first < end; first += p.images {
			p.multiply(t, partial[k], s, input, gradient, first, min(first+p.images, end))
		}
	})
	// Partial sums are [out][ky][kx][in].
	taps := p.op.Kernel[0] * p.op.Kernel[1]
	t.pool.run(p.outC, func(_, o int) {
		size := taps * p.inC
		total := partial[0][o*size : (o+1)*size]
		for _, more := range partial[1:] {
			for j, v := range more[o*size : (o+1)*size] {
				total[j] += v
			}
		}
		for tap := range taps {
			for i, v := range total[tap*p.inC : (tap+1)*p.inC] {
				sum[(o*p.inC+i)*taps+tap] += v
			}
		}
	})
}

func (p *weightProduct) stack(worker int) stack {
	s := &p.stacks[worker]
	if s.input == nil {
		// Beyond the last image, products read what they then multiply by zero.
		beyond := (p.op.Kernel[0]*p.op.Dilation[0] + 1) * p.pitch
		beyond += p.op.Kernel[1] * p.op.Dilation[1]
		s.input = kernel.Floats((p.images*p.rows*p.pitch + beyond) * p.inC)
		s.gradient = kernel.Floats(p.stacked() * p.outC)
	}
	return *s
}

// stacked is the leading dimension of stacked gradients. It is no multiple of a page:
// rows that far apart would compete for the same places of a cache.
func (p *weightProduct) stacked() int { return roundUp(p.images*p.outPixels(), 1024) + 16 }

// multiply adds the products of the images from first to end.
func (p *weightProduct) multiply(t *Trainer, sum []float32, s stack, input, gradient *tensor, first, end int) {
	op := p.op
	for i := first; i < end; i++ {
		at := ((i-first)*p.rows+op.Pad[0])*p.pitch + op.Pad[1]
		copyRows(s.input[at*p.inC:], p.pitch, input, i)
		copyPlanes(s.gradient[(i-first)*p.outPixels():], p.stacked(), p.outPitch, gradient, i)
	}
	k := (end - first) * p.outPixels()
	step := op.Stride[1] * p.inC
	together := op.Kernel[1] // taps of a row in one product
	if op.Dilation[1] != 1 {
		together = 1
	}
	size := op.Kernel[0] * op.Kernel[1] * p.inC
	for ky := range op.Kernel[0] {
		for kx := 0; kx < op.Kernel[1]; kx += together {
			from := (ky*op.Dilation[0]*p.pitch + kx*op.Dilation[1]) * p.inC
			to := (ky*op.Kernel[1] + kx) * p.inC
			kernel.Gemm(t.options.ISA, false, false, p.outC, together*p.inC, k,
				1, s.gradient, p.stacked(), s.input[from:], step, 1, sum[to:], size)
		}
	}
}

// copyRows copies an image's channels without the layout's padding to rows of
// another pitch, in pixels.
func copyRows(to []float32, pitch int, x *tensor, i int) {
	pixels := x.pixels(i)
	for y := range x.height {
		row := to[y*pitch*x.channels:]
		if x.channels == x.stride {
			copy(row, pixels[y*x.width*x.stride:(y+1)*x.width*x.stride])
			continue
		}
		for p := range x.width {
			copy(row[p*x.channels:(p+1)*x.channels], pixels[(y*x.width+p)*x.stride:])
		}
	}
}

// copyPlanes copies an image's channels to planes a distance apart, whose rows have a
// pitch of their own.
func copyPlanes(to []float32, distance, pitch int, x *tensor, i int) {
	pixels := x.pixels(i)
	for y := range x.height {
		row := pixels[y*x.width*x.stride : (y+1)*x.width*x.stride]
		c := 0
		for ; c+4 <= x.channels; c += 4 {
			// Four at a time, for the cache.
			at := c*distance + y*pitch
			a, b := to[at:][:x.width], to[at+distance:][:x.width]
			d, e := to[at+2*distance:][:x.width], to[at+3*distance:][:x.width]
			for p := range a {
				v := row[p*x.stride+c:][:4]
				a[p], b[p], d[p], e[p] = v[0], v[1], v[2], v[3]
			}
		}
		for ; c < x.channels; c++ {
			a := to[c*distance+y*pitch:][:x.width]
			for p := range a {
				a[p] = row[p*x.stride+c]
			}
		}
	}
}

// partialSums lends scratch for count vectors of a length.
func (t *Trainer) partialSums(count, length int) [][]float32 {
	if len(t.scratch) < count*length {
		t.scratch = kernel.Floats(count * length)
	}
	sums := make([][]float32, count)
	for i := range sums {
		sums[i] = t.scratch[i*length : (i+1)*length]
	}
	return sums
}
