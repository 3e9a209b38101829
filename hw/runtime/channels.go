package runtime

import (
	"slices"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// channelMap is a tensor of which every channel is one of another tensor's. Where nothing but such operators
// reads it, it is never computed: they look through it, so that a channel shuffle between Concat and Split is one
// pass.
type channelMap struct {
	inputs []graph.ValueID
	from   []kernel.Channel
}

// movesChannels tells whether a node only takes channels from its inputs, as floats.
func movesChannels(g *graph.Graph, node int) bool {
	n := &g.Nodes[node]
	for _, id := range append([]graph.ValueID{n.Output}, n.Inputs...) {
		if g.Values[id].Quant != nil {
			return false
		}
	}
	switch op := n.Op.(type) {
	case *graph.Gather:
		return op.Axis == 0
	case graph.Concat:
		return op.Axis == 0
	case *graph.Slice:
		return slices.Equal(g.Values[n.Inputs[0]].Shape[1:], g.Values[n.Output].Shape[1:]) && !slices.ContainsFunc(op.Step[1:], func(s int) bool { return s != 1 })
	}
	return false
}

// throughMaps finds the values that need no computing: nothing but operators that move channels reads them. Slices are
// computed, so that a map draws from few tensors: no more than two for every vector, see kernel.ChannelMap.
func throughMaps(g *graph.Graph) []bool {
	through := make([]bool, len(g.Values))
	for i, n := range g.Nodes {
		_, slice := n.Op.(*graph.Slice)
		through[n.Output] = movesChannels(g, i) && !slice
	}
	for i, n := range g.Nodes {
		if movesChannels(g, i) {
			continue
		}
		for _, id := range n.Inputs {
			through[id] = false
		}
	}
	through[g.Output] = false
	return through
}

// newChannelMap says where the channels of a node's output come from, through the maps of its inputs.
func (c *compiler) newChannelMap(n *graph.Node) *channelMap {
	m := &channelMap{}
	var all []kernel.Channel
	for _, id := range n.Inputs {
		source := c.maps[id]
		if source == nil {
			source = &channelMap{inputs: []graph.ValueID{id}}
			for channel := range c.g.Values[id].Shape[0] {
				source.from = append(source.from, kernel.Channel{Channel: channel})
			}
		}
		at := make([]int, len(source.inputs)) // of its inputs among m's
		for i, input := range source.inputs {
			if at[i] = slices.Index(m.inputs, input); at[i] < 0 {
				at[i] = len(m.inputs)
				m.inputs = append(m.inputs, input)
			}
		}
		for _, from := range source.from {
			all = append(all, kernel.Channel{Input: at[from.Input], Channel: from.Channel})
		}
	}
	if len(n.Inputs) > 1 { // all channels of all inputs
		m.from = all
		return m
	}
	shapes := []graph.Shape{c.g.Values[n.Inputs[0]].Shape}
	for _, channel := range n.Op.(graph.Mover).Picks(0, shapes, c.g.Values[n.Output].Shape)[0] {
		m.from = append(m.from, all[channel])
	}
	return m
}

// aligned tells whether a node copies whole vectors, for which there is no better way than to copy.
func (c *compiler) aligned(n *graph.Node) bool {
	if _, ok := n.Op.(graph.Concat); !ok {
		return false
	}
	for _, id := range n.Inputs {
		channels := c.g.Values[id].Shape[0]
		if c.maps[id] != nil || kernel.ChannelStride(channels) != channels {
			return false
		}
	}
	return true
}

// lowerChannelMap appends the step of a node that moves channels, none if its output is looked through.
func (c *compiler) lowerChannelMap(n *graph.Node) {
	m := c.newChannelMap(n)
	if c.through[n.Output] {
		c.maps[n.Output] = m
		return
	}
	out := c.slot(c.g.Values[n.Output].Shape, nil)
	c.values[n.Output] = out
	in, channels := make([]*slot, len(m.inputs)), make([]int, len(m.inputs))
	for i, id := range m.inputs {
		in[i] = c.real(id)
		channels[i] = in[i].shape[0]
	}
	c.inputs = max(c.inputs, len(in))
	k := kernel.NewChannelMap(c.isa, out.pixels, channels, m.from)
	c.emit(func(m *memory) {
		for i, s := range in {
			m.inputs[i] = s.floats(m)
		}
		k.Run(out.floats(m), m.inputs[:len(in)])
	}, out, in...)
}
