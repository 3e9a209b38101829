package kernel

import "math"

// BatchConv is a float convolution in one group whose weights change from batch to batch, as
// training has it, over runs of images that share what is read of the weights. After SetBias and all calls of
// PackWeights it is safe for concurrent Runs.
type BatchConv interface {
	// SetBias takes over the bias, OutC long; nil is none.
	SetBias(bias []float32)
	// Blocks is the number of parts that weights are packed in, and PackWeights takes over one part of the weights, OIHW.
	// Blocks do not depend on each other.
	Blocks() int
	PackWeights(block int, weight []float32)
	// Images is the number of images that a Run takes at most.
	Images() int
	// Scratch is the number of scalars that a Run works in.
	Scratch() int
	// Run computes out = conv(in) + bias + residual for a number of images.
	// residual has out's layout; nil means none; it may be out itself. scratch is
	// 64-byte aligned and may hold anything before.
	Run(images int, out, in, residual, scratch []float32)
}

// NewBatchConv plans a convolution all of whose weights and biases are zero.
func NewBatchConv(isa ISA, s Shape) BatchConv {
	s.check()
	s.checkStride()
	inf := float32(math.Inf(1))
	v, layer := vectorOf(isa), newFloatLayer(s, nil, -inf, inf)
	switch {
	case v == nil:
		c := newPortableFloat(layer)
		return &directBatch{&c.directFloat, c}
	case v.winograd[trainingTile].input != nil && s.trainedByWinograd():
		return winogradBatch{newWinograd(v, layer, ceilDiv(winogradShared, s.trainingTiles()), trainingTile)}
	}
	c := newChannelLaneFloat(v, layer)
	return &directBatch{&c.directFloat, c}
}

// trainingTile is the side of the tiles of output pixels, Winograd's m, by which a training step computes a
// convolution and its gradients.
const trainingTile = 4

// winogradShared is how many tiles should pass by weights that come from memory.
const winogradShared = 48

// trainingTiles is how many tiles cover an image.
func (s Shape) trainingTiles() int {
	return ceilDiv(s.OutH, trainingTile) * ceilDiv(s.OutW, trainingTile)
}

// trainedByWinograd tells whether the transforms save at least a sixth of the products.
func (s Shape) trainedByWinograd() bool {
	const planes = (trainingTile + 2) * (trainingTile + 2)
	return s.minimal() && s.InC >= lanes && s.OutC >= lanes/2 && 6*s.trainingTiles()*planes <= 5*9*s.OutH*s.OutW
}

// setBias replaces the bias.
func (l *floatLayer) setBias(bias []float32) {
	clear(l.bias)
	copy(l.bias, bias)
}

// directBatch convolves image by image.
type directBatch struct {
	*directFloat
	conv FloatConv // with these weights
}

func (c *directBatch) SetBias(bias []float32)                  { c.setBias(bias) }
func (c *directBatch) Blocks() int                             { return len(c.blocks) }
func (c *directBatch) PackWeights(block int, weight []float32) { c.packBlock(block, weight) }
func (c *directBatch) Images() int                             { return 1 }
func (c *directBatch) Scratch() int                            { return 0 }

func (c *directBatch) Run(images int, out, in, residual, _ []float32) {
	for i := range images {
		var r []float32
		if residual != nil {
			r = residual[i*c.outputs:][:c.outputs]
		}
		c.conv.Run(out[i*c.outputs:], in[i*c.inputs:], r, nil)
	}
}

// winogradBatch transforms the tiles of several images together.
type winogradBatch struct{ *winogradConv }

func (c winogradBatch) SetBias(bias []float32)                  { c.setBias(bias) }
func (c winogradBatch) Blocks() int                             { return len(c.blocks) }
func (c winogradBatch) PackWeights(block int, weight []float32) { c.packBlock(block, weight) }
func (c winogradBatch) Images() int                             { return c.images }
func (c winogradBatch) Scratch() int                            { return winogradScratch(c.shape, c.images, c.tile) }

func (c winogradBatch) Run(images int, out, in, residual, scratch []float32) {
	c.run(images, out, in, residual, scratch)
}
