package onnx

import (
	"errors"
	"fmt"
	"slices"

	"galen/hw/graph"
)

// materialize gives a tensor that is a view a value of its own, so that an operator can read it.
func (m *importer) materialize(t *tensor) error {
	own := m.graph.Values[t.value].Shape
	if t.order == nil && slices.Equal(own, t.shape) {
		return nil
	}
	if len(t.shape) != 1 && len(t.shape) != 3 {
		return fmt.Errorf("is %v per image; galen takes images [channels, height, width] and vectors [features]", t.shape)
	}
	var op graph.Op = &graph.Rearrange{Shape: slices.Clone(t.shape), Order: t.order}
	switch {
	case t.order != nil:
		if picked := alongAxis(own, t.shape, t.order); picked != nil {
			op = picked
		}
	case len(t.shape) == 1:
		op = graph.Flatten{}
	}
	name, output := t.node, t.name
	if m.materialized[output] { // another name for the same view was materialized under its maker's
		name = m.names.unique(name)
		output = m.names.unique(output)
	}
	value, err := m.append(name, op, output, t.value)
	if err != nil {
		return err
	}
	m.materialized[output] = true
	t.value, t.order = value, nil
	return nil
}

// alongAxis finds the one axis along which an order picks, every other staying as it is; nil if there is none.
func alongAxis(from, to graph.Shape, order []int) *graph.Gather {
	if len(from) != len(to) {
		return nil
	}
	steps, count := strides(from), len(order)
	for axis := range from {
		same := true
		for d := range from {
			same = same && (d == axis || from[d] == to[d])
		}
		if !same {
			continue
		}
		inner := steps[axis]
		index := make([]int, to[axis])
		for i := range index {
			index[i] = order[i*inner] / inner
		}
		place := func(i int) int {
			return (i/(inner*to[axis])*from[axis]+index[i/inner%to[axis]])*inner + i%inner
		}
		same = true
		for i := 0; i < count && same; i++ {
			same = index[i/inner%to[axis]] < from[axis] && order[i] == place(i)
		}
		if same {
			return &graph.Gather{Axis: axis, Index: index}
		}
	}
	return nil
}

// importTranspose takes, as views, all permutations that keep the batch first.
func importTranspose(m *importer, n *node) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	switch list := n.ints("perm"); {
	case t.last && slices.Equal(list, toFirst):
		return m.alias(n, m.graph.Values[t.value].Shape)
	case t.last:
		if err := m.reorderLast(t); err != nil {
			return err
		}
	case t.order == nil && len(t.shape) == 3 && slices.Equal(list, toLast) && slices.Equal(t.shape, m.graph.Values[t.value].Shape):
		if err := m.alias(n, lastShape(t.shape)); err != nil {
			return err
		}
		m.tensors[n.outputs[0]].last = true
		return nil
	}
	perm, err := n.permutation(len(t.shape) + 1)
	if err != nil {
		return err
	}
	if perm[0] != 0 {
		return errBatch
	}
	from := strides(t.shape)
	shape, steps := make([]int, len(t.shape)), make([]int, len(t.shape))
	last, moves := 0, false
	for i, p := range perm[1:] {
		shape[i], steps[i] = t.shape[p-1], from[p-1]
		if shape[i] > 1 {
			moves = moves || p < last
			last = p
		}
	}
	if !moves {
		return m.alias(n, shape)
	}
	return m.reorder(n, shape, steps)
}

// reorder makes the node's output a view of its first input that steps through it.
func (m *importer) reorder(n *node, shape, steps []int) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	count, err := m.take(typeInt64, shape)
	if err != nil {
		return err
	}
	order := make([]int, 0, count)
	for place := range walk(shape, steps, 0, count) {
		if t.order != nil {
			place = t.order[place]
		}
		order = append(order, place)
	}
	if err := m.alias(n, shape); err != nil {
		return err
	}
	m.tensors[n.outputs[0]].order = order
	if own := m.graph.Values[t.value].Shape; own.Elements() == count && ascending(order) {
		m.tensors[n.outputs[0]].order = nil
	}
	return nil
}

// ascending tells whether an order is 0, 1, 2, …
func ascending(order []int) bool {
	for i, place := range order {
		if place != i {
			return false
		}
	}
	return true
}

// importGather picks along an axis by constant indices.
func importGather(m *importer, n *node) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	c, err := m.constant(n, 1)
	if err != nil {
		return err
	}
	if c == nil || len(c.shape) > 1 {
		return errors.New("its indices are not a list")
	}
	indices, err := c.integers()
	if err != nil {
		return err
	}
	at, err := axis(n.int("axis", 0), len(t.shape)+1)
	if err != nil {
		return err
	}
	if at == 0 {
		return errBatch
	}
	at--
	size := t.shape[at]
	index := make([]int, len(indices))
	for i, v := range indices {
		if v < 0 {
			v += int64(size)
		}
		if v < 0 || v >= int64(size) {
			return fmt.Errorf("picks place %d of %d", indices[i], size)
		}
		index[i] = int(v)
	}
	if len(index) == 0 {
		return errors.New("picks nothing")
	}
	shape := slices.Clone(t.shape)
	shape[at] = len(index)
	if own := m.graph.Values[t.value].Shape; t.order == nil && slices.Equal(own, t.shape) {
		if _, err := m.take(typeInt64, []int{len(index)}); err != nil {
			return err
		}
		if err := m.emit(n, &graph.Gather{Axis: at, Index: index}, t.value); err != nil {
			return err
		}
	} else {
		count, err := m.take(typeInt64, shape)
		if err != nil {
			return err
		}
		inner, _ := elements(shape[at+1:])
		order := make([]int, count)
		for i := range order {
			place := (i/(inner*len(index))*size+index[i/inner%len(index)])*inner + i%inner
			if t.order != nil {
				place = t.order[place]
			}
			order[i] = place
		}
		if err := m.alias(n, shape); err != nil {
			return err
		}
		m.tensors[n.outputs[0]].order = order
	}
	if len(c.shape) == 0 { // a number picks the axis away
		view := *m.tensors[n.outputs[0]]
		view.shape = slices.Delete(slices.Clone(shape), at, at+1)
		view.node, view.name = n.name+"_squeezed", n.outputs[0]+"_squeezed"
		m.tensors[n.outputs[0]] = &view
	}
	return nil
}

// importSplit takes a Slice per part.
func importSplit(m *importer, n *node) error {
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	shape := m.graph.Values[x].Shape
	at, err := n.axisOf(shape, 0)
	if err != nil {
		return err
	}
	sizes := n.ints("split")
	if m.opset >= 13 {
		c, err := m.constant(n, 1)
		if err != nil {
			return err
		}
		if c != nil {
			if sizes, err = c.integers(); err != nil {
				return err
			}
		}
	}
	if sizes == nil { // equal parts, the last perhaps smaller
		size := (shape[at] + len(n.outputs) - 1) / len(n.outputs)
		for left := shape[at]; left > 0; left -= size {
			sizes = append(sizes, int64(min(size, left)))
		}
	}
	if len(sizes) != len(n.outputs) {
		return fmt.Errorf("splits %d into %v for %d outputs", shape[at], sizes, len(n.outputs))
	}
	if len(sizes) == 1 && sizes[0] == int64(shape[at]) {
		return m.alias(n, shape)
	}
	start := 0
	for i, output := range n.outputs {
		if sizes[i] < 1 || sizes[i] > int64(shape[at]-start) {
			return fmt.Errorf("splits %d into %v", shape[at], sizes)
		}
		op := &graph.Slice{Start: make([]int, len(shape)), End: slices.Clone(shape), Step: make([]int, len(shape))}
		for d := range op.Step {
			op.Step[d] = 1
		}
		op.Start[at], op.End[at] = start, start+int(sizes[i])
		start = op.End[at]
		if output == "" {
			continue
		}
		name := n.name
		if i > 0 {
			name = m.names.unique(fmt.Sprintf("%s_%d", n.name, i))
		}
		value, err := m.append(name, op, output, x)
		if err != nil {
			return err
		}
		m.tensors[output] = &tensor{value: value, shape: m.graph.Values[value].Shape}
	}
	if start != shape[at] {
		return fmt.Errorf("splits %d into %v", shape[at], sizes)
	}
	return nil
}
