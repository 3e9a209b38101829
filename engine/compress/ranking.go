package compress

import (
	"slices"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// observed tells whether channels are ranked by what the original network computes.
func (i Importance) observed() bool { return i == Energy || i == Reconstruction }

// ranking gives the channel classes their importance while the original network runs.
type ranking struct {
	*Compressor
	readers [][]int          // per group: the layers that read channels of it that may go
	unseen  []int            // per group: readers that have not run yet
	state   [][]*elimination // per group: of the readers that have
}

func (c *Compressor) newRanking() *ranking {
	s := c.structure
	r := &ranking{c, make([][]int, len(s.Groups)), make([]int, len(s.Groups)), make([][]*elimination, len(s.Groups))}
	for g, group := range s.Groups {
		loose := make([]bool, s.count)
		for _, b := range group.Blocks {
			for _, class := range b.Classes {
				loose[class] = b.Frozen == ""
			}
		}
		for l, info := range s.Layers {
			n := &s.Graph.Nodes[info.Node]
			if c, ok := n.Op.(*graph.Conv); ok && c.Groups > 1 {
				continue // hands channels on: they go where its own do
			}
			if slices.ContainsFunc(s.classes[n.Inputs[0]], func(class int) bool { return loose[class] }) {
				if !r.byEnergy(n) {
					r.readers[g] = append(r.readers[g], l)
				}
			}
		}
		r.unseen[g] = len(r.readers[g])
	}
	return r
}

// byEnergy tells whether a layer's say is by energy: where elimination would take too long,
// too, if it is the only reader.
func (r *ranking) byEnergy(n *graph.Node) bool {
	return r.options.Importance == Energy || n.Weight().Channel() >= largestFit
}

// read takes account of a layer and its input on the calibration images, after its output
// was observed.
func (r *ranking) read(layer int, input *runtime.Batch) {
	if !r.options.Importance.observed() {
		return
	}
	n := &r.structure.Graph.Nodes[r.structure.Layers[layer].Node]
	if c, ok := n.Op.(*graph.Conv); ok && c.Groups > 1 {
		return // hands channels on: they matter where its own do
	}
	if r.byEnergy(n) {
		r.energy(layer, input)
		return
	}
	var moments *gram
	for g, readers := range r.readers {
		if !slices.Contains(readers, layer) {
			continue
		}
		if moments == nil {
			m := r.crew.gram(r.crew.patchesOf(n, input, r.structure.Graph.Values[n.Output].Shape)[0])
			moments = &m
		}
		if e := r.crew.newElimination(*moments, n, r.structure.classes[n.Inputs[0]]); e != nil {
			r.state[g] = append(r.state[g], e)
		}
		if r.unseen[g]--; r.unseen[g] == 0 && len(r.state[g]) > 0 {
			r.crew.eliminate(r.structure.Groups[g].Blocks, r.state[g], r.importance)
			r.state[g] = nil
		}
	}
}

// energy adds what a layer's outputs owe to each class of its input.
func (r *ranking) energy(layer int, input *runtime.Batch) {
	total := 0.0
	for _, d := range r.seen[layer].output.deviation {
		total += d * d
	}
	if total == 0 {
		return
	}
	n := &r.structure.Graph.Nodes[r.structure.Layers[layer].Node]
	w := n.Weight()
	taps := graph.Shape(w.Shape[2:]).Elements()
	deviation := r.crew.moments(input).deviation
	for channel, class := range r.structure.classes[n.Inputs[0]] {
		squares := 0.0
		for at := channel * taps; at < len(w.Float); at += w.Channel() {
			for _, x := range w.Float[at : at+taps] {
				squares += float64(x) * float64(x)
			}
		}
		r.importance[class] += squares * deviation[channel] * deviation[channel] / total
	}
}
