package compress

import (
	"slices"

	"galen/engine/compress/structure"
	"galen/hw/graph"
	"galen/hw/runtime"
)

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
	for g := range s.Groups {
		for _, l := range s.Readers(g) {
			if !r.byEnergy(&s.Graph.Nodes[s.Layers[l].Node]) {
				r.readers[g] = append(r.readers[g], l)
			}
		}
		r.unseen[g] = len(r.readers[g])
	}
	return r
}

// byEnergy tells whether a layer's say is by energy: where elimination would take too long,
// too, if it is the only reader.
func (r *ranking) byEnergy(n *graph.Node) bool {
	return r.options.Importance == structure.Energy || n.Weight().Channel() >= largestFit
}

// read takes account of a layer and its input on the calibration images, after its output
// was observed.
func (r *ranking) read(layer int, input *runtime.Batch) {
	info := r.structure.Layers[layer]
	if !r.options.Importance.Observed() || info.Grouped {
		return // what a grouped convolution hands on matters where its own channels do
	}
	n := &r.structure.Graph.Nodes[info.Node]
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
		if e := r.crew.newElimination(*moments, n, r.structure.Reads(layer)); e != nil {
			r.state[g] = append(r.state[g], e)
		}
		if r.unseen[g]--; r.unseen[g] == 0 && len(r.state[g]) > 0 {
			r.crew.eliminate(r.structure.Groups[g].Removable(), r.state[g], r.importance)
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
	for channel, class := range r.structure.Reads(layer) {
		squares := 0.0
		for at := channel * taps; at < len(w.Float); at += w.Channel() {
			for _, x := range w.Float[at : at+taps] {
				squares += float64(x) * float64(x)
			}
		}
		r.importance[class] += squares * deviation[channel] * deviation[channel] / total
	}
}
