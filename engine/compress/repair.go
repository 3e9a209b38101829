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
func (f *fitting) fits(node, l int, was *runtime.Batch) []fit {
	n := &f.graph.Nodes[node]
	if was == nil || n.Weight().Channel() >= largestFit {
		return nil
	}
	others := f.others(n.Output)
	if !f.worn[n.Inputs[0]] && !slices.ContainsFunc(others, func(o operand) bool { return o.worn }) {
		return nil
	}
	all := patchesOf(n, f.trace.values[n.Inputs[0]], f.graph.Values[n.Output].Shape)
	fits := make([]fit, len(all))
	outputs := n.Weight().Shape[0] / len(all)
	for k := range fits {
		fits[k] = fit{first: k * outputs, outputs: outputs}
	}
	f.crew.eachFit(fits, func(c crew, fit *fit) {
		target := func(y []float32, image, pixel int) {
			wanted(y, f.kept[l], fit.first, was, others, image, pixel)
		}
		fit.gram, fit.products = c.regression(all[fit.first/outputs], target, outputs)
	})
	return fits
}

// operand is what an addition adds to a layer's output.
type operand struct {
	was, is *runtime.Batch // in the original network and now
	worn    bool
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
	twin := &f.original.graph.Nodes[f.original.graph.Producer(add.Output)]
	for j, other := range add.Inputs {
		if other == id {
			continue
		}
		o := operand{f.original.values[twin.Inputs[j]], f.trace.values[other], f.worn[other]}
		if o.was == nil || o.is == nil {
			return nil
		}
		others = append(others, o)
	}
	return others
}

// wanted is what a layer should give at a pixel, from its first-th kept channel on: what it gave in
// the original network, and what the others lost.
func wanted(y []float32, kept []int, first int, was *runtime.Batch, others []operand, image, pixel int) {
	kept = kept[first:][:len(y)]
	from := was.Pixel(image, pixel)
	for c, ch := range kept {
		y[c] = from[ch]
	}
	for _, o := range others {
		was, is := o.was.Pixel(image, pixel), o.is.Pixel(image, pixel)[first:]
		for c, ch := range kept {
			y[c] += was[ch] - is[c]
		}
	}
}
