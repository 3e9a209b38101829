package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"galen/hw/graph"
)

// importer turns the nodes of a file into those of a graph, one after the other.
type importer struct {
	opset        int
	graph        *graph.Graph
	constants    map[string]*constant
	tensors      map[string]*tensor
	failed       map[string]bool // outputs of refused nodes
	uses         map[string]int  // how often a name is read, by nodes or as the model's output
	names        names           // of nodes and values, to keep them unique
	batch        int             // the file's batch size; 0: symbolic
	bits         map[string]int  // width of weights stored in int8, by initializer
	scalars      int             // what folding may still allocate
	materialized map[string]bool // names under which views became values
	refused      []UnsupportedNode
}

// tensor is a name in the file that is computed from the model's input. It may be a view of its value: of another
// shape, batch left out, or in another order. Then it shares the value until an operator needs it as it is, see
// settle: a channel shuffle is a reshape, a transpose and a reshape, but one operator of the graph.
type tensor struct {
	value  graph.ValueID
	shape  []int
	order  []int         // which scalar of the value each of the view is, both in row-major order; nil: the same
	node   string        // the node that made the view
	name   string        // its output
	stored *storedTensor // set between QuantizeLinear and DequantizeLinear
	shared bool          // the value is read under another name too
	last   bool          // the shape is the value's with the channels moved to the end, as TensorFlow keeps images
}

// converters import operators on computed tensors.
var converters = map[string]func(*importer, *node) error{
	"Add":                importArithmetic,
	"AveragePool":        importAveragePool,
	"BatchNormalization": importBatchNorm,
	"Cast":               importCast,
	"Clip":               importClip,
	"Concat":             importConcat,
	"Conv":               importConv,
	"DequantizeLinear":   importDequantize,
	"Div":                importArithmetic,
	"Dropout":            importDropout,
	"Flatten":            importFlatten,
	"Gather":             importGather,
	"Gemm":               importGemm,
	"GlobalAveragePool":  importGlobalAveragePool,
	"GlobalMaxPool":      importGlobalMaxPool,
	"Identity":           importIdentity,
	"LRN":                importLRN,
	"LogSoftmax":         importSoftmax,
	"MatMul":             importMatMul,
	"MaxPool":            importMaxPool,
	"Mul":                importArithmetic,
	"PRelu":              importPRelu,
	"Pad":                importPad,
	"QuantizeLinear":     importQuantize,
	"ReduceMax":          importReduce,
	"ReduceMean":         importReduce,
	"ReduceSum":          importReduce,
	"Relu":               importRelu,
	"Reshape":            importReshape,
	"Resize":             importResize,
	"Shape":              importShape,
	"Slice":              importSlice,
	"Softmax":            importSoftmax,
	"Split":              importSplit,
	"Squeeze":            importSqueeze,
	"Sub":                importArithmetic,
	"Sum":                importSum,
	"Transpose":          importTranspose,
	"Unsqueeze":          importUnsqueeze,
	"Upsample":           importResize,
}

// outside says of operators that people may expect why they are not taken.
var outside = map[string]string{
	"ConvTranspose":         "galen takes no transposed convolutions, which networks that make images have; it takes classifiers",
	"If":                    "galen takes no control flow; export the model with a fixed image size, so that nothing is left to decide",
	"InstanceNormalization": "galen normalizes by fixed means and variances only",
	"LayerNormalization":    "galen normalizes by fixed means and variances only",
	"Loop":                  "galen takes no control flow; export the model with a fixed image size, so that nothing is left to decide",
}

func init() {
	for op := range functions {
		converters[op] = importActivation
	}
}

func importModel(file *modelProto) (*graph.Graph, error) {
	opset, err := file.opset()
	if err != nil {
		return nil, err
	}
	m := &importer{
		opset:        opset,
		constants:    map[string]*constant{},
		tensors:      map[string]*tensor{},
		failed:       map[string]bool{},
		materialized: map[string]bool{},
		uses:         map[string]int{"": math.MaxInt32},
		names:        names{},
		bits:         weightBits(file.metadata),
		scalars:      maxFolded,
	}
	g := file.graph
	if g.sparse {
		return nil, errors.New("the model has sparse initializers; save it with dense weights")
	}
	nodes := m.scan(g)
	if err := m.readConstants(g); err != nil {
		return nil, err
	}
	if err := m.readInput(g, nodes); err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if err := m.convert(n); err != nil {
			m.refuse(n, err)
		}
	}
	if len(m.refused) > 0 {
		return nil, &UnsupportedError{Nodes: m.refused}
	}
	return m.finish(g)
}

// opset is the version of the default domain.
func (f *modelProto) opset() (int, error) {
	for _, o := range f.opsets {
		if o.domain != "" && o.domain != "ai.onnx" {
			continue
		}
		if o.version < MinOpset || o.version > MaxOpset {
			return 0, fmt.Errorf("the model uses opset %d; galen reads opsets %d to %d", o.version, MinOpset, MaxOpset)
		}
		return int(o.version), nil
	}
	return 0, errors.New("the model uses no operators of the standard ONNX domain")
}

// scan names the nodes, counts how often each name is read and remembers the names taken.
func (m *importer) scan(g *graphProto) []*node {
	for i := range g.initializers {
		m.names[g.initializers[i].name] = 1
	}
	for i := range g.nodes {
		for _, output := range g.nodes[i].outputs {
			m.names[output] = 1
		}
	}
	nodes := make([]*node, len(g.nodes))
	taken := names{}
	for i := range g.nodes {
		n := &node{nodeProto: &g.nodes[i], name: g.nodes[i].name}
		if n.name == "" {
			n.name = fmt.Sprintf("%s_%d", n.op, i)
		}
		n.name = taken.unique(n.name)
		for _, input := range n.inputs {
			m.uses[input]++
		}
		nodes[i] = n
	}
	for name := range taken {
		m.names[name] = 1
	}
	for _, o := range g.outputs {
		m.uses[o.name]++
	}
	return nodes
}

// names are those taken, each with the number last appended to it to make another.
type names map[string]int

// unique gives name, or name_2, name_3, … if it is taken, and takes it.
func (taken names) unique(name string) string {
	if taken[name] == 0 {
		taken[name] = 1
		return name
	}
	for {
		taken[name]++
		if free := fmt.Sprintf("%s_%d", name, taken[name]); taken[free] == 0 {
			taken[free] = 1
			return free
		}
	}
}

func (m *importer) readConstants(g *graphProto) error {
	for i := range g.initializers {
		t := &g.initializers[i]
		if m.uses[t.name] == 0 {
			continue
		}
		c, err := t.constant()
		if err != nil {
			return fmt.Errorf("initializer %q: %w", t.name, err)
		}
		if m.constants[t.name] != nil {
			return fmt.Errorf("initializer %q comes twice", t.name)
		}
		m.constants[t.name] = c
		m.scalars += c.len()
		if c.typ == typeUint8 {
			m.scalars += unpackedScalars * c.len()
		}
	}
	return nil
}

// readInput finds the model's input among the declared ones, which in old files list the initializers too.
func (m *importer) readInput(g *graphProto, nodes []*node) error {
	var inputs []*valueInfo
	var names []string
	for i := range g.inputs {
		if name := g.inputs[i].name; m.constants[name] == nil && m.uses[name] > 0 {
			inputs = append(inputs, &g.inputs[i])
			names = append(names, name)
		}
	}
	if len(inputs) != 1 {
		return fmt.Errorf("the model has %d inputs %q; galen takes models with one", len(inputs), names)
	}
	input := inputs[0]
	if input.typ != typeFloat {
		return fmt.Errorf("the model's input %q is %s; galen takes float32", input.name, input.typ)
	}
	if !input.known {
		return fmt.Errorf("the model's input %q has no shape; export the model with one", input.name)
	}
	if len(input.dims) != 2 && len(input.dims) != 4 {
		return fmt.Errorf("the model's input %q has %d dimensions; galen takes images [N, channels, height, width] or vectors [N, features]", input.name, len(input.dims))
	}
	if b := input.dims[0]; b.size > 0 && b.size <= maxElements {
		m.batch = int(b.size)
	}
	shape := make(graph.Shape, len(input.dims)-1)
	for i, d := range input.dims[1:] {
		if d.size < 1 {
			return fmt.Errorf("dimension %d of the model's input %q is not fixed; export the model with a fixed image size", i+1, input.name)
		}
		shape[i] = int(min(d.size, maxElements+1))
	}
	if _, err := elements(shape); err != nil {
		return fmt.Errorf("the model's input %q: %w", input.name, err)
	}
	t := &tensor{shape: shape}
	if len(shape) == 3 && channelsLast(nodes, input.name) {
		t.last = true
		shape = graph.Shape{shape[2], shape[0], shape[1]}
	}
	m.graph = graph.NewGraph(g.name, input.name, shape)
	m.tensors[input.name] = t
	m.names[input.name] = 1
	return nil
}

// convert folds a node or adds it to the graph.
func (m *importer) convert(n *node) error {
	if n.domain != "" && n.domain != "ai.onnx" {
		return fmt.Errorf("operators of domain %q are not supported", n.domain)
	}
	fold, importNode := folds[n.op], converters[n.op]
	if fold == nil && importNode == nil {
		return errors.New(cmp.Or(outside[n.op], "galen has no such operator"))
	}
	if len(n.outputs) == 0 {
		return errors.New("has no output")
	}
	inputs := make([]*constant, len(n.inputs))
	computed := false // from the model's input
	for i, name := range n.inputs {
		if m.failed[name] { // its cause is already reported
			m.fail(n)
			return nil
		}
		inputs[i] = m.constants[name]
		switch {
		case name != "" && inputs[i] == nil && m.tensors[name] == nil:
			return fmt.Errorf("reads %q, which nothing before it computes", name)
		case m.tensors[name] != nil:
			computed = true
		}
	}
	for _, name := range n.outputs {
		if name != "" && (m.constants[name] != nil || m.tensors[name] != nil) {
			return fmt.Errorf("computes %q, which exists already", name)
		}
	}
	for i, name := range n.outputs {
		if i > 0 && name != "" && m.uses[name] > 0 && n.op != "Split" {
			return fmt.Errorf("its output %d is used; galen computes only the first", i)
		}
	}
	if !computed && fold != nil {
		if len(inputs) > 0 && inputs[0] == nil || len(inputs) == 0 && n.op != "Constant" {
			return errors.New("lacks its first input")
		}
		c, err := fold(m, n, inputs)
		if err = n.fault(err); err != nil {
			return err
		}
		m.constants[n.outputs[0]] = c
		return nil
	}
	if importNode == nil {
		return errors.New("is supported on constants only")
	}
	n.last = m.readsLast(n)
	if err := n.fault(importNode(m, n)); err != nil {
		return err
	}
	if n.last {
		m.giveLast(n)
	}
	return nil
}

func (m *importer) refuse(n *node, err error) {
	m.refused = append(m.refused, UnsupportedNode{n.name, n.op, err.Error()})
	m.fail(n)
}

func (m *importer) fail(n *node) {
	for _, output := range n.outputs {
		if output != "" {
			m.failed[output] = true
		}
	}
}

// constant is the constant an input names; nil with no error if the input is omitted.
func (m *importer) constant(n *node, i int) (*constant, error) {
	name := n.input(i)
	if name == "" {
		return nil, nil
	}
	c := m.constants[name]
	if c == nil {
		return nil, fmt.Errorf("input %d (%q) is computed; galen takes it as a constant only", i, name)
	}
	return c, nil
}

// floats is a constant input's elements; nil if the input is omitted.
func (m *importer) floats(n *node, i int) ([]float32, error) {
	c, err := m.constant(n, i)
	if c == nil {
		return nil, err
	}
	if c.typ != typeFloat {
		return nil, fmt.Errorf("input %d (%q) is %s, wants float32", i, n.input(i), c.typ)
	}
	return c.floats, nil
}

// tensor is the computed tensor an input names.
func (m *importer) tensor(n *node, i int) (*tensor, error) {
	name := n.input(i)
	t := m.tensors[name]
	switch {
	case name == "":
		return nil, fmt.Errorf("lacks input %d", i)
	case t == nil:
		return nil, fmt.Errorf("input %d (%q) is a constant; galen takes it computed only", i, name)
	case t.stored != nil && n.op != "DequantizeLinear" && n.op != "Clip":
		return nil, fmt.Errorf("works on the integers of %q; galen reads DequantizeLinear there", name)
	case t.last && !n.last && n.op != "Transpose" && n.op != "Shape":
		return t, m.reorderLast(t)
	}
	return t, nil
}

// value is the graph's value for an input; a view becomes one, unless the node reads it with its channels first.
func (m *importer) value(n *node, i int) (graph.ValueID, error) {
	t, err := m.tensor(n, i)
	if err != nil {
		return 0, err
	}
	if n.last {
		return t.value, nil
	}
	if err := m.materialize(t); err != nil {
		return 0, fmt.Errorf("input %d (%q) %w", i, n.input(i), err)
	}
	return t.value, nil
}

// emit adds the node's operator to the graph as the producer of its first output.
func (m *importer) emit(n *node, op graph.Op, inputs ...graph.ValueID) error {
	value, err := m.append(n.name, op, n.outputs[0], inputs...)
	if err != nil {
		return err
	}
	m.tensors[n.outputs[0]] = &tensor{value: value, shape: m.graph.Values[value].Shape}
	return nil
}

func (m *importer) append(name string, op graph.Op, output string, inputs ...graph.ValueID) (graph.ValueID, error) {
	shapes := make([]graph.Shape, len(inputs))
	for i, id := range inputs {
		shapes[i] = m.graph.Values[id].Shape
	}
	shape, err := op.OutputShape(shapes)
	if err != nil {
		return 0, err
	}
	if _, err := elements(shape); err != nil {
		return 0, fmt.Errorf("its output is too large: %w", err)
	}
	if len(m.graph.Nodes) >= maxNodes {
		return 0, fmt.Errorf("the model needs more than %d operators", maxNodes)
	}
	return m.graph.Append(name, op, output, inputs...)
}

// alias makes the node's first output another name, perhaps of another shape, for its first input.
func (m *importer) alias(n *node, shape []int) error {
	t, err := m.tensor(n, 0)
	if err != nil {
		return err
	}
	view := *t
	view.shape, view.last = shape, false
	view.node, view.name = n.name, n.outputs[0]
	view.shared = t.shared || m.uses[n.input(0)] > 1
	m.tensors[n.outputs[0]] = &view
	return nil
}

// soleReader tells whether nothing but the node at hand reads the value of its input.
func (m *importer) soleReader(n *node, input int) bool {
	name := n.input(input)
	return m.uses[name] == 1 && !m.tensors[name].shared
}

// finish sets the output, folds batch normalization and drops what the output does not need.
func (m *importer) finish(file *graphProto) (*graph.Graph, error) {
	if len(file.outputs) != 1 {
		names := make([]string, len(file.outputs))
		for i, o := range file.outputs {
			names[i] = o.name
		}
		return nil, fmt.Errorf("the model has %d outputs %q; galen takes models with one", len(file.outputs), names)
	}
	name := file.outputs[0].name
	t := m.tensors[name]
	if t == nil {
		return nil, fmt.Errorf("the model's output %q is not computed from its input", name)
	}
	g := m.graph
	if t.last {
		if err := m.reorderLast(t); err != nil {
			return nil, err
		}
	}
	if t.stored != nil {
		return nil, fmt.Errorf("the model's output %q is quantized; galen takes float32", name)
	}
	given, _ := squeezed(t.shape, nil)
	if own, _ := squeezed(g.Values[t.value].Shape, nil); t.order != nil || !slices.Equal(given, own) {
		if err := m.materialize(t); err != nil {
			return nil, fmt.Errorf("the model's output %q %w", name, err)
		}
	}
	g.Output = t.value
	if g.Output == g.Input {
		return nil, fmt.Errorf("the model's output %q is its input", name)
	}
	g.Prune()
	g = g.FoldBatchNorm()
	g.Values[g.Output].Name = name
	return g, g.Validate()
}
