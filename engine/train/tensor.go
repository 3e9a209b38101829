package train

import (
	"galen/hw/graph"
	"galen/hw/kernel"
)

// tensor is a value for n images in the layout of hw/kernel: each image is a padding
// pixel of zeros and then its pixels, channels innermost and zero beyond the last.
// A vector is one pixel.
type tensor struct {
	n                       int
	channels, height, width int
	stride                  int // scalars per pixel
	size                    int // scalars per image, padding pixel included
	data                    []float32
	holders                 int // of a gradient: how many values it belongs to
}

// extents are a shape's channels, height and width; a vector's features are channels.
func extents(shape graph.Shape) (channels, height, width int) {
	if len(shape) == 3 {
		return shape[0], shape[1], shape[2]
	}
	return shape.Elements(), 1, 1
}

func newTensor(shape graph.Shape, n int, data []float32) *tensor {
	x := &tensor{n: n, data: data}
	x.channels, x.height, x.width = extents(shape)
	x.stride = kernel.ChannelStride(x.channels)
	x.size = (1 + x.height*x.width) * x.stride
	return x
}

// scalars is how many numbers n images of the shape take.
func scalars(shape graph.Shape, n int) int { return n * newTensor(shape, 0, nil).size }

// image is one image with its padding pixel.
func (x *tensor) image(i int) []float32 { return x.data[i*x.size : (i+1)*x.size] }

// pixels is one image without its padding pixel.
func (x *tensor) pixels(i int) []float32 { return x.data[i*x.size+x.stride : (i+1)*x.size] }

// from is all images from the i-th on.
func (x *tensor) from(i int) []float32 { return x.data[i*x.size:] }

// setCHW fills an image from channel planes.
func (x *tensor) setCHW(i int, planes []float32) {
	pixels := x.pixels(i)
	area := x.height * x.width
	for c := range x.channels {
		for p, v := range planes[c*area : (c+1)*area] {
			pixels[p*x.stride+c] = v
		}
	}
}

// value is the tensor of a value, made for at least n images and set to n.
func (t *Trainer) value(id graph.ValueID, n int) *tensor {
	shape := t.graph.Values[id].Shape
	x := t.values[id]
	if x == nil || x.size*n > len(x.data) {
		x = newTensor(shape, n, kernel.Floats(scalars(shape, n)))
		t.values[id] = x
	}
	x.n = n
	return x
}

// gradient is where to put the gradient of a value: add tells whether it already
// holds a part, to which to add; otherwise its numbers are left from other uses
// and all must be written, but for the padding, which is and must stay zero.
func (t *Trainer) gradient(id graph.ValueID) (gradient *tensor, add bool) {
	held := t.gradients[id]
	if held != nil && held.holders == 1 {
		return held, true
	}
	x := t.values[id]
	key := layout{x.n, x.channels, x.height, x.width}
	if spare := t.spare[key]; len(spare) > 0 {
		gradient, t.spare[key] = spare[len(spare)-1], spare[:len(spare)-1]
	} else {
		shape := t.graph.Values[id].Shape
		gradient = newTensor(shape, x.n, kernel.Floats(scalars(shape, x.n)))
	}
	gradient.holders = 1
	t.gradients[id] = gradient
	if held == nil {
		return gradient, false
	}
	held.holders--
	t.pool.run(x.n, func(_, i int) { copy(gradient.image(i), held.image(i)) })
	return gradient, true
}

// release gives a value's hold of a gradient back.
func (t *Trainer) release(x *tensor) {
	if x.holders--; x.holders > 0 {
		return
	}
	key := layout{x.n, x.channels, x.height, x.width}
	t.spare[key] = append(t.spare[key], x)
}

// grow lends n numbers of a buffer that it makes larger where it must; they may hold
// anything.
func grow(buffer *[]float32, n int) []float32 {
	if len(*buffer) < n {
		*buffer = kernel.Floats(n)
	}
	return (*buffer)[:n]
}

// workspace lends n numbers to a worker until its next task; they may hold anything.
func (t *Trainer) workspace(worker, n int) []float32 { return grow(&t.workspaces[worker], n) }

// layout tells tensors apart that keep different places zero.
type layout struct{ n, channels, height, width int }
