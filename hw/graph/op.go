package graph

import "fmt"

// Op is an operator with its attributes and weights. All operators are in this package; Examples lists them.
type Op interface {
	// Kind is the operator's ONNX name.
	Kind() string
	// OutputShape checks the input shapes and gives the output's.
	OutputShape(inputs []Shape) (Shape, error)
	// Locality says on which numbers of the inputs a number of the output depends.
	Locality() Locality

	// validate checks what OutputShape does not look at, or could overflow on.
	validate() error
	// code is the operator's number in serialized graphs.
	code() uint64
	// encode writes its attributes and weights.
	encode(*encoder)
}

// Locality says on which numbers of an operator's inputs a number of its output depends, at most.
type Locality int

const (
	// Elementwise: on the one at its own place in every input. An input that is one number wide in a dimension
	// is repeated along it.
	Elementwise Locality = 1 + iota
	// Channelwise: on those of its own channel in every input.
	Channelwise
	// Moving: on a single one, anywhere, which it equals; or on none, being a constant.
	Moving
	// Mixing: on any.
	Mixing
)

// Clamp is an operator that only limits numbers: Relu and Clip. It can be computed as part of the operator before, and
// by rounding to integers.
type Clamp interface {
	Op
	Limits() (low, high float32)
}

// Mover is an operator that moves numbers along every axis by itself: Slice, Pad, Concat and Gather.
type Mover interface {
	Op
	// Picks gives, for each input, the place along an axis that goes to each place of the output along it; −1: none
	// does. What no input goes to is constant.
	Picks(axis int, inputs []Shape, output Shape) [][]int32
}

// Reshaper is an operator that gives the numbers of its input another shape: Flatten and Rearrange.
type Reshaper interface {
	Op
	// Places gives, for each number of the output, which of the input it is, both in row-major order; nil: the same.
	Places() []int
}

// Windowed is an operator that computes every pixel from a window of the image: Conv, MaxPool and AveragePool.
type Windowed interface {
	Op
	Window() (kernel [2]int) // height, width
}

// ChannelKeeper is an operator, other than a layer, with attributes that depend on which channels there are.
type ChannelKeeper interface {
	Op
	// KeepChannels is the operator where only some channels of an input of the given shape and of the output are
	// left, listed in ascending order.
	KeepChannels(input Shape, inputs, outputs []int) Op
}

func one(inputs []Shape) (Shape, error) {
	if len(inputs) != 1 {
		return nil, fmt.Errorf("has %d inputs, wants 1", len(inputs))
	}
	return inputs[0], nil
}

func image(inputs []Shape) (Shape, error) {
	s, err := one(inputs)
	if err == nil && len(s) != 3 {
		err = fmt.Errorf("input is %v, wants [channels, height, width]", s)
	}
	return s, err
}

// windows gives the output extent of a sliding window over one dimension.
func windows(size, kernel, stride, dilation, before, after int) (int, error) {
	if kernel < 1 || stride < 1 || dilation < 1 || before < 0 || after < 0 {
		return 0, fmt.Errorf("kernel %d, stride %d, dilation %d, pads %d and %d do not make a window",
			kernel, stride, dilation, before, after)
	}
	span := size + before + after - dilation*(kernel-1) - 1
	if span < 0 {
		return 0, fmt.Errorf("a window of %d does not fit into %d", dilation*(kernel-1)+1, size+before+after)
	}
	return span/stride + 1, nil
}
