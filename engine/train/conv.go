package train

import (
	"fmt"
	"math"

	"galen/hw/graph"
	"galen/hw/kernel"
)

var infinity = float32(math.Inf(1))

// conv is a convolution. Its gradient with respect to the input is a convolution
// too, of the output's gradient with the kernel turned by 180° and the roles of the
// channels exchanged; a stride becomes zeros between the gradient's pixels.
type conv struct {
	op      *graph.Conv
	window  kernel.Window
	inC     int
	outC    int
	weight  *parameter // OIHW
	bias    *parameter // nil: none
	turned  []float32  // weight turned for the input's gradient: IOHW
	reverse kernel.Window
	spread  [][]float32 // per worker, an image of the output's gradient with zeros between; nil without stride
	product weightProduct
}

func (t *Trainer) newConv(op *graph.Conv, in, out graph.Shape) (*conv, error) {
	if op.Groups != 1 {
		return nil, fmt.Errorf("it has %d groups; only convolutions of one group can be trained", op.Groups)
	}
	c := &conv{op: op, inC: in[0], outC: out[0]}
	c.window = kernel.Window{
		InH: in[1], InW: in[2], OutH: out[1], OutW: out[2],
		Kernel: op.Kernel, Stride: op.Stride, Dilation: op.Dilation,
		Top: op.Pad[0], Left: op.Pad[1],
	}
	c.reverse = kernel.Window{
		InH: (out[1]-1)*op.Stride[0] + 1, InW: (out[2]-1)*op.Stride[1] + 1, OutH: in[1], OutW: in[2],
		Kernel: op.Kernel, Stride: [2]int{1, 1}, Dilation: op.Dilation,
		Top: op.Dilation[0]*(op.Kernel[0]-1) - op.Pad[0], Left: op.Dilation[1]*(op.Kernel[1]-1) - op.Pad[1],
	}
	c.weight = t.newParameter(op.Weight.Float, true)
	if op.Bias != nil {
		c.bias = t.newParameter(op.Bias, false)
	}
	c.turned = make([]float32, len(op.Weight.Float))
	if op.Stride != [2]int{1, 1} {
		c.spread = make([][]float32, t.options.Workers)
	}
	c.product = newWeightProduct(op, in, out, t.options.Workers)
	return c, nil
}

func (c *conv) operator() graph.Op {
	op := *c.op
	op.Weight.Float = append([]float32(nil), c.weight.value...)
	if c.bias != nil {
		op.Bias = append([]float32(nil), c.bias.value...)
	}
	return &op
}

func (c *conv) forward(t *Trainer, out *tensor, in []*tensor) {
	var bias []float32
	if c.bias != nil {
		bias = c.bias.value
	}
	run := kernel.NewFloatConv(t.options.ISA, c.window, c.inC, c.outC, 1, c.weight.value, bias, -infinity, infinity)
	t.pool.run(out.n, func(_, i int) { run.Run(out.image(i), in[0].image(i), nil) })
}

func (c *conv) backward(t *Trainer, gradient, _ *tensor, in []*tensor, inputs []graph.ValueID) {
	if c.bias != nil {
		t.addChannelSums(c.bias.gradient, gradient)
	}
	c.product.add(t, c.weight.gradient, in[0], gradient)
	if t.trainable[inputs[0]] {
		c.inputGradient(t, gradient, inputs[0])
	}
}

func (c *conv) inputGradient(t *Trainer, gradient *tensor, input graph.ValueID) {
	taps := c.window.Taps()
	t.pool.run(c.inC, func(_, i int) {
		for o := range c.outC {
			from, to := c.weight.value[(o*c.inC+i)*taps:][:taps], c.turned[(i*c.outC+o)*taps:][:taps]
			for tap, w := range from {
				to[taps-1-tap] = w
			}
		}
	})
	run := kernel.NewFloatConv(t.options.ISA, c.reverse, c.outC, c.inC, 1, c.turned, nil, -infinity, infinity)
	dx, add := t.gradient(input)
	t.pool.run(gradient.n, func(worker, i int) {
		dy, dx := gradient.image(i), dx.image(i)
		if c.spread != nil {
			dy = c.spreadOut(worker, gradient, i)
		}
		if add {
			run.Run(dx, dy, dx)
		} else {
			run.Run(dx, dy, nil)
		}
	})
}

// spreadOut puts an image's pixels as far apart as the stride.
func (c *conv) spreadOut(worker int, gradient *tensor, i int) []float32 {
	stride, width := gradient.stride, c.reverse.InW
	if c.spread[worker] == nil {
		c.spread[worker] = kernel.Floats((1 + c.reverse.InH*width) * stride)
	}
	spread, pixels := c.spread[worker], gradient.pixels(i)
	for y := range gradient.height {
		for x := range gradient.width {
			at := (1 + y*c.window.Stride[0]*width + x*c.window.Stride[1]) * stride
			from := (y*gradient.width + x) * stride
			copy(spread[at:at+stride], pixels[from:from+stride])
		}
	}
	return spread
}

// addChannelSums adds to sums, per channel, what a tensor holds.
func (t *Trainer) addChannelSums(sums []float32, x *tensor) {
	total := t.channelSums(x.n, x.stride, func(i int, first, _ []float32) {
		x := x.pixels(i)
		for p := 0; p < len(x); p += len(first) {
			for c, v := range x[p : p+len(first)] {
				first[c] += v
			}
		}
	})
	for c := range sums {
		sums[c] += float32(total[0][c])
	}
}
