package testnet

import (
	"testing"

	"galen/hw/graph"
)

// The blocks below are those of the networks they are named after, a few channels wide.

// bottleneck is a residual block around a grouped convolution, as ResNeXt (many groups) and RegNet (few).
func (b *Builder) bottleneck(x graph.ValueID, inner, groups int) graph.ValueID {
	y := b.Relu(b.Conv(x, inner, 1, 1, 1))
	y = b.Relu(b.norm(b.Conv(y, inner, 3, 1, groups)))
	y = b.squeeze(y, 4)
	return b.Relu(b.Add(graph.Add{}, b.Conv(y, b.shape(x)[0], 1, 1, 1), x))
}

// squeeze scales the channels by a gate that fully connected layers compute, as SENet.
func (b *Builder) squeeze(x graph.ValueID, inner int) graph.ValueID {
	c := b.shape(x)[0]
	gate := b.Add(graph.Flatten{}, b.Add(graph.GlobalAveragePool{}, x))
	gate = b.Gemm(b.Relu(b.Gemm(gate, inner)), c)
	gate = b.Add(&graph.Rearrange{Shape: graph.Shape{c, 1, 1}}, b.Add(graph.Activation{Function: graph.Sigmoid}, gate))
	return b.Add(graph.Binary{Operator: graph.Times}, x, gate)
}

// Shuffled is ShuffleNetV1's unit: grouped 1×1 convolutions with the channels of all groups mixed between them.
func (b *Builder) Shuffled(x graph.ValueID, inner, groups int) graph.ValueID {
	y := b.Relu(b.Conv(x, inner, 1, 1, groups))
	shuffle := &graph.Gather{}
	for i := range inner {
		shuffle.Index = append(shuffle.Index, i%groups*(inner/groups)+i/groups)
	}
	y = b.Conv(b.Add(shuffle, y), inner, 3, 1, inner)
	return b.Relu(b.Add(graph.Add{}, b.Conv(y, b.shape(x)[0], 1, 1, groups), x))
}

// fire is SqueezeNet's module.
func (b *Builder) fire(x graph.ValueID, squeeze, expand int) graph.ValueID {
	y := b.Relu(b.Conv(x, squeeze, 1, 1, 1))
	return b.Add(graph.Concat{}, b.Relu(b.Conv(y, expand, 1, 1, 1)), b.Relu(b.Conv(y, expand, 3, 1, 1)))
}

// inception has branches of several depths and one that pools.
func (b *Builder) inception(x graph.ValueID, width int) graph.ValueID {
	deep := b.Relu(b.Conv(b.Relu(b.Conv(x, width, 1, 1, 1)), width+2, 3, 1, 1))
	pooled := b.Add(graph.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}}, x)
	return b.Add(graph.Concat{}, b.Relu(b.Conv(x, width, 1, 1, 1)), deep, b.Relu(b.Conv(pooled, width, 1, 1, 1)))
}

// attention weighs the pixels of every channel by a softmax over the lines of another tensor's.
func (b *Builder) attention(x graph.ValueID) graph.ValueID {
	keys := b.Add(graph.Softmax{Axis: 1}, b.Conv(x, b.shape(x)[0], 1, 1, 1))
	return b.Add(graph.Binary{Operator: graph.Times}, keys, x)
}

// blocks moves 2×2 pixels into channels, or back if out is set, as space-to-depth and pixel shuffles do.
func (b *Builder) blocks(x graph.ValueID, out bool) graph.ValueID {
	s := b.shape(x)
	c, h, w := s[0], s[1]/2, s[2]/2
	if out {
		c, h, w = s[0]/4, s[1], s[2]
	}
	order := make([]int, 4*c*h*w)
	for i := range order {
		channel, y, x := i/(4*h*w), i/(2*w)%(2*h), i%(2*w) // in the image with the large pixels
		deep := ((channel*4+y%2*2+x%2)*h+y/2)*w + x/2
		if out {
			order[i] = deep
		} else {
			order[deep] = i
		}
	}
	shape := graph.Shape{4 * c, h, w}
	if out {
		shape = graph.Shape{c, 2 * h, 2 * w}
	}
	return b.Add(&graph.Rearrange{Shape: shape, Order: order}, x)
}

// everySecond parts the channels into odd and even ones, of which one half is computed.
func (b *Builder) everySecond(x graph.ValueID) graph.ValueID {
	s := b.shape(x)
	even := b.Add(&graph.Slice{Start: []int{0, 0, 0}, End: s, Step: []int{2, 1, 1}}, x)
	odd := b.Add(&graph.Slice{Start: []int{1, 0, 0}, End: s, Step: []int{2, 1, 1}}, x)
	return b.Add(graph.Concat{}, b.Relu(b.Conv(even, s[0]/2, 3, 1, 1)), odd)
}

// flattenLast flattens with the channels innermost, as networks from TensorFlow do, before two fully connected layers.
func (b *Builder) flattenLast(x graph.ValueID) *graph.Graph {
	s := b.shape(x)
	order := make([]int, 0, s.Elements())
	for p := range s[1] * s[2] {
		for c := range s[0] {
			order = append(order, c*s[1]*s[2]+p)
		}
	}
	x = b.Add(&graph.Rearrange{Shape: graph.Shape{len(order)}, Order: order}, x)
	b.Gemm(b.Relu(b.Gemm(x, 9)), 5)
	return b.Graph
}

// Topologies are networks of one kind of block each, beside those of nets.
func Topologies(t testing.TB) map[string]*graph.Graph {
	all := make(map[string]*graph.Graph)
	for name, block := range map[string]func(*Builder, graph.ValueID) graph.ValueID{
		"ResNeXt":        func(b *Builder, x graph.ValueID) graph.ValueID { return b.bottleneck(x, 16, 8) },
		"RegNet":         func(b *Builder, x graph.ValueID) graph.ValueID { return b.bottleneck(x, 16, 2) },
		"ShuffleNetV1":   func(b *Builder, x graph.ValueID) graph.ValueID { return b.Shuffled(x, 12, 2) },
		"SqueezeNet":     func(b *Builder, x graph.ValueID) graph.ValueID { return b.fire(x, 6, 8) },
		"Inception":      func(b *Builder, x graph.ValueID) graph.ValueID { return b.inception(x, 6) },
		"SENet":          func(b *Builder, x graph.ValueID) graph.ValueID { return b.squeeze(b.Relu(b.Conv(x, 16, 3, 1, 1)), 4) },
		"attention":      func(b *Builder, x graph.ValueID) graph.ValueID { return b.attention(x) },
		"pixel shuffle":  func(b *Builder, x graph.ValueID) graph.ValueID { return b.blocks(b.Conv(x, 16, 3, 1, 1), true) },
		"space to depth": func(b *Builder, x graph.ValueID) graph.ValueID { return b.blocks(x, false) },
		"every second":   func(b *Builder, x graph.ValueID) graph.ValueID { return b.everySecond(x) },
	} {
		b := NewBuilder(t, 9, 3, 8, 8)
		x := block(b, b.Relu(b.Conv(0, 16, 3, 2, 1)))
		all[name] = b.End(b.Relu(b.Conv(x, 12, 3, 1, 1)))
	}
	b := NewBuilder(t, 10, 3, 8, 8)
	all["flatten, channels last"] = b.flattenLast(b.Relu(b.Conv(b.Relu(b.Conv(0, 8, 3, 2, 1)), 6, 3, 1, 1)))
	return all
}

// Mixed strings random blocks of random widths together.
func Mixed(t testing.TB, seed uint64) *graph.Graph {
	b := NewBuilder(t, seed, 3, 8, 8)
	x := b.Relu(b.Conv(0, 8+4*b.Rand.IntN(3), 3, 1, 1))
	for range 3 + b.Rand.IntN(4) {
		s := b.shape(x)
		even := s[0]%4 == 0
		switch pick := b.Rand.IntN(12); {
		case pick == 0:
			x = b.bottleneck(x, 12, []int{2, 3, 4, 6, 12}[b.Rand.IntN(5)])
		case pick == 1:
			x = b.squeeze(x, 2+b.Rand.IntN(4))
		case pick == 2 && even:
			x = b.Shuffled(x, 8, []int{2, 4}[b.Rand.IntN(2)])
		case pick == 3:
			x = b.fire(x, 3+b.Rand.IntN(3), 4)
		case pick == 4:
			x = b.inception(x, 2+2*b.Rand.IntN(2))
		case pick == 5:
			x = b.attention(x)
		case pick == 6 && even && s[1] < 16:
			x = b.blocks(x, true)
		case pick == 7 && s[0] <= 12 && s[1]%2 == 0:
			x = b.blocks(x, false)
		case pick == 8 && s[0]%2 == 0:
			x = b.everySecond(x)
		case pick == 9: // an inverted residual block
			y := b.Add(graph.Clip{Min: 0, Max: 6}, b.Conv(x, s[0]+4, 1, 1, 1))
			y = b.squeeze(b.Relu(b.Conv(y, s[0]+4, 3, 1, s[0]+4)), 3)
			x = b.Add(graph.Add{}, b.Conv(y, s[0], 1, 1, 1), x)
		case pick == 10: // a dense one
			x = b.Add(graph.Concat{}, x, b.Conv(b.Relu(b.norm(x)), 4, 3, 1, 1))
		case s[1] >= 4: // a residual one that halves the image
			shortcut, channels := b.Conv(x, 12, 1, 2, 1), 12
			if b.Rand.IntN(2) == 0 {
				channels = s[0] + 2*b.Rand.IntN(3)
				shortcut = b.slicePad(x, channels)
			}
			y := b.Conv(b.Relu(b.Conv(x, 8, 3, 2, 1)), channels, 3, 1, 1)
			x = b.Relu(b.Add(graph.Add{}, y, shortcut))
		}
	}
	if b.Rand.IntN(3) == 0 {
		x = b.Add(graph.AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, b.Conv(x, 4, 1, 1, 1))
		return b.flattenLast(x)
	}
	return b.End(x)
}
