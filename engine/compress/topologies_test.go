package compress

import (
	"math"
	"math/rand/v2"
	"testing"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// The blocks below are those of the networks they are named after, a few channels wide.

// bottleneck is a residual block around a grouped convolution, as ResNeXt (many groups) and RegNet (few).
func (b *builder) bottleneck(x graph.ValueID, inner, groups int) graph.ValueID {
	y := b.relu(b.conv(x, inner, 1, 1, 1))
	y = b.relu(b.norm(b.conv(y, inner, 3, 1, groups)))
	y = b.squeeze(y, 4)
	return b.relu(b.add(graph.Add{}, b.conv(y, b.shape(x)[0], 1, 1, 1), x))
}

// squeeze scales the channels by a gate that fully connected layers compute, as SENet.
func (b *builder) squeeze(x graph.ValueID, inner int) graph.ValueID {
	c := b.shape(x)[0]
	gate := b.add(graph.Flatten{}, b.add(graph.GlobalAveragePool{}, x))
	gate = b.gemm(b.relu(b.gemm(gate, inner)), c)
	gate = b.add(&graph.Rearrange{Shape: graph.Shape{c, 1, 1}}, b.add(graph.Activation{Function: graph.Sigmoid}, gate))
	return b.add(graph.Binary{Operator: graph.Times}, x, gate)
}

// shuffled is ShuffleNetV1's unit: grouped 1×1 convolutions with the channels of all groups mixed between them.
func (b *builder) shuffled(x graph.ValueID, inner, groups int) graph.ValueID {
	y := b.relu(b.conv(x, inner, 1, 1, groups))
	shuffle := &graph.Gather{}
	for i := range inner {
		shuffle.Index = append(shuffle.Index, i%groups*(inner/groups)+i/groups)
	}
	y = b.conv(b.add(shuffle, y), inner, 3, 1, inner)
	return b.relu(b.add(graph.Add{}, b.conv(y, b.shape(x)[0], 1, 1, groups), x))
}

// fire is SqueezeNet's module.
func (b *builder) fire(x graph.ValueID, squeeze, expand int) graph.ValueID {
	y := b.relu(b.conv(x, squeeze, 1, 1, 1))
	return b.add(graph.Concat{}, b.relu(b.conv(y, expand, 1, 1, 1)), b.relu(b.conv(y, expand, 3, 1, 1)))
}

// inception has branches of several depths and one that pools.
func (b *builder) inception(x graph.ValueID, width int) graph.ValueID {
	deep := b.relu(b.conv(b.relu(b.conv(x, width, 1, 1, 1)), width+2, 3, 1, 1))
	pooled := b.add(graph.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}}, x)
	return b.add(graph.Concat{}, b.relu(b.conv(x, width, 1, 1, 1)), deep, b.relu(b.conv(pooled, width, 1, 1, 1)))
}

// attention weighs the pixels of every channel by a softmax over the lines of another tensor's.
func (b *builder) attention(x graph.ValueID) graph.ValueID {
	keys := b.add(graph.Softmax{Axis: 1}, b.conv(x, b.shape(x)[0], 1, 1, 1))
	return b.add(graph.Binary{Operator: graph.Times}, keys, x)
}

// blocks moves 2×2 pixels into channels, or back if out is set, as space-to-depth and pixel shuffles do.
func (b *builder) blocks(x graph.ValueID, out bool) graph.ValueID {
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
	return b.add(&graph.Rearrange{Shape: shape, Order: order}, x)
}

// everySecond parts the channels into odd and even ones, of which one half is computed.
func (b *builder) everySecond(x graph.ValueID) graph.ValueID {
	s := b.shape(x)
	even := b.add(&graph.Slice{Start: []int{0, 0, 0}, End: s, Step: []int{2, 1, 1}}, x)
	odd := b.add(&graph.Slice{Start: []int{1, 0, 0}, End: s, Step: []int{2, 1, 1}}, x)
	return b.add(graph.Concat{}, b.relu(b.conv(even, s[0]/2, 3, 1, 1)), odd)
}

// flattenLast flattens with the channels innermost, as networks from TensorFlow do, before two fully connected layers.
func (b *builder) flattenLast(x graph.ValueID) *graph.Graph {
	s := b.shape(x)
	order := make([]int, 0, s.Elements())
	for p := range s[1] * s[2] {
		for c := range s[0] {
			order = append(order, c*s[1]*s[2]+p)
		}
	}
	x = b.add(&graph.Rearrange{Shape: graph.Shape{len(order)}, Order: order}, x)
	b.gemm(b.relu(b.gemm(x, 9)), 5)
	return b.g
}

// topologies are networks of one kind of block each, beside those of nets.
func topologies(t testing.TB) map[string]*graph.Graph {
	all := make(map[string]*graph.Graph)
	for name, block := range map[string]func(*builder, graph.ValueID) graph.ValueID{
		"ResNeXt":        func(b *builder, x graph.ValueID) graph.ValueID { return b.bottleneck(x, 16, 8) },
		"RegNet":         func(b *builder, x graph.ValueID) graph.ValueID { return b.bottleneck(x, 16, 2) },
		"ShuffleNetV1":   func(b *builder, x graph.ValueID) graph.ValueID { return b.shuffled(x, 12, 2) },
		"SqueezeNet":     func(b *builder, x graph.ValueID) graph.ValueID { return b.fire(x, 6, 8) },
		"Inception":      func(b *builder, x graph.ValueID) graph.ValueID { return b.inception(x, 6) },
		"SENet":          func(b *builder, x graph.ValueID) graph.ValueID { return b.squeeze(b.relu(b.conv(x, 16, 3, 1, 1)), 4) },
		"attention":      func(b *builder, x graph.ValueID) graph.ValueID { return b.attention(x) },
		"pixel shuffle":  func(b *builder, x graph.ValueID) graph.ValueID { return b.blocks(b.conv(x, 16, 3, 1, 1), true) },
		"space to depth": func(b *builder, x graph.ValueID) graph.ValueID { return b.blocks(x, false) },
		"every second":   func(b *builder, x graph.ValueID) graph.ValueID { return b.everySecond(x) },
	} {
		b := newBuilder(t, 9, 3, 8, 8)
		x := block(b, b.relu(b.conv(0, 16, 3, 2, 1)))
		all[name] = b.end(b.relu(b.conv(x, 12, 3, 1, 1)))
	}
	b := newBuilder(t, 10, 3, 8, 8)
	all["flatten, channels last"] = b.flattenLast(b.relu(b.conv(b.relu(b.conv(0, 8, 3, 2, 1)), 6, 3, 1, 1)))
	return all
}

// mixedNet strings random blocks of random widths together.
func mixedNet(t testing.TB, seed uint64) *graph.Graph {
	b := newBuilder(t, seed, 3, 8, 8)
	x := b.relu(b.conv(0, 8+4*b.rng.IntN(3), 3, 1, 1))
	for range 3 + b.rng.IntN(4) {
		s := b.shape(x)
		even := s[0]%4 == 0
		switch pick := b.rng.IntN(12); {
		case pick == 0:
			x = b.bottleneck(x, 12, []int{2, 3, 4, 6, 12}[b.rng.IntN(5)])
		case pick == 1:
			x = b.squeeze(x, 2+b.rng.IntN(4))
		case pick == 2 && even:
			x = b.shuffled(x, 8, []int{2, 4}[b.rng.IntN(2)])
		case pick == 3:
			x = b.fire(x, 3+b.rng.IntN(3), 4)
		case pick == 4:
			x = b.inception(x, 2+2*b.rng.IntN(2))
		case pick == 5:
			x = b.attention(x)
		case pick == 6 && even && s[1] < 16:
			x = b.blocks(x, true)
		case pick == 7 && s[0] <= 12 && s[1]%2 == 0:
			x = b.blocks(x, false)
		case pick == 8 && s[0]%2 == 0:
			x = b.everySecond(x)
		case pick == 9: // an inverted residual block
			y := b.add(graph.Clip{Min: 0, Max: 6}, b.conv(x, s[0]+4, 1, 1, 1))
			y = b.squeeze(b.relu(b.conv(y, s[0]+4, 3, 1, s[0]+4)), 3)
			x = b.add(graph.Add{}, b.conv(y, s[0], 1, 1, 1), x)
		case pick == 10: // a dense one
			x = b.add(graph.Concat{}, x, b.conv(b.relu(b.norm(x)), 4, 3, 1, 1))
		case s[1] >= 4: // a residual one that halves the image
			shortcut, channels := b.conv(x, 12, 1, 2, 1), 12
			if b.rng.IntN(2) == 0 {
				channels = s[0] + 2*b.rng.IntN(3)
				shortcut = b.slicePad(x, channels)
			}
			y := b.conv(b.relu(b.conv(x, 8, 3, 2, 1)), channels, 3, 1, 1)
			x = b.relu(b.add(graph.Add{}, y, shortcut))
		}
	}
	if b.rng.IntN(3) == 0 {
		x = b.add(graph.AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, b.conv(x, 4, 1, 1, 1))
		return b.flattenLast(x)
	}
	return b.end(x)
}

// What mixes all kinds of blocks compiles under any policy, and its integers say what its definition says.
func TestMixedTopologiesUnderRandomPolicies(t *testing.T) {
	for seed := range uint64(40) {
		g := mixedNet(t, seed)
		c, err := New(g, images(g, 6), 6, Options{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		rng := rand.New(rand.NewPCG(seed, 10))
		p := c.structure.Uniform(0, graph.FloatBits)
		for l, info := range c.structure.Layers {
			if info.Root && info.Prunable {
				p[l].Sparsity = rng.Float64()
			}
			if rng.IntN(4) > 0 {
				p[l].WeightBits, p[l].ActivationBits = 1+rng.IntN(8), 1+rng.IntN(8)
			}
		}
		r := compressed(t, c, p)
		tracer := runtime.NewTracer("", 1)
		values := make([]*runtime.Batch, len(r.Graph.Values))
		if err := tracer.Run(r.Graph, tracer.Input(r.Graph, images(g, 6), 6), 0, values, nil); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, want := outputs(t, r.Graph, images(g, 6), 6), values[r.Graph.Output].Outputs()
		differ := 0 // where a float fell on the other side of a rounding step
		for i := range got {
			if d := math.Abs(float64(got[i] - want[i])); !(d <= 1e-3+1e-3*math.Abs(float64(want[i]))) {
				differ++
			}
		}
		if differ > len(got)/2 {
			t.Errorf("seed %d: %d of %d outputs of the plan are not those of the trace", seed, differ, len(got))
		}
	}
}
