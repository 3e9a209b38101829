// Package reference computes operators by their definition: naively, in float64, one image at a time. It is what tests
// compare everything else with, and shares no code with it.
package reference

import (
	"fmt"
	"math"

	"galen/hw/graph"
)

// Compute gives an operator's output for inputs that fit it; all tensors are in row-major order, channels outermost.
// Quantized weights count as the reals they stand for; nothing is rounded.
func Compute(op graph.Op, inputs [][]float64, shapes []graph.Shape) []float64 {
	shape, err := op.OutputShape(shapes)
	if err != nil {
		panic(fmt.Sprintf("reference of %s: %v", op.Kind(), err))
	}
	c := computation{in: inputs, shapes: shapes, shape: shape, out: make([]float64, shape.Elements())}
	c.compute(op)
	return c.out
}

type computation struct {
	in     [][]float64
	shapes []graph.Shape
	shape  graph.Shape // of the output
	out    []float64
}

func (c *computation) compute(op graph.Op) {
	switch op := op.(type) {
	case *graph.Conv:
		c.conv(op)
	case *graph.Gemm:
		c.gemm(op)
	case *graph.BatchNorm:
		c.perNumber(func(v float64, channel int) float64 {
			deviation := math.Sqrt(float64(op.Variance[channel]) + float64(op.Epsilon))
			return (v-float64(op.Mean[channel]))/deviation*float64(op.Scale[channel]) + float64(op.Shift[channel])
		})
	case graph.Relu:
		c.perNumber(func(v float64, _ int) float64 { return max(v, 0) })
	case graph.Clip:
		c.perNumber(func(v float64, _ int) float64 { return min(max(v, float64(op.Min)), float64(op.Max)) })
	case graph.Quantize:
		copy(c.out, c.in[0])
	case graph.Activation:
		c.perNumber(func(v float64, _ int) float64 { return op.Of(v) })
	case *graph.PRelu:
		c.perNumber(func(v float64, channel int) float64 { return max(v, 0) + float64(op.Slope[channel])*min(v, 0) })
	case graph.Add:
		c.combine(func(a, b float64) float64 { return a + b })
	case graph.Binary:
		c.combine(map[graph.Operator]func(a, b float64) float64{
			graph.Plus:  func(a, b float64) float64 { return a + b },
			graph.Minus: func(a, b float64) float64 { return a - b },
			graph.Times: func(a, b float64) float64 { return a * b },
			graph.Over:  func(a, b float64) float64 { return a / b },
		}[op.Operator])
	case graph.MaxPool:
		c.maximum(window{op.Kernel, op.Stride, graph.Spread(op.Dilation), op.Pad})
	case graph.AveragePool:
		c.mean(op)
	case graph.GlobalAveragePool:
		area := c.shapes[0][1:].Elements()
		for i, v := range c.in[0] {
			c.out[i/area] += v / float64(area)
		}
	case graph.Softmax:
		c.softmax(op)
	case graph.LRN:
		c.lrn(op)
	case *graph.Slice:
		c.gather(func(at []int) (int, []int) {
			for d := range at {
				at[d] = op.Start[d] + at[d]*op.Step[d]
			}
			return 0, at
		}, 0)
	case *graph.Pad:
		c.gather(func(at []int) (int, []int) {
			for d := range at {
				at[d] -= op.Before[d]
			}
			return 0, at
		}, float64(op.Value))
	case graph.Concat:
		c.gather(func(at []int) (int, []int) {
			input := 0
			for at[op.Axis] >= c.shapes[input][op.Axis] {
				at[op.Axis] -= c.shapes[input][op.Axis]
				input++
			}
			return input, at
		}, 0)
	case *graph.Gather:
		c.gather(func(at []int) (int, []int) {
			at[op.Axis] = op.Index[at[op.Axis]]
			return 0, at
		}, 0)
	case graph.Flatten:
		copy(c.out, c.in[0])
	case *graph.Rearrange:
		copy(c.out, c.in[0])
		for i, place := range op.Order {
			c.out[i] = c.in[0][place]
		}
	default:
		panic("no reference of " + op.Kind())
	}
}

// perNumber computes every number from the one at its place.
func (c *computation) perNumber(f func(v float64, channel int) float64) {
	area := c.shape[1:].Elements()
	for i, v := range c.in[0] {
		c.out[i] = f(v, i/area)
	}
}

// combine computes every number from those at its place in two inputs, which are repeated where they are narrow.
func (c *computation) combine(f func(a, b float64) float64) {
	c.each(func(i int, at []int) {
		c.out[i] = f(c.in[0][repeated(c.shapes[0], at)], c.in[1][repeated(c.shapes[1], at)])
	})
}

// gather takes every number from the place that from gives, of the input it gives; fill, if there is none.
func (c *computation) gather(from func(at []int) (input int, place []int), fill float64) {
	c.each(func(i int, at []int) {
		input, place := from(at)
		c.out[i] = fill
		if source := index(c.shapes[input], place); source >= 0 {
			c.out[i] = c.in[input][source]
		}
	})
}

// each visits the numbers of the output with their coordinates, which the visitor may change.
func (c *computation) each(visit func(i int, at []int)) {
	at := make([]int, len(c.shape))
	for i := range c.out {
		rest := i
		for d := len(at) - 1; d >= 0; d-- {
			at[d], rest = rest%c.shape[d], rest/c.shape[d]
		}
		visit(i, at)
	}
}

// index is where coordinates lie in a tensor; −1 outside.
func index(shape graph.Shape, at []int) int {
	i := 0
	for d, size := range shape {
		if at[d] < 0 || at[d] >= size {
			return -1
		}
		i = i*size + at[d]
	}
	return i
}

// pixel is index in an image.
func pixel(shape graph.Shape, channel, y, x int) int {
	if channel < 0 || channel >= shape[0] || y < 0 || y >= shape[1] || x < 0 || x >= shape[2] {
		return -1
	}
	return (channel*shape[1]+y)*shape[2] + x
}

// repeated is index in a tensor that is repeated where it is one number wide.
func repeated(shape graph.Shape, at []int) int {
	i := 0
	for d, size := range shape {
		i = i*size + min(at[d], size-1)
	}
	return i
}

type window struct {
	kernel, stride, dilation [2]int
	pad                      [4]int // top, left, bottom, right
}

// taps visits the pixels of the window at an output pixel.
func (w window) taps(at []int, visit func(tap, y, x int)) {
	for tap := range w.kernel[0] * w.kernel[1] {
		y := at[1]*w.stride[0] + tap/w.kernel[1]*w.dilation[0] - w.pad[0]
		x := at[2]*w.stride[1] + tap%w.kernel[1]*w.dilation[1] - w.pad[1]
		visit(tap, y, x)
	}
}

func (c *computation) conv(op *graph.Conv) {
	w := window{op.Kernel, op.Stride, op.Dilation, op.Pad}
	weights, reads, taps := op.Weight.Real(), op.Weight.Shape[1], op.Kernel[0]*op.Kernel[1]
	writes := c.shape[0] / op.Groups
	c.each(func(i int, at []int) {
		for k := range reads {
			channel := at[0]/writes*reads + k
			w.taps(at, func(tap, y, x int) {
				if from := pixel(c.shapes[0], channel, y, x); from >= 0 {
					c.out[i] += c.in[0][from] * float64(weights[(at[0]*reads+k)*taps+tap])
				}
			})
		}
		if op.Bias != nil {
			c.out[i] += float64(op.Bias[at[0]])
		}
	})
}

func (c *computation) gemm(op *graph.Gemm) {
	weights := op.Weight.Real()
	for o := range c.out {
		for i, v := range c.in[0] {
			c.out[o] += v * float64(weights[o*len(c.in[0])+i])
		}
		if op.Bias != nil {
			c.out[o] += float64(op.Bias[o])
		}
	}
}

func (c *computation) maximum(w window) {
	c.each(func(i int, at []int) {
		c.out[i] = math.Inf(-1)
		w.taps(at, func(_, y, x int) {
			if from := pixel(c.shapes[0], at[0], y, x); from >= 0 {
				c.out[i] = max(c.out[i], c.in[0][from])
			}
		})
	})
}

func (c *computation) mean(op graph.AveragePool) {
	w := window{op.Kernel, op.Stride, graph.Spread(op.Dilation), op.Pad}
	height, width := c.shapes[0][1]+op.Pad[2]-op.Uncounted[0], c.shapes[0][2]+op.Pad[3]-op.Uncounted[1]
	c.each(func(i int, at []int) {
		sum, count := 0.0, 0
		w.taps(at, func(_, y, x int) {
			from := pixel(c.shapes[0], at[0], y, x)
			if from >= 0 {
				sum += c.in[0][from]
			}
			if from >= 0 || op.CountIncludePad && y < height && x < width {
				count++
			}
		})
		c.out[i] = sum / float64(count)
	})
}

func (c *computation) softmax(op graph.Softmax) {
	step := c.shape[op.Axis+1:].Elements()
	for i, v := range c.in[0] {
		first := i - i/step%c.shape[op.Axis]*step
		sum := 0.0
		for k := range c.shape[op.Axis] {
			sum += math.Exp(c.in[0][first+k*step])
		}
		c.out[i] = math.Exp(v) / sum
		if op.Log {
			c.out[i] = v - math.Log(sum)
		}
	}
}

func (c *computation) lrn(op graph.LRN) {
	c.each(func(i int, at []int) {
		sum := 0.0
		for k := at[0] - (op.Size-1)/2; k <= at[0]+op.Size/2; k++ {
			if from := pixel(c.shapes[0], k, at[1], at[2]); from >= 0 {
				sum += c.in[0][from] * c.in[0][from]
			}
		}
		c.out[i] = c.in[0][i] / math.Pow(float64(op.Bias)+float64(op.Alpha)/float64(op.Size)*sum, float64(op.Beta))
	})
}
