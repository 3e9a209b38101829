package testnet

import (
	"testing"

	"galen/hw/graph"
)

// The networks below are small forms of the ones people bring.

// Plain has convolutions, pooling and fully connected layers one after the other.
func Plain(t testing.TB) *graph.Graph {
	b := NewBuilder(t, 1, 3, 8, 8)
	x := b.Relu(b.Conv(0, 8, 3, 1, 1))
	x = b.Add(graph.MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, x)
	x = b.Relu(b.norm(b.Conv(x, 12, 3, 1, 1)))
	x = b.Relu(b.Gemm(b.Add(graph.Flatten{}, x), 16))
	b.Gemm(x, 10)
	return b.Graph
}

// Residual is a ResNet of three stages with one block each; optionB takes 1×1
// convolutions for its shortcuts, else slices and pads.
func Residual(t testing.TB, optionB bool) *graph.Graph {
	b := NewBuilder(t, 2, 3, 8, 8)
	x := b.Relu(b.Conv(0, 8, 3, 1, 1))
	for stage, channels := range []int{8, 16, 32} {
		stride := 1
		shortcut := x
		if stage > 0 {
			stride = 2
			if optionB {
				shortcut = b.Conv(x, channels, 1, 2, 1)
			} else {
				shortcut = b.slicePad(x, channels)
			}
		}
		inner := b.Conv(b.Relu(b.Conv(x, channels, 3, stride, 1)), channels, 3, 1, 1)
		x = b.Relu(b.Add(graph.Add{}, inner, shortcut))
	}
	return b.End(x)
}

// Concat joins branches and their input along the channels.
func Concat(t testing.TB) *graph.Graph {
	b := NewBuilder(t, 3, 3, 8, 8)
	x := b.Relu(b.Conv(0, 8, 3, 1, 1))
	left, right := b.Relu(b.Conv(x, 6, 1, 1, 1)), b.Relu(b.Conv(x, 10, 3, 1, 1))
	x = b.Add(graph.Concat{}, left, x, right)
	x = b.Relu(b.norm(x))
	x = b.Add(graph.AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, x)
	return b.End(b.Relu(b.Conv(x, 8, 3, 1, 1)))
}

// Separable has inverted residual blocks around depthwise convolutions, as MobileNetV2.
func Separable(t testing.TB) *graph.Graph {
	b := NewBuilder(t, 4, 3, 8, 8)
	x := b.Relu(b.Conv(0, 8, 3, 2, 1))
	for _, channels := range []int{16, 16} {
		wide := b.Add(graph.Clip{Min: 0, Max: 6}, b.Conv(x, 24, 1, 1, 1))
		wide = b.Add(graph.Clip{Min: 0, Max: 6}, b.Conv(wide, 24, 3, 1, 24))
		y := b.Conv(wide, channels, 1, 1, 1)
		if b.shape(y)[0] == b.shape(x)[0] {
			y = b.Add(graph.Add{}, y, x)
		}
		x = y
	}
	return b.End(x)
}

// mobile has inverted residual blocks with gates, as MobileNetV3 and EfficientNet.
func mobile(t testing.TB) *graph.Graph {
	b := NewBuilder(t, 5, 3, 8, 8)
	swish := graph.Activation{Function: graph.HardSwish}
	x := b.Add(swish, b.Conv(0, 8, 3, 2, 1))
	for _, channels := range []int{12, 12} {
		wide := b.Add(swish, b.norm(b.Conv(x, 24, 1, 1, 1)))
		wide = b.Add(swish, b.Conv(wide, 24, 3, 1, 24))
		gate := b.Relu(b.Conv(b.Add(graph.GlobalAveragePool{}, wide), 6, 1, 1, 1))
		gate = b.Add(graph.Activation{Function: graph.Sigmoid}, b.Conv(gate, 24, 1, 1, 1))
		y := b.Conv(b.Add(graph.Binary{Operator: graph.Times}, gate, wide), channels, 1, 1, 1)
		if b.shape(y)[0] == b.shape(x)[0] {
			y = b.Add(graph.Add{}, y, x)
		}
		x = y
	}
	return b.End(x)
}

// dense normalizes and activates all that came before in front of every convolution.
func dense(t testing.TB) *graph.Graph {
	b := NewBuilder(t, 6, 3, 8, 8)
	x := b.Conv(0, 8, 3, 1, 1)
	for range 2 {
		for range 3 {
			y := b.Conv(b.Relu(b.norm(x)), 16, 1, 1, 1)
			y = b.Conv(b.Relu(b.norm(y)), 4, 3, 1, 1)
			x = b.Add(graph.Concat{}, x, y)
		}
		x = b.Conv(b.Relu(b.norm(x)), b.shape(x)[0]/2, 1, 1, 1)
		x = b.Add(graph.AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, x)
	}
	return b.End(b.Relu(b.norm(x)))
}

// shuffle computes one half of the channels and mixes the halves, as ShuffleNetV2.
func shuffle(t testing.TB) *graph.Graph {
	b := NewBuilder(t, 7, 3, 8, 8)
	x := b.Relu(b.Conv(0, 16, 3, 2, 1))
	shuffle := &graph.Gather{}
	for i := range 16 {
		shuffle.Index = append(shuffle.Index, i%2*8+i/2)
	}
	for range 2 {
		s := b.shape(x)
		left := b.Add(&graph.Slice{Start: []int{0, 0, 0}, End: []int{8, s[1], s[2]}, Step: []int{1, 1, 1}}, x)
		right := b.Add(&graph.Slice{Start: []int{8, 0, 0}, End: []int{16, s[1], s[2]}, Step: []int{1, 1, 1}}, x)
		right = b.Relu(b.Conv(right, 8, 1, 1, 1))
		right = b.Relu(b.Conv(b.Conv(right, 8, 3, 1, 8), 8, 1, 1, 1))
		x = b.Add(shuffle, b.Add(graph.Concat{}, left, right))
	}
	return b.End(b.Add(&graph.PRelu{Slope: b.floats(24, 0.2, 0.1)}, b.Conv(x, 24, 1, 1, 1)))
}

// Networks are all of them, by name.
func Networks(t testing.TB) map[string]*graph.Graph {
	return map[string]*graph.Graph{
		"plain": Plain(t), "residual A": Residual(t, false), "residual B": Residual(t, true),
		"concat": Concat(t), "separable": Separable(t),
		"mobile": mobile(t), "dense": dense(t), "shuffle": shuffle(t),
	}
}
