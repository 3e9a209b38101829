package structure

import (
	"fmt"

	"galen/hw/graph"
)

// Placement says which values of a graph are stored as integers, so that the layers
// a policy quantizes read integers and nothing in between falls back to float.
//
// A layer's activation bits apply to what it reads. A value is stored at the widest
// need among its readers; a reader that needs fewer bits gets a Quantize node of its
// own. Additions, averages, concatenations and lone activations need 8 bits where
// what they compute is read as integers, and so do gates and activation functions;
// pooling by maximum, slices, zero padding, shuffles and reshapes hand integers
// through unchanged. What a float layer reads is float, and
// its other readers get Quantize nodes. The value between a layer or addition and an
// activation that follows it alone stays float: the runtime fuses the two. The network's
// input and output are float.
type Placement struct {
	Graph *graph.Graph // with Quantize nodes inserted; no Quant set yet
	Bits  []int        // per value: of its integers; 0: float
	// Same tells which values hold the integers of what their node reads, and so
	// share its Quant.
	Same []bool
}

// Place finds where a graph's values are quantized under a policy, one entry per layer.
func Place(g *graph.Graph, p Policy) *Placement {
	s := &storage{graph: g, consumers: g.Consumers(), source: make([]graph.ValueID, len(g.Values)), needs: make([]need, len(g.Values))}
	s.findSources()
	layer := len(p)
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := &g.Nodes[i]
		var bits int
		if n.Weight() != nil {
			layer--
			bits = p[layer].ActivationBits
		}
		s.require(n, bits)
	}
	return s.build(p)
}

// storage works out how values are stored. Values that hold the same integers share
// their fate; the first of them is their source.
type storage struct {
	graph     *graph.Graph
	consumers [][]int
	source    []graph.ValueID
	needs     []need // per source
}

// need is what the readers of a value want.
type need struct {
	float bool
	bits  int // the widest integer need; 0: none
}

// stored is the bits a value is stored at; 0: float.
func (s *storage) stored(id graph.ValueID) int {
	n := s.needs[s.source[id]]
	if n.float {
		return 0
	}
	return n.bits
}

func (s *storage) findSources() {
	for id := range s.source {
		s.source[id] = graph.ValueID(id)
	}
	for _, n := range s.graph.Nodes {
		// The network's input is float whoever reads it.
		if handsThrough(n.Op) && s.source[n.Inputs[0]] != s.graph.Input {
			s.source[n.Output] = s.source[n.Inputs[0]]
		}
	}
	s.needs[s.graph.Input].float = true
	s.needs[s.source[s.graph.Output]].float = true
}

// handsThrough tells whether an operator's output holds integers of its input.
func handsThrough(op graph.Op) bool {
	switch op := op.(type) {
	case graph.MaxPool:
		return true
	case *graph.Pad:
		return op.Value == 0
	case graph.Concat: // its inputs may hold different ones
		return false
	}
	return op.Locality() == graph.Moving
}

// require records what a node wants of its inputs; the readers of its output have
// been asked before.
func (s *storage) require(n *graph.Node, activationBits int) {
	wants := s.wants(n, activationBits)
	for _, id := range n.Inputs {
		if handsThrough(n.Op) && s.source[id] == s.source[n.Output] {
			continue
		}
		if s.fused(id) {
			s.needs[id].float = true
			continue
		}
		needs := &s.needs[s.source[id]]
		needs.float = needs.float || wants == 0
		needs.bits = max(needs.bits, wants)
	}
}

// wants is the bits a node reads its inputs at; 0: float.
func (s *storage) wants(n *graph.Node, activationBits int) int {
	if n.Weight() != nil {
		if activationBits == graph.FloatBits {
			return 0
		}
		return activationBits
	}
	bits := s.stored(s.result(n.Output))
	if bits > 0 && !handsThrough(n.Op) {
		return 8
	}
	return bits
}

// fused tells whether a value is only the way from a computation to its activation.
func (s *storage) fused(id graph.ValueID) bool {
	if id == s.graph.Output || len(s.consumers[id]) != 1 {
		return false
	}
	producer := s.graph.Producer(id)
	if producer < 0 {
		return false
	}
	follower := s.graph.Nodes[s.consumers[id][0]].Op
	switch s.graph.Nodes[producer].Op.(type) {
	case *graph.Conv, *graph.Gemm:
		if _, ok := follower.(*graph.BatchNorm); ok {
			return true
		}
	case graph.Add, *graph.BatchNorm:
	default:
		return false
	}
	_, clamps := follower.(graph.Clamp)
	return clamps
}

// result follows a value through fused operators to the one that is stored.
func (s *storage) result(id graph.ValueID) graph.ValueID {
	for s.fused(id) {
		id = s.graph.Nodes[s.consumers[id][0]].Output
	}
	return id
}

// build makes the graph with its Quantize nodes.
func (s *storage) build(p Policy) *Placement {
	g := s.graph.Clone()
	placed := &Placement{Graph: g, Bits: make([]int, len(g.Values)), Same: make([]bool, len(g.Values))}
	for id := range g.Values {
		placed.Bits[id] = s.stored(graph.ValueID(id))
	}
	type request struct {
		id   graph.ValueID
		bits int
	}
	quantized := make(map[request]graph.ValueID)
	nodes := g.Nodes
	g.Nodes = make([]graph.Node, 0, len(nodes))
	layer := 0
	for _, n := range nodes {
		var bits int
		if n.Weight() != nil {
			bits = p[layer].ActivationBits
			layer++
		}
		wants := s.wants(&n, bits)
		for j, id := range n.Inputs {
			if wants == 0 || placed.Bits[id] == wants || s.fused(id) {
				continue
			}
			out, ok := quantized[request{id, wants}]
			if !ok {
				out = placed.appendQuantize(id, wants)
				quantized[request{id, wants}] = out
			}
			n.Inputs[j] = out
		}
		placed.Same[n.Output] = handsThrough(n.Op) && placed.Bits[n.Output] > 0
		g.Nodes = append(g.Nodes, n)
	}
	return placed
}

// appendQuantize appends a Quantize node that gives a value in other bits.
func (p *Placement) appendQuantize(id graph.ValueID, bits int) graph.ValueID {
	from, g := p.Graph.Values[id], p.Graph
	out := graph.ValueID(len(g.Values))
	g.Values = append(g.Values, graph.Value{Name: fmt.Sprintf("%s_int%d", from.Name, bits), Shape: from.Shape})
	g.Nodes = append(g.Nodes, graph.Node{
		Name: fmt.Sprintf("%s/Quantize%d", from.Name, bits), Op: graph.Quantize{},
		Inputs: []graph.ValueID{id}, Output: out,
	})
	p.Bits = append(p.Bits, bits)
	p.Same = append(p.Same, false)
	return out
}
