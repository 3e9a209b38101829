package onnx

import (
	"fmt"
	"slices"

	"galen/hw/graph"
)

// functions are the activations by operator, with what their attributes are when absent.
var functions = func() map[string]graph.Activation {
	all := map[string]graph.Activation{}
	for _, f := range graph.Functions() {
		if d := f.Definition(); d.Opset > 0 {
			all[d.Name] = graph.Activation{Function: f, Alpha: d.Alpha, Beta: d.Beta}
		}
	}
	return all
}()

// sixth is HardSwish's slope as files have it.
const sixth = float32(1) / 6

func importActivation(m *importer, n *node) error {
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	op := functions[n.op]
	if op.Alpha != 0 {
		op.Alpha = n.float("alpha", op.Alpha)
	}
	if op.Beta != 0 {
		op.Beta = n.float("beta", op.Beta)
	}
	return m.emit(n, op, x)
}

// importPRelu takes one slope, or one per channel.
func importPRelu(m *importer, n *node) error {
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	c, err := m.constant(n, 1)
	if err != nil {
		return err
	}
	if c == nil {
		return fmt.Errorf("lacks its slope")
	}
	shape := m.graph.Values[x].Shape
	if m.opset < 7 && len(c.shape) == 1 { // along the channels, not the last axis
		c = c.reshaped(append(slices.Clone(c.shape), make([]int, len(shape)-1)...))
		for i := 1; i < len(c.shape); i++ {
			c.shape[i] = 1
		}
	}
	slopes, err := m.perChannel(n, c, shape)
	if err != nil {
		return err
	}
	if len(c.floats) == 1 {
		return m.emit(n, graph.Activation{Function: graph.LeakyRelu, Alpha: c.floats[0]}, x)
	}
	op := &graph.PRelu{Slope: make([]float32, len(slopes))}
	for i, s := range slopes {
		op.Slope[i] = float32(s)
	}
	return m.emit(n, op, x)
}

// operators are what Binary computes, by operator.
var operators = map[string]graph.Operator{"Add": graph.Plus, "Sub": graph.Minus, "Mul": graph.Times, "Div": graph.Over}

// importArithmetic takes Add, Sub, Mul and Div of two computed tensors, or of one and a constant per channel.
func importArithmetic(m *importer, n *node) error {
	if len(n.inputs) != 2 || m.tensors[n.inputs[0]] == nil || m.tensors[n.inputs[1]] == nil {
		return importAffine(m, n)
	}
	a, err := m.value(n, 0)
	if err != nil {
		return err
	}
	b, err := m.value(n, 1)
	if err != nil {
		return err
	}
	same := slices.Equal(m.graph.Values[a].Shape, m.graph.Values[b].Shape)
	if n.op == "Add" && same {
		return m.emit(n, graph.Add{}, a, b)
	}
	if m.opset < 7 && !same {
		return fmt.Errorf("broadcasts %v with %v as before opset 7", m.graph.Values[a].Shape, m.graph.Values[b].Shape)
	}
	if n.op == "Mul" {
		for _, pair := range [][2]graph.ValueID{{a, b}, {b, a}} {
			if f := m.gated(pair[0], pair[1]); f != 0 {
				return m.emit(n, graph.Activation{Function: f}, pair[0])
			}
		}
	}
	return m.emit(n, graph.Binary{Operator: operators[n.op]}, a, b)
}

// gated finds the function that multiplying x with gate is, where gate is a function of x that makes it one; 0 if it
// is none. PyTorch writes Mish so below opset 18.
func (m *importer) gated(x, gate graph.ValueID) graph.Function {
	f, of := m.activated(gate)
	switch {
	case of == x && f == graph.Activation{Function: graph.Sigmoid}:
		return graph.Silu
	case of == x && f == graph.Activation{Function: graph.HardSigmoid, Alpha: sixth, Beta: 0.5}:
		return graph.HardSwish
	case f.Function == graph.Tanh:
		if f, of = m.activated(of); of == x && f.Function == graph.Softplus {
			return graph.Mish
		}
	}
	return 0
}

// activated is the activation that computes a value, and of which other; −1 if none does.
func (m *importer) activated(id graph.ValueID) (f graph.Activation, of graph.ValueID) {
	producer := m.graph.Producer(id)
	if producer < 0 || m.graph.Values[id].Quant != nil {
		return f, -1
	}
	n := &m.graph.Nodes[producer]
	f, ok := n.Op.(graph.Activation)
	if !ok {
		return f, -1
	}
	return f, n.Inputs[0]
}

func importLRN(m *importer, n *node) error {
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	size := n.int("size", 0)
	op := graph.LRN{Size: int(min(size, maxWindow)), Alpha: n.float("alpha", 1e-4), Beta: n.float("beta", 0.75), Bias: n.float("bias", 1)}
	if size < 1 || size > maxWindow || op.Alpha < 0 || !(op.Bias > 0) {
		return fmt.Errorf("has size %d, alpha %g and bias %g", size, op.Alpha, op.Bias)
	}
	return m.emit(n, op, x)
}

// importSoftmax takes Softmax and LogSoftmax. Before opset 13 they normalize over their axis and all behind it together.
func importSoftmax(m *importer, n *node) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	absent := int64(-1)
	if m.opset < 13 {
		absent = 1
	}
	at, err := axis(n.int("axis", absent), len(t.shape)+1)
	if err != nil {
		return err
	}
	if at == 0 {
		return errBatch
	}
	op := graph.Softmax{Axis: at - 1, Log: n.op == "LogSoftmax"}
	count, err := elements(t.shape)
	if err != nil {
		return err
	}
	over := t.shape[at-1]
	if m.opset < 13 {
		behind, _ := elements(t.shape[at-1:])
		if behind != over && behind != count {
			return fmt.Errorf("normalizes over several axes of %v at once", t.shape)
		}
		over = behind
	}
	if over != count || len(t.shape) == 1 {
		x, err := m.value(n, 0)
		if err != nil {
			return err
		}
		return m.emit(n, op, x)
	}
	// All numbers together are a vector.
	op.Axis = 0
	view := *t
	view.shape = []int{count}
	view.node, view.name = m.names.unique(n.name+"_flat"), m.names.unique(n.outputs[0]+"_flat")
	if err := m.materialize(&view); err != nil {
		return err
	}
	if err := m.emit(n, op, view.value); err != nil {
		return err
	}
	view = *m.tensors[n.outputs[0]]
	view.shape, view.node, view.name = t.shape, n.name+"_shaped", n.outputs[0]+"_shaped"
	m.tensors[n.outputs[0]] = &view
	return nil
}
