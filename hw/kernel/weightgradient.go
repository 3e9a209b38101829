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
// For 3×3 kernels at stride 1 the sums are taken between Winograd's transforms (see
// [Winograd]): a tile of 4×4 output pixels costs 36 products a channel pair in place of
// 144,
//
//	∂w = Gᵀ·(Σ (Bᵀ·in·B) ⊙ (A·∂y·Aᵀ))·G
//
// Work is in groups of images: every image of a group is transformed, then every task
// adds the group to its part of the sums. Calls within each of the two steps may run at
// once. Sums are taken in the same order whoever runs them. It is immutable.
type WeightGradient struct {
	isa       ISA
	vector    *vector // nil: portable
	gradients *gradientVector
	shape     Shape
	winograd  bool
	group     int     // images
	terms     []int32 // direct: pairs of offsets [tap][image of the group][pixel]
	bounds    []int   // direct: where each tap's terms begin, and their end
	tiles     int     // Winograd: per image
	inputs    []int32 // Winograd: [tile][36] offset of each pixel of a tile's window
	outputs   []int32 // Winograd: [tile][16] offset of each output pixel; 0, a zero, outside
}

const (
	gradientPlanes = (trainingTile + 2) * (trainingTile + 2)

	// gradientCache is what a group's images or transforms may take, in bytes.
	gradientCache = 4 << 20
)

// NewWeightGradient plans the gradient of a convolution in one group over a batch of at most
// images.
func NewWeightGradient(isa ISA, s Shape, images int) *WeightGradient {
	s.check()
	g := &WeightGradient{isa: isa, vector: vectorOf(isa), gradients: gradientsOf(isa), shape: s, tiles: s.trainingTiles()}
	g.winograd = g.gradients.winogradGradient != nil && g.vector.winograd[trainingTile].input != nil && s.trainedByWinograd()
	size := s.inputSize() + s.outputSize()
	if g.winograd {
		size = gradientPlanes * g.tiles * (s.inStride() + s.outStride())
	}
	// Large sums are worth longer runs of terms.
	g.group = min(images, max(1, max(gradientCache/floatBytes, g.Sums())/size))
	if g.winograd {
		g.locate()
	} else {
		g.list()
	}
	return g
}

// Kernel names the arithmetic for people.
func (g *WeightGradient) Kernel() string {
	if g.winograd {
		return "winograd"
	}
	return "fp32"
}

// Group is the number of images in a group.
func (g *WeightGradient) Group() int { return g.group }

// Sums is the number of scalars that Add adds to.
func (g *WeightGradient) Sums() int {
	planes := g.shape.Taps()
	if g.winograd {
		planes = gradientPlanes
	}
	return planes * g.rows() * g.shape.outStride()
}

// Scratch is the number of scalars that Transform and Add work in.
func (g *WeightGradient) Scratch() int {
	if !g.winograd {
		return 0
	}
	return gradientPlanes * (g.group*lanes + g.inPlane() + g.outPlane())
}

// rows is the number of input channels, rounded up to whole tiles.
func (g *WeightGradient) rows() int { return roundUp(g.shape.InC, 8) }

func (g *WeightGradient) inPlane() int { return planeStride(g.group*g.tiles, g.shape.inStride()) }

func (g *WeightGradient) outPlane() int { return planeStride(g.group*g.tiles, g.shape.outStride()) }

// list fills the table of terms with the pairs of pixels that exist.
func (g *WeightGradient) list() {
	w, in, out := g.shape, g.shape.inStride(), g.shape.outStride()
	g.bounds = []int{0}
	for tap := range w.Taps() {
		for i := range g.group {
			for p := range w.OutH * w.OutW {
				if pixel := w.Pixel(p, tap); pixel > 0 {
					g.terms = append(g.terms, int32(i*g.shape.inputSize()+pixel*in), int32(i*g.shape.outputSize()+(1+p)*out))
				}
			}
		}
		g.bounds = append(g.bounds, len(g.terms))
	}
}

// locate fills the tables of offsets for the transforms and that of their products.
func (g *WeightGradient) locate() {
	w, in, out := g.shape, g.shape.inStride(), g.shape.outStride()
	for y := 0; y < w.OutH; y += trainingTile {
		for x := 0; x < w.OutW; x += trainingTile {
			for i := y - w.Top; i < y-w.Top+trainingTile+2; i++ {
				for j := x - w.Left; j < x-w.Left+trainingTile+2; j++ {
					g.inputs = append(g.inputs, int32(pixelAt(i, j, w.InH, w.InW)*in*floatBytes))
				}
			}
			for i := y; i < y+trainingTile; i++ {
				for j := x; j < x+trainingTile; j++ {
					g.outputs = append(g.outputs, int32(pixelAt(i, j, w.OutH, w.OutW)*out*floatBytes))
				}
			}
		}
	}
	for t := range g.group * g.tiles {
		g.terms = append(g.terms, int32(t*in), int32(t*out))
	}
}

// pixelAt is the index of an image's pixel, 0, the padding pixel, outside.
func pixelAt(y, x, height, width int) int {
	if y < 0 || y >= height || x < 0 || x >= width {
		return 0
	}
	return 1 + y*width + x
}

// Transform prepares the i-th image of a group.
func (g *WeightGradient) Transform(scratch, in, gradient []float32, i int) {
	if !g.winograd {
		return
	}
	in, gradient = in[:g.shape.inputSize()], gradient[:g.shape.outputSize()]
	temporary, inputs, outputs := g.parts(scratch)
	temporary = temporary[i*gradientPlanes*lanes:]
	inStride, outStride := g.shape.inStride(), g.shape.outStride()
	transform := g.vector.winograd[trainingTile].input
	for t := range g.tiles {
		at := i*g.tiles + t
		transform(inStride, &in[0], &inputs[at*inStride], &g.inputs[t*gradientPlanes], g.inPlane()*floatBytes, &temporary[0])
		g.gradients.winogradGradient(outStride, &gradient[0], &outputs[at*outStride], &g.outputs[t*trainingTile*trainingTile],
			g.outPlane()*floatBytes, &temporary[0])
	}
}

func (g *WeightGradient) parts(scratch []float32) (temporary, inputs, outputs []float32) {
	scratch = scratch[:g.Scratch()]
	temporary, scratch = scratch[:gradientPlanes*g.group*lanes], scratch[gradientPlanes*g.group*lanes:]
	return temporary, scratch[:gradientPlanes*g.inPlane()], scratch[gradientPlanes*g.inPlane():]
}

// Tasks is the number of parts of the sums.
func (g *WeightGradient) Tasks() int {
	if g.winograd {
		return gradientPlanes
	}
	return g.shape.Taps() * ceilDiv(g.shape.OutC, 2*lanes)
}

// Add adds to a task's part of the sums what the first images of a group contribute,
// of which in and gradient start with the first.
func (g *WeightGradient) Add(task int, sums, scratch, in, gradient []float32, images int) {
	if images < 1 || images > g.group {
		panic(fmt.Sprintf("kernel: a weight gradient of groups of %d images is given %d", g.group, images))
	}
	stride := g.shape.outStride()
	size := g.rows() * stride
	if g.winograd {
		_, inputs, outputs := g.parts(scratch)
		g.outer(g.terms[:2*images*g.tiles], inputs[task*g.inPlane():][:g.inPlane()], outputs[task*g.outPlane():][:g.outPlane()],
			sums[task*size:][:size], 0, stride)
		return
	}
	in, gradient = in[:images*g.shape.inputSize()], gradient[:images*g.shape.outputSize()]
	tap, columns := task%g.shape.Taps(), task/g.shape.Taps()*2*lanes
	terms := g.terms[g.bounds[tap]:g.bounds[tap+1]]
	g.outer(terms[:len(terms)/g.group*images], in, gradient, sums[tap*size:][:size], columns, min(columns+2*lanes, stride))
}

// outer adds the outer products that the terms list to the columns of a plane of sums.
func (g *WeightGradient) outer(terms []int32, a, b, sums []float32, from, to int) {
	if len(terms) == 0 {
		return
	}
	const atOnce = 1 << 12 // assembly can't be pre-empted
	stride := g.shape.outStride()
	for first := 0; first < len(terms); first += atOnce {
		run := terms[first:min(first+atOnce, len(terms))]
		for j := from; j < to; {
			if g.gradients.outerRows == 0 {
				outerPortable(run, a, b, sums, g.shape.InC, j, stride)
				j += portableWidth
				continue
			}
			width := min(g.gradients.outerWidth, to-j)
			tile := g.gradients.outer[width/lanes]
			for i := 0; i < g.rows(); i += g.gradients.outerRows {
				tile(len(run)/2, &a[i], &b[j], &sums[i*stride+j], &run[0], stride*floatBytes)
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

// Finish adds the sums' gradient of all weights of an input channel to weight, OIHW.
func (g *WeightGradient) Finish(channel int, weight, sums []float32) {
	stride, taps := g.shape.outStride(), g.shape.Taps()
	plane := g.rows() * stride
	for o := range g.shape.OutC {
		to := weight[(o*g.shape.InC+channel)*taps:][:taps]
		at := channel*stride + o
		if !g.winograd {
			for tap := range to {
				to[tap] += sums[tap*plane+at]
			}
			continue
		}
		var half [3][6]float32
		for j := range 6 {
			half[0][j], half[1][j], half[2][j] = gradient4(sums[j*plane+at], sums[(6+j)*plane+at], sums[(12+j)*plane+at],
				sums[(18+j)*plane+at], sums[(24+j)*plane+at], sums[(30+j)*plane+at])
		}
		for i := range half {
			a, b, c := gradient4(half[i][0], half[i][1], half[i][2], half[i][3], half[i][4], half[i][5])
			to[3*i] += a
			to[3*i+1] += b
			to[3*i+2] += c
		}
	}
}

// gradient4 is Gᵀ·u for F(4×4, 3×3).
func gradient4(a, b, c, d, e, f float32) (y0, y1, y2 float32) {
	near, far := (b+c)*(1./6), d+e
	return a*(1./4) - near + far*(1./24), (c-b)*(1./6) + (d-e)*(1./12), far*(1./6) - near + f
}
