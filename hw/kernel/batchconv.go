package kernel

import "math"

// BatchConv is a convolution in one group whose weights change from batch to batch, as
// training has it: the fastest of [FloatConv] and [Winograd], over runs of images that
// share what is read of the weights. After [BatchConv.SetBias] and all calls of
// [BatchConv.PackWeights] it is safe for concurrent Runs.
type BatchConv struct {
	direct   *FloatConv
	winograd *Winograd
	images   int // at a time
	in, out  int // scalars per image
}

// winogradShared is how many tiles should pass by weights that come from memory.
const winogradShared = 48

// NewBatchConv plans a convolution all of whose weights and biases are zero.
func NewBatchConv(isa ISA, s Shape) *BatchConv {
	c := &BatchConv{images: 1, in: s.inputSize(), out: s.outputSize()}
	inf := float32(math.Inf(1))
	if v := vectorOf(isa); v != nil && v.winograd[trainingTile].input != nil && s.trainedByWinograd() {
		c.images = ceilDiv(winogradShared, s.trainingTiles())
		c.winograd = newWinograd(isa, s, c.images, trainingTile, nil, -inf, inf)
		return c
	}
	c.direct = NewFloatConv(isa, s, make([]float32, s.Weights()), nil, -inf, inf)
	return c
}

// trainingTile is the side of the tiles of output pixels, Winograd's m, by which a training step computes a
// convolution and its gradients.
const trainingTile = 4

// trainingTiles is how many of them cover an image.
func (s Shape) trainingTiles() int {
	return ceilDiv(s.OutH, trainingTile) * ceilDiv(s.OutW, trainingTile)
}

// trainedByWinograd tells whether the transforms save at least a sixth of the products.
func (s Shape) trainedByWinograd() bool {
	const planes = (trainingTile + 2) * (trainingTile + 2)
	return s.minimal() && s.InC >= lanes && s.OutC >= lanes/2 && 6*s.trainingTiles()*planes <= 5*9*s.OutH*s.OutW
}

// Images is the number of images that a Run takes at most.
func (c *BatchConv) Images() int { return c.images }

// Scratch is the number of scalars that a Run works in.
func (c *BatchConv) Scratch() int {
	if w := c.winograd; w != nil {
		return winogradScratch(w.shape, w.images, w.tile)
	}
	return 0
}

// Blocks is the number of parts that weights are packed in.
func (c *BatchConv) Blocks() int {
	if c.winograd != nil {
		return c.winograd.Blocks()
	}
	return len(c.direct.blocks)
}

// PackWeights takes over a block's part of the weights, OIHW. Blocks do not depend on
// each other.
func (c *BatchConv) PackWeights(block int, weight []float32) {
	if c.winograd != nil {
		c.winograd.PackWeights(block, weight)
		return
	}
	b := c.direct.blocks[block]
	pack(c.direct.shape, b, c.direct.weights[b.weights:], weight, 1, inOrder)
}

// SetBias takes over the bias, outC long; nil is none.
func (c *BatchConv) SetBias(bias []float32) {
	to := c.bias()
	clear(to)
	copy(to, bias)
}

func (c *BatchConv) bias() []float32 {
	if c.winograd != nil {
		return c.winograd.bias
	}
	return c.direct.bias
}

// Run computes out = conv(in) + bias + residual for a number of images, at most Images.
// residual has out's layout; nil means none; it may be out itself. scratch is
// [BatchConv.Scratch] long, 64-byte aligned and may hold anything before.
func (c *BatchConv) Run(images int, out, in, residual, scratch []float32) {
	if c.winograd != nil {
		c.winograd.run(images, out, in, residual, scratch)
		return
	}
	for i := range images {
		var r []float32
		if residual != nil {
			r = residual[i*c.out:][:c.out]
		}
		c.direct.Run(out[i*c.out:], in[i*c.in:], r)
	}
}
