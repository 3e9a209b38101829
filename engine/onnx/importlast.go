package onnx

import (
	"fmt"
	"slices"

	"galen/hw/graph"
)

// TensorFlow keeps images with their channels last. Its exporters transpose them for every convolution and try to get
// rid of pairs of transpositions; what they leave between two is done to images whose channels are last. Here such an
// image is a view of one whose channels are first, and what treats all pixels alike is done to that one.

// alike lists the operators that do the same to all pixels, or to whole images: they may as well work channels first.
var alike = map[string]bool{
	"Add": true, "Cast": true, "Clip": true, "Concat": true, "Div": true, "Dropout": true, "Identity": true, "Mul": true,
	"PRelu": true, "Pad": true, "ReduceMax": true, "ReduceMean": true, "ReduceSum": true, "Relu": true, "Slice": true, "Split": true,
	"Sub": true, "Sum": true,
}

func init() {
	for op := range functions {
		alike[op] = true
	}
}

// toFirst is the permutation that moves the channels of a batch of images from the last place to the first, toLast
// the one that moves them back.
var (
	toFirst = []int64{0, 3, 1, 2}
	toLast  = []int64{0, 2, 3, 1}
)

// channelsLast tells whether the channels of the model's input are last: whether whatever reads it, after operators
// that treat all pixels alike, moves its last axis to the front.
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
		case n.op == "Shape":
		case !alike[n.op] || len(n.outputs) == 0:
			return false
		default:
			last[n.outputs[0]] = true
		}
	}
	return moved
}

// readsLast tells whether a node reads images channels last, and nothing else but constants, and may as well read
// them channels first.
func (m *importer) readsLast(n *node) bool {
	last := false
	for _, name := range n.inputs {
		if t := m.tensors[name]; t != nil {
			if !t.last {
				return false
			}
			last = true
		}
	}
	return last && alike[n.op] && m.opset >= 7 // before, constants broadcast otherwise
}

// lastShape is a shape of images channels first with the channels moved to the end.
func lastShape(first graph.Shape) []int { return []int{first[1], first[2], first[0]} }

// giveLast makes the images that a node gave channels first ones with their channels last.
func (m *importer) giveLast(n *node) {
	for _, output := range n.outputs {
		t := m.tensors[output]
		if t == nil {
			continue
		}
		if first := m.graph.Values[t.value].Shape; len(first) == 3 {
			t.shape, t.last = lastShape(first), true
			t.node, t.name = n.name, output
		}
	}
}

// reorderLast makes of a tensor whose channels are last a view that says so scalar by scalar.
func (m *importer) reorderLast(t *tensor) error {
	first := m.graph.Values[t.value].Shape
	count, err := m.take(typeInt64, first)
	if err != nil {
		return err
	}
	steps := strides(first)
	t.order = slices.AppendSeq(make([]int, 0, count), walk(t.shape, []int{steps[1], steps[2], steps[0]}, 0, count))
	t.last = false
	return nil
}

// constantFirst moves the channels of a constant that broadcasts over images whose channels are last to the front.
func constantFirst(c *constant) (*constant, error) {
	rank := len(c.shape)
	if rank > 4 || rank > 0 && c.len() != c.shape[rank-1] {
		return nil, fmt.Errorf("its constant is %v for images whose channels are last; galen takes one number per channel", c.shape)
	}
	return c.reshaped([]int{c.len(), 1, 1}), nil
}

// axesFirst are axes of a batch of images whose channels are last, as they are when those are first.
func axesFirst(last []int64) ([]int64, error) {
	first := slices.Clone(last)
	for i, a := range last {
		at, err := axis(a, len(toLast))
		if err != nil {
			return nil, err
		}
		first[i] = toLast[at]
	}
	return first, nil
}

// axisOf reads a node's axis, as one of the shape's dimensions; absent is what it is in a batch when it is not given.
func (n *node) axisOf(shape graph.Shape, absent int64) (int, error) {
	at, err := axis(n.int("axis", absent), len(shape)+1)
	if err != nil {
		return 0, err
	}
	if n.last {
		at = int(toLast[at])
	}
	if at == 0 {
		return 0, errBatch
	}
	return at - 1, nil
}
