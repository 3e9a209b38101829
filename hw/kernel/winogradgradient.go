package kernel

// winogradGradient takes the sums between Winograd's transforms, see [winogradConv], of 3×3 kernels at stride 1: a tile
// of 4×4 output pixels costs 36 products a channel pair in place of 144,
//
//	∂w = Gᵀ·(Σ (Bᵀ·in·B) ⊙ (A·∂y·Aᵀ))·G
type winogradGradient struct {
	gradientSums
	vector            *vector
	tiles             int     // per image
	inPlane, outPlane int     // scalars of a plane of a group's transforms
	inputs            []int32 // [tile][36] offset of each pixel of a tile's window
	outputs           []int32 // [tile][16] offset of each output pixel; 0, a zero, outside
}

const gradientPlanes = (trainingTile + 2) * (trainingTile + 2)

func newWinogradGradient(v *vector, sums gradientSums, images int) *winogradGradient {
	s := &sums.shape
	tiles := s.trainingTiles()
	sums.planes = gradientPlanes
	sums.groupImages(images, gradientPlanes*tiles*(s.inStride()+s.outStride()))
	g := &winogradGradient{gradientSums: sums, vector: v, tiles: tiles}
	g.inPlane, g.outPlane = planeStride(g.group*tiles, s.inStride()), planeStride(g.group*tiles, s.outStride())
	g.locateTiles()
	g.listTerms()
	return g
}

// locateTiles fills the tables of offsets for the transforms.
func (g *winogradGradient) locateTiles() {
	s := g.shape
	in, out := s.inStride()*floatBytes, s.outStride()*floatBytes
	for y := 0; y < s.OutH; y += trainingTile {
		for x := 0; x < s.OutW; x += trainingTile {
			for i := y - s.Top; i < y-s.Top+trainingTile+2; i++ {
				for j := x - s.Left; j < x-s.Left+trainingTile+2; j++ {
					g.inputs = append(g.inputs, int32(pixelAt(i, j, s.InH, s.InW)*in))
				}
			}
			for i := y; i < y+trainingTile; i++ {
				for j := x; j < x+trainingTile; j++ {
					g.outputs = append(g.outputs, int32(pixelAt(i, j, s.OutH, s.OutW)*out))
				}
			}
		}
	}
}

// listTerms pairs the transforms of every tile.
func (g *winogradGradient) listTerms() {
	in, out := g.shape.inStride(), g.shape.outStride()
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

func (g *winogradGradient) Kernel() string { return "winograd" }

func (g *winogradGradient) Scratch() int {
	return gradientPlanes * (g.group*lanes + g.inPlane + g.outPlane)
}

func (g *winogradGradient) Tasks() int { return gradientPlanes }

func (g *winogradGradient) Transform(scratch, in, gradient []float32, i int) {
	in, gradient = in[:g.shape.inputSize()], gradient[:g.shape.outputSize()]
	temporary, inputs, outputs := g.parts(scratch)
	temporary = temporary[i*gradientPlanes*lanes:]
	inStride := g.shape.inStride()
	transform := g.vector.winograd[trainingTile].input
	for t := range g.tiles {
		at := i*g.tiles + t
		transform(inStride, &in[0], &inputs[at*inStride], &g.inputs[t*gradientPlanes], g.inPlane*floatBytes, &temporary[0])
		g.gradients.winogradGradient(g.stride, &gradient[0], &outputs[at*g.stride], &g.outputs[t*trainingTile*trainingTile],
			g.outPlane*floatBytes, &temporary[0])
	}
}

func (g *winogradGradient) parts(scratch []float32) (temporary, inputs, outputs []float32) {
	scratch = scratch[:g.Scratch()]
	temporary, scratch = scratch[:gradientPlanes*g.group*lanes], scratch[gradientPlanes*g.group*lanes:]
	return temporary, scratch[:gradientPlanes*g.inPlane], scratch[gradientPlanes*g.inPlane:]
}

func (g *winogradGradient) Add(task int, sums, scratch, _, _ []float32, images int) {
	g.checkImages(images)
	_, inputs, outputs := g.parts(scratch)
	g.outer(g.terms[:2*images*g.tiles], inputs[task*g.inPlane:][:g.inPlane], outputs[task*g.outPlane:][:g.outPlane],
		g.plane(sums, task), 0, g.stride)
}

func (g *winogradGradient) Finish(channel int, weight, sums []float32) {
	plane := g.rows * g.stride
	for o := range g.shape.OutC {
		to := weight[(o*g.shape.InC+channel)*9:][:9]
		at := channel*g.stride + o
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
