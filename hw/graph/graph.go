// Package graph is galen's in-memory form of a network: typed operators over
// values, in topological order. Importing, compressing, running, training and
// exporting all work on it.
//
// Shapes leave the batch dimension out: a Conv value is [channels, height,
// width], a Gemm value [features]. Every operator applies to each image on
// its own.
//
// # Quantization
//
// A value whose Quant is set is stored as integers q with
// real = Scale·(q−Zero). Each operator is defined on real numbers: it reads the
// reals its inputs stand for, and if its output value has a Quant, the real
// result is rounded (half to even) and saturated to it. This is the meaning of
// QuantizeLinear/DequantizeLinear pairs in ONNX, one pair per quantized value, so a
// graph, the plan the runtime compiles from it and the file that is exported say
// the same thing. A layer with quantized weights multiplies integers exactly and
// accumulates in 32 bits; its bias is rounded to the accumulator's scale
// (see QuantizeBias).
package graph

import (
	"fmt"
	"slices"
)

// ValueID indexes Graph.Values.
type ValueID int

// Value is a tensor that flows between operators.
type Value struct {
	Name  string
	Shape Shape
	Quant *Quant // nil: float32
}

// Quant says how a value's real numbers are stored as unsigned integers:
// real = Scale·(q−Zero), q in [0, 2^Bits−1].
type Quant struct {
	Scale float32
	Zero  uint8
	Bits  int // 1–8
}

// Max is the largest integer the quantization can hold.
func (q Quant) Max() int { return 1<<q.Bits - 1 }

// Shape is a tensor's extent per image, batch left out.
type Shape []int

// Elements is the number of scalars per image.
func (s Shape) Elements() int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// Node is one operator application.
type Node struct {
	Name   string // as in the source file; layers are known to people by it
	Op     Op
	Inputs []ValueID
	Output ValueID
}

// Graph is a network: nodes in topological order, one input, one output.
type Graph struct {
	Name   string
	Values []Value
	Nodes  []Node
	Input  ValueID
	Output ValueID
}

// NewGraph returns a graph with an input value and no nodes.
func NewGraph(name, input string, shape Shape) *Graph {
	return &Graph{Name: name, Values: []Value{{Name: input, Shape: shape}}}
}

// Append adds a node whose output is a new value, infers the output's shape and
// makes it the graph's output.
func (g *Graph) Append(name string, op Op, output string, inputs ...ValueID) (ValueID, error) {
	shapes := make([]Shape, len(inputs))
	for i, id := range inputs {
		if id < 0 || int(id) >= len(g.Values) {
			return 0, fmt.Errorf("%s node %q: input %d is not a value of the graph", op.Kind(), name, i)
		}
		shapes[i] = g.Values[id].Shape
	}
	shape, err := op.OutputShape(shapes)
	if err != nil {
		return 0, fmt.Errorf("%s node %q: %w", op.Kind(), name, err)
	}
	id := ValueID(len(g.Values))
	g.Values = append(g.Values, Value{Name: output, Shape: shape})
	g.Nodes = append(g.Nodes, Node{Name: name, Op: op, Inputs: slices.Clone(inputs), Output: id})
	g.Output = id
	return id, nil
}

// Layers lists the indices of the nodes that carry weights a policy decides
// about (Conv and Gemm), in topological order.
func (g *Graph) Layers() []int {
	var layers []int
	for i := range g.Nodes {
		if g.Nodes[i].Weight() != nil {
			layers = append(layers, i)
		}
	}
	return layers
}

// Producer is the index of the node that computes id, or −1 for the graph's input.
func (g *Graph) Producer(id ValueID) int {
	return slices.IndexFunc(g.Nodes, func(n Node) bool { return n.Output == id })
}

// Consumers lists the indices of the nodes that read each value.
func (g *Graph) Consumers() [][]int {
	consumers := make([][]int, len(g.Values))
	for i, n := range g.Nodes {
		for _, in := range n.Inputs {
			if !slices.Contains(consumers[in], i) {
				consumers[in] = append(consumers[in], i)
			}
		}
	}
	return consumers
}

// Clone copies the tables of nodes and values. Operators and their weights are
// shared: they are never edited in place, only replaced.
func (g *Graph) Clone() *Graph {
	c := *g
	c.Values = slices.Clone(g.Values)
	c.Nodes = slices.Clone(g.Nodes)
	for i := range c.Nodes {
		c.Nodes[i].Inputs = slices.Clone(c.Nodes[i].Inputs)
	}
	return &c
}

// InferShapes recomputes every value's shape from the input's, as after channels
// were removed, and reports the first operator that does not fit.
func (g *Graph) InferShapes() error {
	for _, n := range g.Nodes {
		shapes := make([]Shape, len(n.Inputs))
		for i, id := range n.Inputs {
			shapes[i] = g.Values[id].Shape
		}
		shape, err := n.Op.OutputShape(shapes)
		if err != nil {
			return fmt.Errorf("%s node %q: %w", n.Op.Kind(), n.Name, err)
		}
		g.Values[n.Output].Shape = shape
	}
	return nil
}

// Prune removes nodes whose results nobody reads and values that are left
// without a producer, renumbering the rest.
func (g *Graph) Prune() {
	used := make([]bool, len(g.Values))
	used[g.Input], used[g.Output] = true, true
	var kept []Node
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		if !used[n.Output] {
			continue
		}
		for _, in := range n.Inputs {
			used[in] = true
		}
		kept = append(kept, n)
	}
	slices.Reverse(kept)
	renumbered := make([]ValueID, len(g.Values))
	var values []Value
	for id, u := range used {
		if u {
			renumbered[id] = ValueID(len(values))
			values = append(values, g.Values[id])
		}
	}
	for i := range kept {
		kept[i].Output = renumbered[kept[i].Output]
		for j, in := range kept[i].Inputs {
			kept[i].Inputs[j] = renumbered[in]
		}
	}
	g.Nodes, g.Values = kept, values
	g.Input, g.Output = renumbered[g.Input], renumbered[g.Output]
}
