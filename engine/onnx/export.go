package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"galen/hw/graph"
)

// Versions that export writes: the lowest that have per-channel DequantizeLinear, and, for the graphs that need
// it, dilated AveragePool.
const (
	exportOpset      = 13
	dilatedMeanOpset = 19
	exportIRVersion  = 8
)

// exporter writes a graph's nodes in order, with the initializers they need.
type exporter struct {
	graph    *graph.Graph
	file     *graphProto
	metadata []Property
	opset    int64
	taken    names // of tensors
	nodes    names
	tables   map[string]string // of the numbers packed into bytes: their names in the file
	// reads is the name that readers of each value read: behind its DequantizeLinear, if it is quantized.
	reads []string
}

func exportModel(g *graph.Graph) (*modelProto, error) {
	if len(g.Nodes) == 0 {
		return nil, errors.New("the graph has no nodes")
	}
	if err := g.Validate(); err != nil {
		return nil, err
	}
	e := &exporter{graph: g, opset: exportOpset, taken: names{}, nodes: names{}, tables: map[string]string{}, reads: make([]string, len(g.Values))}
	input, output := &g.Values[g.Input], &g.Values[g.Output]
	e.file = &graphProto{
		name:    g.Name,
		inputs:  []valueInfo{info(e.tensor(input.Name, "input"), input.Shape)},
		outputs: []valueInfo{info(e.tensor(output.Name, "output"), output.Shape)},
	}
	if e.file.name == "" {
		e.file.name = "galen"
	}
	e.reads[g.Input] = e.file.inputs[0].name
	if input.Quant != nil {
		e.reads[g.Input] = e.quantized(e.reads[g.Input], input.Name, "", *input.Quant, 0, input.Quant.Max())
	}
	for i := range g.Nodes {
		if err := e.node(&g.Nodes[i]); err != nil {
			return nil, fmt.Errorf("%s node %q: %w", g.Nodes[i].Op.Kind(), g.Nodes[i].Name, err)
		}
	}
	return &modelProto{
		irVersion: exportIRVersion,
		producer:  "galen",
		opsets:    []opsetID{{version: e.opset}},
		graph:     e.file,
		metadata:  e.metadata,
	}, nil
}

// info declares a float tensor with a symbolic batch dimension N.
func info(name string, shape graph.Shape) valueInfo {
	v := valueInfo{name: name, typ: typeFloat, known: true, dims: []dimension{{param: "N"}}}
	for _, d := range shape {
		v.dims = append(v.dims, dimension{size: int64(d)})
	}
	return v
}

// tensor takes a free tensor name like the wanted one.
func (e *exporter) tensor(want, otherwise string) string {
	if want == "" {
		want = otherwise
	}
	return e.taken.unique(want)
}

// add writes a node with one output.
func (e *exporter) add(name, op, output string, inputs []string, attributes ...attributeProto) string {
	e.file.nodes = append(e.file.nodes, nodeProto{
		name: e.nodes.unique(name), op: op, inputs: inputs, outputs: []string{output}, attributes: attributes,
	})
	return output
}

// node writes one operator and, if its output is quantized, the pair behind it.
func (e *exporter) node(n *graph.Node) error {
	name := n.Name
	if name == "" {
		name = fmt.Sprintf("%s_%d", n.Op.Kind(), len(e.file.nodes))
	}
	value := &e.graph.Values[n.Output]
	isOutput := n.Output == e.graph.Output
	inputs := make([]string, len(n.Inputs))
	for i, id := range n.Inputs {
		if inputs[i] = e.reads[id]; inputs[i] == "" {
			return fmt.Errorf("reads value %q before it is computed", e.graph.Values[id].Name)
		}
	}
	result := "" // the name readers will use, where it is settled already
	if isOutput {
		result = e.file.outputs[0].name
	}
	if _, ok := n.Op.(graph.Quantize); ok && value.Quant != nil {
		if result == "" {
			result = e.tensor(value.Name, name)
		}
		e.reads[n.Output] = e.quantizedAs(inputs[0], value.Name, result, name, *value.Quant, 0, value.Quant.Max())
		return nil
	}
	raw := result
	switch {
	case raw == "":
		raw = e.tensor(value.Name, name)
	case value.Quant != nil:
		raw = e.tensor(value.Name+"_real", "")
	}
	if value.Quant == nil {
		e.reads[n.Output] = raw
		return e.operator(name, n, n.Op, raw, inputs)
	}
	op, low, high := integerLimits(n.Op, *value.Quant)
	if err := e.operator(name, n, op, raw, inputs); err != nil {
		return err
	}
	e.reads[n.Output] = e.quantized(raw, value.Name, result, *value.Quant, low, high)
	return nil
}

// operator writes a node's operator, its weights and its constants.
func (e *exporter) operator(name string, n *graph.Node, op graph.Op, output string, inputs []string) error {
	switch op := op.(type) {
	case *graph.Conv:
		inputs = append(inputs, e.layer(name, n)...)
		e.add(name, "Conv", output, inputs, intsAttribute("dilations", op.Dilation[:]...), intAttribute("group", op.Groups),
			intsAttribute("kernel_shape", op.Kernel[:]...), intsAttribute("pads", op.Pad[:]...), intsAttribute("strides", op.Stride[:]...))
	case *graph.Gemm:
		inputs = append(inputs, e.layer(name, n)...)
		e.add(name, "Gemm", output, inputs, intAttribute("transB", 1))
	case *graph.BatchNorm:
		for _, p := range []struct {
			name   string
			values []float32
		}{{"scale", op.Scale}, {"shift", op.Shift}, {"mean", op.Mean}, {"variance", op.Variance}} {
			inputs = append(inputs, e.floats(name+"."+p.name, p.values, len(p.values)))
		}
		e.add(name, "BatchNormalization", output, inputs, floatAttribute("epsilon", op.Epsilon))
	case graph.Relu, graph.Add, graph.Binary, graph.GlobalAveragePool:
		e.add(name, op.Kind(), output, inputs)
	case graph.Softmax:
		e.add(name, op.Kind(), output, inputs, intAttribute("axis", op.Axis+1))
	case graph.Activation:
		e.activation(name, op, output, inputs)
	case *graph.PRelu:
		slope := make([]int, len(e.graph.Values[n.Output].Shape))
		for d := range slope {
			slope[d] = 1
		}
		slope[0] = len(op.Slope)
		e.add(name, "PRelu", output, append(inputs, e.floats(name+".slope", op.Slope, slope...)))
	case graph.LRN:
		e.add(name, "LRN", output, inputs, intAttribute("size", op.Size), floatAttribute("alpha", op.Alpha),
			floatAttribute("beta", op.Beta), floatAttribute("bias", op.Bias))
	case *graph.Gather:
		e.add(name, "Gather", output, append(inputs, e.ints(name+".index", op.Index)), intAttribute("axis", op.Axis+1))
	case *graph.Rearrange:
		e.rearrange(name, op, output, inputs)
	case graph.Flatten:
		e.add(name, "Flatten", output, inputs, intAttribute("axis", 1))
	case graph.Quantize:
		e.add(name, "Identity", output, inputs)
	case graph.Concat:
		e.add(name, "Concat", output, inputs, intAttribute("axis", op.Axis+1))
	case graph.Clip:
		low, high := "", ""
		if !math.IsInf(float64(op.Min), -1) {
			low = e.floats(name+".min", []float32{op.Min})
		}
		if !math.IsInf(float64(op.Max), 1) {
			high = e.floats(name+".max", []float32{op.Max})
		}
		e.add(name, "Clip", output, append(inputs, low, high))
	case graph.MaxPool:
		dilation := graph.Spread(op.Dilation)
		e.add(name, "MaxPool", output, inputs, intsAttribute("dilations", dilation[:]...), intsAttribute("kernel_shape", op.Kernel[:]...),
			intsAttribute("pads", op.Pad[:]...), intsAttribute("strides", op.Stride[:]...))
	case graph.AveragePool:
		return e.average(name, op, output, inputs, e.graph.Values[n.Inputs[0]].Shape)
	case *graph.Slice:
		var axes []int
		for d := range op.Start {
			axes = append(axes, d+1)
		}
		for _, p := range []struct {
			name string
			list []int
		}{{"starts", op.Start}, {"ends", op.End}, {"axes", axes}, {"steps", op.Step}} {
			inputs = append(inputs, e.ints(name+"."+p.name, p.list))
		}
		e.add(name, "Slice", output, inputs)
	case *graph.Pad:
		pads := append([]int{0}, op.Before...)
		pads = append(append(pads, 0), op.After...)
		e.add(name, "Pad", output, append(inputs, e.ints(name+".pads", pads), e.floats(name+".value", []float32{op.Value})))
	default:
		return errors.New("ONNX has no such operator")
	}
	return nil
}

func floatAttribute(name string, v float32) attributeProto {
	return attributeProto{name: name, typ: attributeFloat, f: v}
}

func intAttribute(name string, v int) attributeProto {
	return attributeProto{name: name, typ: attributeInt, i: int64(v)}
}

func intsAttribute(name string, list ...int) attributeProto {
	a := attributeProto{name: name, typ: attributeInts}
	for _, v := range list {
		a.ints = append(a.ints, int64(v))
	}
	return a
}

// floats, ints, bytes and accumulators add an initializer and give its name; a scalar without a shape.
func (e *exporter) floats(name string, list []float32, shape ...int) string {
	raw := make([]byte, 0, 4*len(list))
	for _, v := range list {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return e.initializer(name, typeFloat, raw, shape)
}

func (e *exporter) ints(name string, list []int) string {
	var raw []byte
	for _, v := range list {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return e.initializer(name, typeInt64, raw, []int{len(list)})
}

func (e *exporter) accumulators(name string, list []int32) string {
	raw := make([]byte, 0, 4*len(list))
	for _, v := range list {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(v))
	}
	return e.initializer(name, typeInt32, raw, []int{len(list)})
}

func (e *exporter) levels(name string, list []int8, shape ...int) string {
	raw := make([]byte, len(list))
	for i, v := range list {
		raw[i] = byte(v)
	}
	return e.initializer(name, typeInt8, raw, shape)
}

func (e *exporter) byte(name string, v uint8) string {
	return e.initializer(name, typeUint8, []byte{v}, nil)
}

func (e *exporter) initializer(name string, typ dataType, raw []byte, shape []int) string {
	t := tensorProto{name: e.taken.unique(name), typ: typ, raw: raw}
	for _, d := range shape {
		t.dims = append(t.dims, int64(d))
	}
	e.file.initializers = append(e.file.initializers, t)
	return t.name
}
