package onnx

import (
	"errors"
	"fmt"
	"slices"
)

// Networks from TensorFlow take images with their channels last. They scale and shift them, if anything, and then
// transpose them for the first convolution. Galen's graph takes the images channels first from the start.

var errLast = errors.New("works on channels-last data; export the model so that a Transpose brings the channels to the front before it")

// takesLast lists the operators that take images whose channels are last.
var takesLast = map[string]bool{
	"Add": true, "Cast": true, "Div": true, "Identity": true, "Mul": true, "Shape": true, "Sub": true, "Transpose": true,
}

// toFirst is the permutation that moves the channels of a batch of images from the last place to the first.
var toFirst = []int64{0, 3, 1, 2}

// channelsLast tells whether all that is done to the model's input before its channels are moved to the front could
// as well be done after.
func channelsLast(nodes []*node, input string) bool {
	last := map[string]bool{input: true}
	moved := false
	for _, n := range nodes {
		if !slices.ContainsFunc(n.inputs, func(name string) bool { return last[name] }) {
			continue
		}
		switch {
		case n.op == "Transpose":
			if !slices.Equal(n.ints("perm"), toFirst) {
				return false
			}
			moved = true
		case !takesLast[n.op]:
			return false
		case n.op != "Shape" && len(n.outputs) > 0:
			last[n.outputs[0]] = true
		}
	}
	return moved
}

// channelsFirst takes the Transpose that moves a tensor's channels to the front.
func (m *importer) channelsFirst(n *node, t *tensor) error {
	if !slices.Equal(n.ints("perm"), toFirst) {
		return errLast
	}
	return m.alias(n, m.graph.Values[t.value].Shape)
}

// constantFirst moves the channels of a constant that broadcasts over channels-last images to the front.
func (m *importer) constantFirst(c *constant) (*constant, error) {
	if m.opset < 7 { // broadcast otherwise
		return nil, errLast
	}
	rank := len(c.shape)
	if rank > 4 || rank > 0 && c.len() != c.shape[rank-1] {
		return nil, fmt.Errorf("its constant is %v for channels-last images; galen takes one number per channel", c.shape)
	}
	return c.reshaped([]int{c.len(), 1, 1}), nil
}
