package onnx

import (
	"errors"
	"fmt"
	"math"

	"galen/hw/graph"
)

func importRelu(m *importer, n *node) error {
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	return m.emit(n, graph.Relu{}, x)
}

func importClip(m *importer, n *node) error {
	if t, err := m.tensor(n, 0); err == nil && t.stored != nil {
		return m.clipStored(n, t)
	}
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	op := graph.Clip{Min: n.float("min", float32(math.Inf(-1))), Max: n.float("max", float32(math.Inf(1)))}
	if m.opset >= 11 {
		for i, bound := range []*float32{&op.Min, &op.Max} {
			c, err := m.floats(n, i+1)
			if err != nil {
				return err
			}
			if len(c) > 1 {
				return fmt.Errorf("input %d has %d elements, wants 1", i+1, len(c))
			}
			if len(c) == 1 {
				*bound = c[0]
			}
		}
	}
	if !(op.Min <= op.Max) {
		return fmt.Errorf("clips to [%g, %g]", op.Min, op.Max)
	}
	return m.emit(n, op, x)
}

func importAdd(m *importer, n *node) error {
	if len(n.inputs) == 2 && m.tensors[n.inputs[0]] != nil && m.tensors[n.inputs[1]] != nil {
		return importSum(m, n)
	}
	return importAffine(m, n)
}

// importSum adds its inputs one after the other.
func importSum(m *importer, n *node) error {
	sum, err := m.value(n, 0)
	if err != nil {
		return err
	}
	if len(n.inputs) == 1 {
		return importIdentity(m, n)
	}
	for i := 1; i < len(n.inputs)-1; i++ {
		x, err := m.value(n, i)
		if err != nil {
			return err
		}
		name := m.names.unique(fmt.Sprintf("%s_partial", n.outputs[0]))
		if sum, err = m.append(name, graph.Add{}, name, sum, x); err != nil {
			return err
		}
	}
	x, err := m.value(n, len(n.inputs)-1)
	if err != nil {
		return err
	}
	return m.emit(n, graph.Add{}, sum, x)
}

// pooling reads the geometry of a pooling node. With ceil_mode, a last window that reaches over the
// padded edge becomes padding behind the image; before is the padding without that.
func (m *importer) pooling(n *node) (x graph.ValueID, w window, before [4]int, err error) {
	if x, err = m.value(n, 0); err != nil {
		return x, w, before, err
	}
	in := m.graph.Values[x].Shape
	if w, err = n.window(in, [2]int{}); err != nil {
		return x, w, before, err
	}
	if w.dilation != [2]int{1, 1} {
		return x, w, before, fmt.Errorf("has dilations %v; galen pools without", w.dilation)
	}
	before = w.pad
	if n.int("ceil_mode", 0) != 0 {
		for d := range 2 {
			size := w.pad[d] + in[1+d] + w.pad[2+d]
			out := (size-w.kernel[d]+w.stride[d]-1)/w.stride[d] + 1
			if (out-1)*w.stride[d] >= w.pad[d]+in[1+d] { // it would start in the padding
				out--
			}
			w.pad[2+d] += max(0, (out-1)*w.stride[d]+w.kernel[d]-size)
		}
	}
	return x, w, before, nil
}

func importMaxPool(m *importer, n *node) error {
	x, w, _, err := m.pooling(n)
	if err != nil {
		return err
	}
	return m.emit(n, graph.MaxPool{Kernel: w.kernel, Stride: w.stride, Pad: w.pad}, x)
}

func importAveragePool(m *importer, n *node) error {
	x, w, before, err := m.pooling(n)
	if err != nil {
		return err
	}
	counted := n.int("count_include_pad", 0) != 0 && before != [4]int{}
	if counted && w.pad != before {
		return errors.New("counts padding but not what ceil_mode adds to it; galen counts both or none")
	}
	return m.emit(n, graph.AveragePool{Kernel: w.kernel, Stride: w.stride, Pad: w.pad, CountIncludePad: counted}, x)
}

func importGlobalAveragePool(m *importer, n *node) error {
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	return m.emit(n, graph.GlobalAveragePool{}, x)
}

func importGlobalMaxPool(m *importer, n *node) error {
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	shape := m.graph.Values[x].Shape
	if len(shape) != 3 {
		return fmt.Errorf("input is %v per image; galen takes 2-D images", shape)
	}
	return m.emit(n, graph.MaxPool{Kernel: [2]int{shape[1], shape[2]}, Stride: [2]int{1, 1}}, x)
}

// importReduceMean takes the mean over height and width.
func importReduceMean(m *importer, n *node) error {
	x, err := m.value(n, 0)
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
	shape := m.graph.Values[x].Shape
	set, err := axes(list, len(shape)+1)
	if err != nil {
		return err
	}
	if len(set) != 4 || set[0] || set[1] || !set[2] || !set[3] {
		return fmt.Errorf("averages over axes %v; galen averages over height and width together", list)
	}
	if n.int("keepdims", 1) != 0 {
		return m.emit(n, graph.GlobalAveragePool{}, x)
	}
	name := m.names.unique(n.outputs[0] + "_pooled")
	pooled, err := m.append(name, graph.GlobalAveragePool{}, name, x)
	if err != nil {
		return err
	}
	return m.emit(n, graph.Flatten{}, pooled)
}
