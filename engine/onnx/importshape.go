package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"galen/hw/graph"
)

// anyBatch stands for the batch size where only its being more than 1 matters.
const anyBatch = 2

var errBatch = errors.New("changes the batch dimension")

func importIdentity(m *importer, n *node) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	return m.alias(n, t.shape)
}

func importDropout(m *importer, n *node) error {
	training, err := m.constant(n, 2)
	if err != nil {
		return err
	}
	if training != nil && slices.Contains(training.ints, 1) {
		return errors.New("is in training mode; export the model for inference")
	}
	return importIdentity(m, n)
}

func importCast(m *importer, n *node) error {
	if to := dataType(n.int("to", 0)); to != typeFloat {
		return fmt.Errorf("casts a computed tensor to %s; galen computes in float32", to)
	}
	return importIdentity(m, n)
}

// importShape makes a tensor's shape a constant whose batch dimension is marked.
func importShape(m *importer, n *node) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	c := vector(int64(m.batch))
	for _, d := range t.shape {
		c.ints = append(c.ints, int64(d))
	}
	c.shape[0] = len(c.ints)
	c.batch = make([]bool, len(c.ints))
	c.batch[0] = true
	c, err = n.shapeRange(c)
	m.constants[n.outputs[0]] = c
	return err
}

// reshape gives the node's input another shape: a Flatten where an image becomes a vector,
// another view of the same value otherwise.
func (m *importer) reshape(n *node, shape []int) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	if own := m.graph.Values[t.value].Shape; len(shape) == 1 && len(own) != 1 && t.order == nil {
		return m.emit(n, graph.Flatten{}, t.value)
	}
	return m.alias(n, shape)
}

func importReshape(m *importer, n *node) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	c, err := m.constant(n, 1)
	if err != nil {
		return err
	}
	if c == nil {
		c = vector(n.ints("shape")...)
	}
	if c.typ == typeFloat || len(c.ints) == 0 {
		return errors.New("has no shape of integers")
	}
	if slices.Contains(c.batch[min(1, len(c.batch)):], true) {
		return errBatch
	}
	lead, rest := c.ints[0], c.ints[1:]
	keepsBatch := lead == -1 || lead == 0 && n.int("allowzero", 0) == 0 || c.batch != nil && c.batch[0] || m.batch > 0 && lead == int64(m.batch)
	if !keepsBatch || lead == -1 && slices.Contains(rest, -1) {
		return fmt.Errorf("reshapes to %v, which %w", c.ints, errBatch)
	}
	count, err := elements(t.shape)
	if err != nil {
		return err
	}
	shape, err := resolveShape(t.shape, count, rest, n.int("allowzero", 0) != 0)
	if err != nil {
		return err
	}
	return m.reshape(n, shape)
}

func importFlatten(m *importer, n *node) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	at, err := axis(n.int("axis", 1), len(t.shape)+2)
	if err != nil {
		return err
	}
	if at == 0 {
		return errBatch
	}
	if rows, _ := elements(t.shape[:at-1]); rows != 1 {
		return errBatch
	}
	count, err := elements(t.shape)
	if err != nil {
		return err
	}
	return m.reshape(n, []int{count})
}

func importSqueeze(m *importer, n *node) error {
	return m.changeAxes(n, func(shape []int, list []int64) ([]int, error) {
		if list == nil && m.batch == 1 {
			return nil, errBatch
		}
		return squeezed(shape, list)
	})
}

func importUnsqueeze(m *importer, n *node) error { return m.changeAxes(n, unsqueezed) }

// changeAxes reshapes by a function of the full shape, batch first, and the listed axes.
func (m *importer) changeAxes(n *node, change func([]int, []int64) ([]int, error)) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	c, err := m.constant(n, 1)
	if err != nil {
		return err
	}
	list, err := n.axesOf(c)
	if err != nil {
		return err
	}
	shape, err := change(append([]int{anyBatch}, t.shape...), list)
	if err != nil {
		return err
	}
	if len(shape) == 0 || shape[0] != anyBatch {
		return errBatch
	}
	return m.reshape(n, shape[1:])
}

func importSlice(m *importer, n *node) error {
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	in := make([]*constant, len(n.inputs))
	for i := 1; i < len(in); i++ {
		if in[i], err = m.constant(n, i); err != nil {
			return err
		}
	}
	shape := m.graph.Values[x].Shape
	ranges, err := n.sliceRanges(m.opset, in, len(shape)+1)
	if err != nil {
		return err
	}
	if n.last {
		last := slices.Clone(ranges)
		for i, from := range toFirst {
			ranges[i] = last[from]
		}
	}
	if r := ranges[0]; r != nil && (r.start != 0 || r.step != 1 || r.end < math.MaxInt32 && (m.batch == 0 || r.end < int64(m.batch))) {
		return errBatch
	}
	op := &graph.Slice{Start: make([]int, len(shape)), End: slices.Clone(shape), Step: make([]int, len(shape))}
	whole := true
	for d := range shape {
		op.Step[d] = 1
		r := ranges[d+1]
		if r == nil {
			continue
		}
		start, count := r.over(shape[d])
		if count == 0 || count > 1 && r.step < 0 {
			return fmt.Errorf("takes %d:%d:%d of dimension %d; galen takes steps forward, at least one", r.start, r.end, r.step, d+1)
		}
		op.Start[d], op.End[d] = start, start+1
		if count > 1 {
			op.Step[d] = int(r.step)
			op.End[d] = start + (count-1)*op.Step[d] + 1
		}
		whole = whole && count == shape[d]
	}
	if whole {
		return m.alias(n, shape)
	}
	return m.emit(n, op, x)
}

func importPad(m *importer, n *node) error {
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	mode := n.string("mode", "constant")
	shape := m.graph.Values[x].Shape
	op := &graph.Pad{Before: make([]int, len(shape)), After: make([]int, len(shape)), Value: n.float("value", 0)}
	pads, axesGiven := n.ints("pads"), []int64(nil)
	if m.opset >= 11 {
		lists := [4][]int64{}
		for _, i := range []int{1, 3} {
			if c, err := m.constant(n, i); err != nil {
				return err
			} else if c != nil {
				if lists[i], err = c.integers(); err != nil {
					return fmt.Errorf("input %d %w", i, err)
				}
			}
		}
		pads, axesGiven = lists[1], lists[3]
		if value, err := m.floats(n, 2); err != nil {
			return err
		} else if len(value) == 1 {
			op.Value = value[0]
		}
	}
	if axesGiven == nil {
		for i := range len(shape) + 1 {
			axesGiven = append(axesGiven, int64(i))
		}
	}
	if _, err := axes(axesGiven, len(shape)+1); err != nil {
		return err
	}
	if n.last {
		if axesGiven, err = axesFirst(axesGiven); err != nil {
			return err
		}
	}
	if len(pads) != 2*len(axesGiven) {
		return fmt.Errorf("pads are %v for %d dimensions", pads, len(axesGiven))
	}
	if !slices.ContainsFunc(pads, func(p int64) bool { return p != 0 }) {
		return m.alias(n, shape)
	}
	for i, a := range axesGiven {
		before, after := pads[i], pads[len(axesGiven)+i]
		if min(before, after) < 0 || max(before, after) > maxWindow {
			return fmt.Errorf("pads by %d and %d; galen takes 0 to %d", before, after, maxWindow)
		}
		d, _ := axis(a, len(shape)+1)
		if d > 0 {
			op.Before[d-1], op.After[d-1] = int(before), int(after)
		} else if before+after > 0 {
			return errBatch
		}
	}
	if mode != "constant" {
		return m.padByPixels(n, op, x, mode)
	}
	return m.emit(n, op, x)
}

func importConcat(m *importer, n *node) error {
	inputs := make([]graph.ValueID, len(n.inputs))
	for i := range inputs {
		var err error
		if inputs[i], err = m.value(n, i); err != nil {
			return err
		}
	}
	at, err := n.axisOf(m.graph.Values[inputs[0]].Shape, 1)
	if err != nil {
		return err
	}
	return m.emit(n, graph.Concat{Axis: at}, inputs...)
}
