package onnx

import (
	"errors"
	"fmt"

	"galen/hw/graph"
)

func importGemm(m *importer, n *node) error {
	if n.int("transA", 0) != 0 {
		return errors.New("transA would mix the images of a batch")
	}
	c, err := m.constant(n, 1)
	if err != nil {
		return err
	}
	if c == nil || len(c.shape) != 2 {
		return errors.New("input B is not a 2-D constant")
	}
	weight, err := m.layerWeight(c, n.int("transB", 0) == 0)
	if err != nil {
		return err
	}
	if weight, err = m.scaled(weight, float64(n.float("alpha", 1))); err != nil {
		return err
	}
	bias, err := m.gemmBias(n, weight.Shape[0])
	if err != nil {
		return err
	}
	return m.dense(n, weight, bias)
}

// gemmBias is beta·C per output, nil if there is none.
func (m *importer) gemmBias(n *node, outputs int) ([]float32, error) {
	c, err := m.constant(n, 2)
	if c == nil || err != nil {
		return nil, err
	}
	beta := n.float("beta", 1)
	if beta == 0 {
		return nil, nil
	}
	if len(c.shape) > 2 || len(c.shape) == 2 && c.shape[0] != 1 || c.typ != typeFloat || c.len() != outputs && c.len() != 1 {
		return nil, fmt.Errorf("input C is %s %v, wants one number per output", c.typ, c.shape)
	}
	if _, err := m.take(typeFloat, []int{outputs}); err != nil {
		return nil, err
	}
	bias := make([]float32, outputs)
	for i := range bias {
		bias[i] = beta * c.floats[min(i, c.len()-1)]
	}
	return bias, nil
}

func importMatMul(m *importer, n *node) error {
	c, err := m.constant(n, 1)
	if err != nil {
		return err
	}
	if c == nil || len(c.shape) != 2 {
		return errors.New("its second input is not a 2-D constant")
	}
	weight, err := m.layerWeight(c, true)
	if err != nil {
		return err
	}
	return m.dense(n, weight, nil)
}

// dense adds a fully connected layer on the node's first input. What that reorders of an image, as networks from
// TensorFlow do before they flatten one, the layer's weights are reordered for: then its features are those of the
// image's channels, one after the other, and can be pruned with them.
func (m *importer) dense(n *node, weight graph.Weight, bias []float32) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	own := m.graph.Values[t.value].Shape
	if len(t.shape) == 1 && len(t.order) == weight.Channel() {
		if _, err := m.take(typeFloat, weight.Shape); err != nil {
			return err
		}
		if permutes(t.order, own.Elements()) {
			return m.reorderedDense(n, weight, bias, t)
		}
	}
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	return m.emit(n, &graph.Gemm{Weight: weight, Bias: bias}, x)
}

func (m *importer) reorderedDense(n *node, weight graph.Weight, bias []float32, t *tensor) error {
	if weight.Quantized() {
		weight.Int = reordered(weight.Int, t.order)
	} else {
		weight.Float = reordered(weight.Float, t.order)
	}
	x := t.value
	if len(m.graph.Values[x].Shape) != 1 {
		name := m.names.unique(n.name + "_flat")
		var err error
		if x, err = m.append(name, graph.Flatten{}, name, x); err != nil {
			return err
		}
	}
	return m.emit(n, &graph.Gemm{Weight: weight, Bias: bias}, x)
}

// permutes tells whether an order names each of n places once.
func permutes(order []int, n int) bool {
	if len(order) != n {
		return false
	}
	seen := make([]bool, n)
	for _, place := range order {
		if seen[place] {
			return false
		}
		seen[place] = true
	}
	return true
}

// reordered gives each row of a matrix in another order: its column i comes at place order[i].
func reordered[T any](rows []T, order []int) []T {
	moved := make([]T, len(rows))
	for start := 0; start < len(rows); start += len(order) {
		for i, place := range order {
			moved[start+place] = rows[start+i]
		}
	}
	return moved
}
