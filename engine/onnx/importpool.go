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
// padded edge becomes padding behind the image; added is how much of that there is.
func (m *importer) pooling(n *node) (x graph.ValueID, w window, added [2]int, err error) {
	if x, err = m.value(n, 0); err != nil {
		return x, w, added, err
	}
	in := m.graph.Values[x].Shape
	if w, err = n.window(in, [2]int{}); err != nil {
		return x, w, added, err
	}
	if n.int("ceil_mode", 0) != 0 {
		for d := range 2 {
			size, span := w.pad[d]+in[1+d]+w.pad[2+d], w.dilation[d]*(w.kernel[d]-1)+1
			out := (size-span+w.stride[d]-1)/w.stride[d] + 1
			if (out-1)*w.stride[d] >= w.pad[d]+in[1+d] { // it would start in the padding
				out--
			}
			added[d] = max(0, (out-1)*w.stride[d]+span-size)
			w.pad[2+d] += added[d]
		}
	}
	if w.dilation == [2]int{1, 1} {
		w.dilation = [2]int{}
	}
	return x, w, added, nil
}

func importMaxPool(m *importer, n *node) error {
	x, w, _, err := m.pooling(n)
	if err != nil {
		return err
	}
	return m.emit(n, graph.MaxPool{Kernel: w.kernel, Stride: w.stride, Dilation: w.dilation, Pad: w.pad}, x)
}

func importAveragePool(m *importer, n *node) error {
	x, w, added, err := m.pooling(n)
	if err != nil {
		return err
	}
	op := graph.AveragePool{Kernel: w.kernel, Stride: w.stride, Dilation: w.dilation, Pad: w.pad}
	padded := w.pad != [4]int{0, 0, added[0], added[1]}
	if n.int("count_include_pad", 0) != 0 && padded {
		op.CountIncludePad, op.Uncounted = true, added
	}
	return m.emit(n, op, x)
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

// importReduce takes the mean, the sum or the largest over height, width or both.
func importReduce(m *importer, n *node) error {
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
	if n.last {
		if list, err = axesFirst(list); err != nil {
			return err
		}
	}
	shape := m.graph.Values[x].Shape
	set, err := axes(list, len(shape)+1)
	if err != nil {
		return err
	}
	if len(set) != 4 || set[0] || set[1] || !set[2] && !set[3] {
		return fmt.Errorf("reduces axes %v of %v; galen reduces height and width", list, shape)
	}
	var op graph.Op = graph.GlobalAveragePool{}
	kernel := [2]int{1, 1}
	for d := range kernel {
		if set[2+d] {
			kernel[d] = shape[1+d]
		}
	}
	switch {
	case n.op == "ReduceMax":
		op = graph.MaxPool{Kernel: kernel, Stride: [2]int{1, 1}}
	case !set[2] || !set[3]:
		op = graph.AveragePool{Kernel: kernel, Stride: [2]int{1, 1}}
	}
	if n.op == "ReduceSum" {
		mean := m.names.unique(n.outputs[0] + "_mean")
		if x, err = m.append(mean, op, mean, x); err != nil {
			return err
		}
		if _, err := m.take(typeFloat, []int{affineCost, shape[0]}); err != nil {
			return err
		}
		factors := make([]float64, shape[0])
		for c := range factors {
			factors[c] = float64(shape.Elements() / m.graph.Values[x].Shape.Elements())
		}
		op = normOf(factors, make([]float64, shape[0]))
	}
	if n.int("keepdims", 1) != 0 {
		return m.emit(n, op, x)
	}
	name := m.names.unique(n.outputs[0] + "_reduced")
	reduced, err := m.append(name, op, name, x)
	if err != nil {
		return err
	}
	if set[2] && set[3] {
		return m.emit(n, graph.Flatten{}, reduced)
	}
	if n.last {
		return errors.New("reduces one axis of images whose channels are last; galen reduces height and width")
	}
	left := shape[:2] // of channels and width, or of channels and height
	if set[2] {
		left = graph.Shape{shape[0], shape[2]}
	}
	m.tensors[n.outputs[0]] = &tensor{value: reduced, shape: left, node: n.name, name: n.outputs[0]}
	return nil
}
