package structure

import (
	"fmt"

	"galen/hw/graph"
)

// ties is a union-find forest over channels, with the channels that must stay.
type ties struct {
	parent []int
	frozen []freeze
}

type freeze struct {
	channels []int
	reason   string
}

// fresh makes n channels that are tied to nothing.
func (t *ties) fresh(n int) []int {
	channels := make([]int, n)
	for i := range channels {
		channels[i] = len(t.parent)
		t.parent = append(t.parent, channels[i])
	}
	return channels
}

func (t *ties) find(a int) int {
	for t.parent[a] != a {
		t.parent[a] = t.parent[t.parent[a]]
		a = t.parent[a]
	}
	return a
}

// tie makes two channels one class, known by its earliest channel.
func (t *ties) tie(a, b int) {
	a, b = t.find(a), t.find(b)
	t.parent[max(a, b)] = min(a, b)
}

// follow gives the channels of a node's output and ties what the node ties.
func (t *ties) follow(g *graph.Graph, n graph.Node, inputs [][]int) []int {
	switch op := n.Op.(type) {
	case *graph.Conv:
		out := op.Weight.Shape[0]
		if op.Groups == 1 {
			return t.fresh(out)
		}
		return t.grouped(op, inputs[0])
	case *graph.Gemm:
		return t.fresh(op.Weight.Shape[0])
	case graph.Reshaper:
		return t.rearranged(n, op.Places(), g.Values[n.Inputs[0]].Shape, g.Values[n.Output].Shape, inputs[0])
	case graph.Mover:
		return t.moved(g, n, op, inputs)
	}
	switch n.Op.Locality() {
	case graph.Elementwise, graph.Channelwise:
		return t.alike(n, inputs)
	}
	for _, in := range inputs {
		t.freeze(in, "its channels go through %s %q, which mixes them", n.Op.Kind(), n.Name)
	}
	channels := t.fresh(g.Values[n.Output].Shape[0])
	for i, c := range channels {
		t.freeze(channels[i:i+1], "its channels come from %s %q", n.Op.Kind(), n.Name)
		if len(inputs) == 1 && len(inputs[0]) == len(channels) {
			t.tie(inputs[0][i], c)
		}
	}
	return channels
}

// alike gives the channels of a node that computes each from the same one of every input. A gate of one channel stays;
// one per channel goes with the channel.
func (t *ties) alike(n graph.Node, inputs [][]int) []int {
	widest := inputs[0]
	for _, in := range inputs {
		if len(in) > len(widest) {
			widest = in
		}
	}
	for _, in := range inputs {
		if len(in) < len(widest) {
			t.freeze(in, "its channel is spread over others by %s %q", n.Op.Kind(), n.Name)
			continue
		}
		t.tieAll([][]int{widest, in})
	}
	return widest
}

// moved gives the channels of a node that moves them; those that come from no input are new, those that come from
// several are tied.
func (t *ties) moved(g *graph.Graph, n graph.Node, op graph.Mover, inputs [][]int) []int {
	shapes := make([]graph.Shape, len(n.Inputs))
	for k, id := range n.Inputs {
		shapes[k] = g.Values[id].Shape
	}
	channels := make([]int, g.Values[n.Output].Shape[0])
	picks := op.Picks(0, shapes, g.Values[n.Output].Shape)
	for c := range channels {
		found := false
		for k, in := range inputs {
			switch from := picks[k][c]; {
			case from < 0:
			case found:
				t.tie(channels[c], in[from])
			default:
				channels[c], found = in[from], true
			}
		}
		if !found {
			channels[c] = t.fresh(1)[0]
		}
	}
	if s, ok := op.(*graph.Slice); ok && s.Step[0] != 1 && !channelsOnly(s, shapes[0]) {
		t.freeze(inputs[0], "its channels are picked at a stride by Slice %q", n.Name)
	}
	return channels
}

// grouped gives the channels of a grouped convolution's output.
func (t *ties) grouped(c *graph.Conv, input []int) []int {
	reads, writes := c.Weight.Shape[1], c.Weight.Shape[0]/c.Groups
	if losesGroups(c) {
		channels := make([]int, 0, c.Groups*writes)
		for k := range c.Groups {
			for _, c := range input[k*reads : (k+1)*reads] {
				t.tie(input[k*reads], c)
			}
			for range writes {
				channels = append(channels, input[k*reads])
			}
		}
		return channels
	}
	channels := t.fresh(c.Groups * writes)
	for k := range c.Groups {
		t.tieAll([][]int{input[:reads], input[k*reads : (k+1)*reads]})
		t.tieAll([][]int{channels[:writes], channels[k*writes : (k+1)*writes]})
	}
	return channels
}

// losesGroups tells how a grouped convolution gets smaller. Either whole groups leave, with all
// they read and write, which for a depthwise convolution are single channels; or all groups lose
// the same of their channels, what they read and what they write each by itself. The way that
// leaves more to choose from is taken.
func losesGroups(c *graph.Conv) bool {
	return c.Groups > 1 && c.Groups >= min(c.Weight.Shape[1], c.Weight.Shape[0]/c.Groups)
}

// rearranged gives the channels of a tensor whose scalars were arranged anew; an output channel
// that has scalars of several input channels ties them.
func (t *ties) rearranged(n graph.Node, order []int, in, out graph.Shape, input []int) []int {
	from, to := in[1:].Elements(), out[1:].Elements()
	channels := make([]int, out[0])
	for i := range out[0] * to {
		place := i
		if order != nil {
			place = order[i]
		}
		if c := input[place/from]; i%to == 0 {
			channels[i/to] = c
		} else {
			t.tie(channels[i/to], c)
		}
	}
	if len(input) > 1 && t.allTied(input) {
		t.freeze(input, "its channels go through %s %q, which mixes them", n.Op.Kind(), n.Name)
	}
	return channels
}

// channelsOnly tells whether a slice takes every pixel of the channels it takes.
func channelsOnly(s *graph.Slice, in graph.Shape) bool {
	for d := 1; d < len(in); d++ {
		if s.Start[d] != 0 || s.End[d] != in[d] || s.Step[d] != 1 {
			return false
		}
	}
	return true
}

func (t *ties) allTied(channels []int) bool {
	for _, c := range channels {
		if t.find(c) != t.find(channels[0]) {
			return false
		}
	}
	return true
}

func (t *ties) freeze(channels []int, format string, args ...any) {
	t.frozen = append(t.frozen, freeze{channels, fmt.Sprintf(format, args...)})
}

func (t *ties) tieAll(inputs [][]int) {
	for _, in := range inputs[1:] {
		for c := range in {
			t.tie(inputs[0][c], in[c])
		}
	}
}
