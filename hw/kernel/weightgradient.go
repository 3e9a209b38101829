package kernel

import "fmt"

// WeightGradient computes a convolution's gradient with respect to its weights,
//
//	∂w[o,i,ky,kx] = Σ ∂y[o,y,x] · in[i, y·s+ky·d−top, x·s+kx·d−left]
//
// over pixels and images. With channels innermost, what a pixel adds is the outer
// product of its input and its gradient: a tile of sums stays in registers while pixels
// pass by, and nothing is copied.
//
// Work is in groups of images: every image of a group is transformed, then every task
// adds the group to its part of the sums. Calls within each of the two steps may run at
// once. Sums are taken in the same order whoever runs them. It is immutable.
type WeightGradient interface {
	// Kernel names the arithmetic for people.
	Kernel() string
	// Group is the number of images in a group.
	Group() int
	// Sums is the number of scalars that Add adds to.
	Sums() int
	// Scratch is the number of scalars that Transform and Add work in.
	Scratch() int
	// Tasks is the number of parts of the sums.
	Tasks() int
	// Transform prepares the i-th image of a group.
	Transform(scratch, in, gradient []float32, i int)
	// Add adds to a task's part of the sums what the first images of a group contribute,
	// of which in and gradient start with the first.
	Add(task int, sums, scratch, in, gradient []float32, images int)
	// Finish adds the sums' gradient of all weights of an input channel to weight, OIHW.
	Finish(channel int, weight, sums []float32)
}

// gradientCache is what a group's images or transforms may take, in bytes.
const gradientCache = 4 << 20

// NewWeightGradient plans the gradient of a convolution in one group over a batch of at most
// images.
func NewWeightGradient(isa ISA, s Shape, images int) WeightGradient {
	s.check()
	s.checkStride()
	v := vectorOf(isa)
	sums := gradientSums{gradients: gradientsOf(isa), shape: s, stride: s.outStride(), rows: roundUp(s.InC, 8)}
	if sums.gradients.winogradGradient != nil && v.winograd[trainingTile].input != nil && s.trainedByWinograd() {
		return newWinogradGradient(v, sums, images)
	}
	return newDirectGradient(sums, images)
}

// gradientSums is what both ways to compute the gradient add outer products to: planes of rows×stride sums, a row for
// every input channel.
type gradientSums struct {
	gradients *gradientVector
	shape     Shape
	stride    int // sums in a row: of the output's channels
	rows      int // the input's channels, rounded up to whole tiles
	planes    int
	group     int     // images
	terms     []int32 // pairs of offsets, of an input and of a gradient whose outer product is added
}

// groupImages makes groups of images that take so many scalars each.
func (g *gradientSums) groupImages(images, size int) {
	// Large sums are worth longer runs of terms.
	g.group = min(images, max(1, max(gradientCache/floatBytes, g.Sums())/size))
}

func (g *gradientSums) Group() int { return g.group }
func (g *gradientSums) Sums() int  { return g.planes * g.rows * g.stride }

// plane is the sums of a plane.
func (g *gradientSums) plane(sums []float32, i int) []float32 {
	size := g.rows * g.stride
	return sums[i*size:][:size]
}

func (g *gradientSums) checkImages(images int) {
	if images < 1 || images > g.group {
		panic(fmt.Sprintf("kernel: a weight gradient of groups of %d images is given %d", g.group, images))
	}
}

// outer adds the outer products that the terms list to the columns of a plane of sums.
func (g *gradientSums) outer(terms []int32, a, b, sums []float32, from, to int) {
	if len(terms) == 0 {
		return
	}
	const atOnce = 1 << 12 // assembly can't be pre-empted
	for first := 0; first < len(terms); first += atOnce {
		run := terms[first:min(first+atOnce, len(terms))]
		for j := from; j < to; {
			if g.gradients.outerRows == 0 {
				outerPortable(run, a, b, sums, g.shape.InC, j, g.stride)
				j += portableWidth
				continue
			}
			width := min(g.gradients.outerWidth, to-j)
			tile := g.gradients.outer[width/lanes]
			for i := 0; i < g.rows; i += g.gradients.outerRows {
				tile(len(run)/2, &a[i], &b[j], &sums[i*g.stride+j], &run[0], g.stride*floatBytes)
			}
			j += width
		}
	}
}

// outerPortable adds outer products to four columns of sums.
func outerPortable(terms []int32, a, b, sums []float32, rows, column, stride int) {
	for i := range rows {
		c := sums[i*stride+column:][:portableWidth]
		s0, s1, s2, s3 := c[0], c[1], c[2], c[3]
		for k := 0; k+1 < len(terms); k += 2 {
			x, y := a[int(terms[k])+i], b[int(terms[k+1])+column:][:portableWidth]
			s0 += x * y[0]
			s1 += x * y[1]
			s2 += x * y[2]
			s3 += x * y[3]
		}
		c[0], c[1], c[2], c[3] = s0, s1, s2, s3
	}
}
