package kernel

// directGradient adds a product for every pixel and tap: the sums are those of the weights.
type directGradient struct {
	gradientSums
	bounds []int // where each tap's terms begin among [tap][image of the group][pixel], and their end
}

func newDirectGradient(sums gradientSums, images int) *directGradient {
	s := &sums.shape
	sums.planes = s.Taps()
	sums.groupImages(images, s.inputSize()+s.outputSize())
	g := &directGradient{gradientSums: sums}
	g.listTerms()
	return g
}

// listTerms fills the table of terms with the pairs of pixels that exist.
func (g *directGradient) listTerms() {
	s := g.shape
	in, out := s.inStride(), s.outStride()
	inImage, outImage := s.inputSize(), s.outputSize()
	g.bounds = []int{0}
	for tap := range s.Taps() {
		for i := range g.group {
			for p := range s.OutH * s.OutW {
				if pixel := s.Pixel(p, tap); pixel > 0 {
					g.terms = append(g.terms, int32(i*inImage+pixel*in), int32(i*outImage+(1+p)*out))
				}
			}
		}
		g.bounds = append(g.bounds, len(g.terms))
	}
}

func (g *directGradient) Kernel() string                     { return "fp32" }
func (g *directGradient) Scratch() int                       { return 0 }
func (g *directGradient) Tasks() int                         { return g.planes * ceilDiv(g.shape.OutC, 2*lanes) }
func (g *directGradient) Transform(_, _, _ []float32, _ int) {}

func (g *directGradient) Add(task int, sums, _, in, gradient []float32, images int) {
	g.checkImages(images)
	in, gradient = in[:images*g.shape.inputSize()], gradient[:images*g.shape.outputSize()]
	tap, columns := task%g.planes, task/g.planes*2*lanes
	terms := g.terms[g.bounds[tap]:g.bounds[tap+1]]
	g.outer(terms[:len(terms)/g.group*images], in, gradient, g.plane(sums, tap), columns, min(columns+2*lanes, g.stride))
}

func (g *directGradient) Finish(channel int, weight, sums []float32) {
	plane := g.rows * g.stride
	for o := range g.shape.OutC {
		to, at := weight[(o*g.shape.InC+channel)*g.planes:][:g.planes], channel*g.stride+o
		for tap := range to {
			to[tap] += sums[tap*plane+at]
		}
	}
}
