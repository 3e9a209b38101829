package compress

import (
	"slices"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// Repair is how what is left of a network makes up for what compression took, without
// training.
type Repair string

const (
	// Sequential goes through the network and refits the weights of every layer by least
	// squares, from what the compressed layers before really hand it to what it
	// computed in the original network. The last layer before a residual addition makes up for what
	// the addition's other operands lost, too. (He et al. 2017, "Channel pruning for
	// accelerating very deep neural networks".)
	Sequential Repair = "sequential"
	// Independent refits every layer by itself, from what it reads in the original network, as far as the
	// channels that are left say it, to what it computes there. That depends on no other layer, so
	// solutions are kept in the Database and compression is putting them together, as in Frantar and
	// Alistarh 2022, "Optimal brain compression".
	Independent Repair = "independent"
	// Statistics keeps the weights and corrects the mean and the deviation of every output
	// channel.
	Statistics Repair = "statistics"
)

// largestFit bounds the scalars of a patch that are fitted together: a larger layer keeps its
// weights, since time grows with the cube, memory with the square. 512 channels under 3×3
// taps are below.
const largestFit = 5000

// fits states the problems whose solution brings a layer's outputs closest to what
// they were; nil if there is nothing to be gained.
func (f *fitting) fits(node, l int) []fit {
	n := &f.graph.Nodes[node]
	was := f.before[f.structure.Graph.Nodes[f.structure.Layers[l].Node].Output]
	if was == nil || !f.refits || n.Weight().Channel() >= largestFit {
		return nil
	}
	others := f.others(n.Output)
	if !f.worn[n.Inputs[0]] && !slices.ContainsFunc(others, func(o operand) bool { return o.worn }) {
		return nil
	}
	all := f.crew.patchesOf(n, f.trace.values[n.Inputs[0]], f.graph.Values[n.Output].Shape)
	fits := make([]fit, len(all))
	outputs := n.Weight().Shape[0] / len(all)
	for k := range fits {
		fits[k] = fit{first: k * outputs, outputs: outputs}
	}
	f.crew.eachFit(fits, func(c crew, fit *fit) {
		kept := f.kept[l][fit.first:][:outputs]
		target := func(y []float32, at, image, pixel int) {
			from := was.row(at)
			for c, ch := range kept {
				y[c] = from[ch]
			}
			for _, o := range others {
				o.addLoss(y, kept, fit.first, at, image, pixel)
			}
		}
		fit.gram, fit.products = c.regression(all[fit.first/outputs], target, outputs)
	})
	return fits
}

// operand is what an addition adds to a layer's output.
type operand struct {
	was  *sampled       // in the original network
	is   *runtime.Batch // now
	worn bool
}

// addLoss adds what an operand lost, for the kept channels from the first-th on.
func (o operand) addLoss(y []float32, kept []int, first, at, image, pixel int) {
	was, is := o.was.row(at), o.is.Pixel(image, pixel)[first:]
	for c, ch := range kept {
		y[c] += was[ch] - is[c]
	}
}

// others are the other operands of the addition that alone reads a value; nil if there is
// no such addition or they are not all known yet.
func (f *fitting) others(id graph.ValueID) (others []operand) {
	readers := f.readers[id]
	if len(readers) != 1 || id == f.graph.Output {
		return nil
	}
	add := &f.graph.Nodes[readers[0]]
	if _, ok := add.Op.(graph.Add); !ok {
		return nil
	}
	twin := &f.structure.Graph.Nodes[f.structure.Graph.Producer(add.Output)]
	for j, other := range add.Inputs {
		if other == id {
			continue
		}
		o := operand{f.before[twin.Inputs[j]], f.trace.values[other], f.worn[other]}
		if o.was == nil || o.is == nil {
			return nil
		}
		others = append(others, o)
	}
	return others
}

// sampled is a tensor of the original network, at the pixels that moments are taken of.
type sampled struct {
	channels int
	rows     []float32 // [pixel of the sample][channel]
}

func (s *sampled) row(at int) []float32 { return s.rows[at*s.channels:][:s.channels] }

// sampled keeps the sample of a tensor.
func (c crew) sampled(b *runtime.Batch) *sampled {
	sample := c.momentSample(b.N, b.Pixels)
	s := &sampled{b.Channels, make([]float32, len(sample)*b.Channels)}
	const strip = 1024
	c.each((len(sample)+strip-1)/strip, func(k int) {
		for at := k * strip; at < min((k+1)*strip, len(sample)); at++ {
			copy(s.row(at), b.Pixel(sample[at]/b.Pixels, sample[at]%b.Pixels))
		}
	})
	return s
}

// regressed tells of every value of a graph whether layers are refitted to what it was: it is a
// layer's output or an addition's operand.
func regressed(g *graph.Graph) []bool {
	wanted := make([]bool, len(g.Values))
	for _, n := range g.Nodes {
		if n.Weight() != nil {
			wanted[n.Output] = true
		}
		if _, ok := n.Op.(graph.Add); ok {
			for _, id := range n.Inputs {
				wanted[id] = true
			}
		}
	}
	return wanted
}
