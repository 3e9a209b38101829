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

// NewBatchConv plans a convolution of inC to outC channels, all of whose weights and
// biases are zero.
func NewBatchConv(isa ISA, w Window, inC, outC int) *BatchConv {
	c := &BatchConv{
		images: 1,
		in:     (1 + w.InH*w.InW) * ChannelStride(inC),
		out:    (1 + w.OutH*w.OutW) * ChannelStride(outC),
	}
	inf := float32(math.Inf(1))
	const m = 4
	tiles := ceilDiv(w.OutH, m) * ceilDiv(w.OutW, m)
	v := vectorOf(isa)
	if v != nil && v.winograd[m].input != nil && minimal(w) && inC >= lanes && outC >= lanes/2 && 6*tiles*(m+2)*(m+2) <= 5*9*w.OutH*w.OutW {
		c.images = ceilDiv(winogradShared, tiles)
		c.winograd = newWinograd(isa, w, c.images, inC, outC, m, nil, -inf, inf)
		return c
	}
	c.direct = NewFloatConv(isa, w, inC, outC, 1, make([]float32, outC*inC*w.Taps()), nil, -inf, inf)
	return c
}

// Images is the number of images that a Run takes at most.
func (c *BatchConv) Images() int { return c.images }

// Scratch is the number of scalars that a Run works in.
func (c *BatchConv) Scratch() int {
	if w := c.winograd; w != nil {
		return winogradScratch(w.window, w.images, w.filter.inC, w.filter.outC, w.tile)
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
	pack(c.direct.filter, b, c.direct.weights[b.weights:], weight, 1, inOrder)
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
