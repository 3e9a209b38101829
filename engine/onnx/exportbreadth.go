package onnx

import (
	"errors"

	"galen/hw/graph"
)

// activation writes an elementwise function. What files of the usual opset cannot say in one operator, but in a product
// that import knows, is written as that.
func (e *exporter) activation(name string, a graph.Activation, output string, inputs []string) {
	switch a.Function {
	case graph.Silu:
		gate := e.add(name+"_Sigmoid", "Sigmoid", e.tensor(output+"_gate", ""), inputs)
		e.add(name, "Mul", output, []string{inputs[0], gate})
		return
	case graph.HardSwish:
		gate := e.add(name+"_HardSigmoid", "HardSigmoid", e.tensor(output+"_gate", ""), inputs, floatAttribute("alpha", sixth), floatAttribute("beta", 0.5))
		e.add(name, "Mul", output, []string{inputs[0], gate})
		return
	}
	definition := a.Function.Definition()
	e.opset = max(e.opset, int64(definition.Opset))
	var attributes []attributeProto
	if definition.Alpha != 0 {
		attributes = append(attributes, floatAttribute("alpha", a.Alpha))
	}
	if definition.Beta != 0 {
		attributes = append(attributes, floatAttribute("beta", a.Beta))
	}
	e.add(name, a.Kind(), output, inputs, attributes...)
}

// average writes an AveragePool. Padding that never counts is what ceil_mode adds.
func (e *exporter) average(name string, op graph.AveragePool, output string, inputs []string, in graph.Shape) error {
	pad, counted, ceil := op.Pad, 0, 0
	if op.CountIncludePad {
		counted = 1
	}
	if op.CountIncludePad && op.Uncounted != [2]int{} {
		ceil = 1
		pad[2] -= op.Uncounted[0]
		pad[3] -= op.Uncounted[1]
	}
	attributes := []attributeProto{intAttribute("ceil_mode", ceil), intAttribute("count_include_pad", counted),
		intsAttribute("kernel_shape", op.Kernel[:]...), intsAttribute("pads", pad[:]...), intsAttribute("strides", op.Stride[:]...)}
	dilation := graph.Spread(op.Dilation)
	if dilation != [2]int{1, 1} {
		e.opset = max(e.opset, dilatedMeanOpset)
		attributes = append(attributes, intsAttribute("dilations", dilation[:]...))
	}
	if ceil != 0 {
		for d := range 2 {
			if size := in[1+d] + op.Pad[d] + pad[2+d] - dilation[d]*(op.Kernel[d]-1) - 1; op.Uncounted[d] != (op.Stride[d]-size%op.Stride[d])%op.Stride[d] {
				return errors.New("leaves padding uncounted that is not just what completes the last window; ONNX cannot say that")
			}
		}
	}
	e.add(name, "AveragePool", output, inputs, attributes...)
	return nil
}

// rearrange writes a Reshape or, where scalars change their order, a Gather over all of them between two.
func (e *exporter) rearrange(name string, op *graph.Rearrange, output string, inputs []string) {
	shape := append([]int{-1}, op.Shape...)
	if op.Order == nil {
		e.add(name, "Reshape", output, append(inputs, e.ints(name+".shape", shape)))
		return
	}
	in := e.add(name+"_flat", "Reshape", e.tensor(output+"_flat", ""), append(inputs, e.ints(name+".flat", []int{0, 1, -1})))
	picked := e.add(name+"_picked", "Gather", e.tensor(output+"_picked", ""), []string{in, e.ints(name+".order", op.Order)}, intAttribute("axis", 2))
	e.add(name, "Reshape", output, []string{picked, e.ints(name+".shape", shape)})
}
