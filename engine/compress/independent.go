package compress

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"galen/engine/compress/structure"
	"galen/hw/graph"
)

// stitching builds a compressed network of layers that were each repaired by
// themselves, from the Database as far as it has them. No image runs through it.
type stitching struct {
	*Compressor
	policy  structure.Policy
	removed []bool // per class
	kept    [][]int
	placed  *structure.Placement
	graph   *graph.Graph // placed.Graph; operators and Quants are replaced in it
}

func (s *stitching) run(ctx context.Context) error {
	layers := s.graph.Layers()
	ops := make([]graph.Op, len(layers))
	failed := make([]error, len(layers))
	s.ranges()
	s.crew.each(len(layers), func(l int) {
		if failed[l] = ctx.Err(); failed[l] == nil {
			ops[l], failed[l] = s.layer(layers[l], l)
		}
	})
	for l, node := range layers {
		if failed[l] != nil {
			return failed[l]
		}
		s.graph.Nodes[node].Op = ops[l]
	}
	return nil
}

// ranges settles how values are stored, by what they held in the original network.
func (s *stitching) ranges() {
	for i := range s.graph.Nodes {
		n := &s.graph.Nodes[i]
		bits := s.placed.Bits[n.Output]
		if bits == 0 {
			continue
		}
		value := &s.graph.Values[n.Output]
		if s.placed.Same[n.Output] {
			value.Quant = s.graph.Values[n.Inputs[0]].Quant
			continue
		}
		seen := n.Output
		if int(seen) >= len(s.values) { // a Quantize node's, which holds what it reads
			seen = n.Inputs[0]
		}
		q := s.values[seen].quant(bits, s.options.Calibration)
		value.Quant = &q
	}
}

// layer is a layer with repaired weights.
func (s *stitching) layer(node, l int) (graph.Op, error) {
	n := &s.graph.Nodes[node]
	info := s.structure.Layers[l]
	original := &s.structure.Graph.Nodes[info.Node]
	inputs := s.inputs(l)
	whole := len(inputs) == original.Weight().Shape[1]
	bits := graph.FloatBits
	var inputScale float32
	if q := s.graph.Values[n.Inputs[0]].Quant; q != nil && !s.policy[l].Float() {
		bits, inputScale = s.policy[l].WeightBits, q.Scale
	}
	if whole && bits == graph.FloatBits {
		return n.Op, nil
	}
	solved, err := s.solution(l, inputs, bits)
	if err != nil {
		return nil, err
	}
	w, bias := solved.rows(s.kept[l])
	for o, floor := range scaleFloor(bias, inputScale) {
		if bits != graph.FloatBits && w.Scale[o] < floor {
			// A bias far above the weights asks for coarser steps, which depend on the input's.
			float, err := s.solution(l, inputs, graph.FloatBits)
			if err != nil {
				return nil, err
			}
			w, bias = float.rows(s.kept[l])
			return n.WithWeight(s.crew.alone().nearestWeight(&w, bits, s.options.WeightRange, scaleFloor(bias, inputScale)), bias), nil
		}
	}
	return n.WithWeight(w, bias), nil
}

// inputs are the input channels a layer's filters keep, of those they read in the original.
func (s *stitching) inputs(l int) []int {
	return s.structure.FilterInputs(l, s.removed)
}

// solution is a layer's weights for some of its inputs at some bits, from the Database or found anew.
func (c *Compressor) solution(l int, inputs []int, bits int) (*solution, error) {
	w := c.structure.Graph.Nodes[c.structure.Layers[l].Node].Weight()
	shape := slices.Clone(w.Shape)
	shape[1] = len(inputs)
	key := c.entryKey("solution", l, inputs, bits)
	if content, ok := c.options.Database.get(key); ok {
		if s, ok := decodeSolution(content, shape, bits); ok {
			return s, nil
		}
		c.options.Database.drop(key)
	}
	s, err := c.solve(l, inputs, shape, bits)
	if err != nil {
		return nil, err
	}
	c.options.Database.put(key, s.encode())
	return s, nil
}

// solve finds the weights.
func (c *Compressor) solve(l int, inputs, shape []int, bits int) (*solution, error) {
	n := &c.structure.Graph.Nodes[c.structure.Layers[l].Node]
	w := n.Weight()
	outputs, taps := w.Shape[0], graph.Shape(w.Shape[2:]).Elements()
	s := &solution{graph.Weight{Shape: shape}, make([]float32, outputs)}
	copy(s.bias, n.Bias())
	s.weight.Float = w.Select(nil, inputs).Float
	if !c.solvable(l) {
		if bits != graph.FloatBits {
			s.weight = c.crew.nearestWeight(&s.weight, bits, c.options.WeightRange, nil)
		}
		return s, nil
	}
	g, err := c.moments(l)
	if err != nil {
		return nil, err
	}
	if len(inputs) < w.Shape[1] {
		c.crew.without(g, inputs, taps, w, s)
	}
	if bits != graph.FloatBits {
		rounded := c.rounded(&s.weight, bits, g, inputs, taps)
		g.balance(inputs, taps, &s.weight, &rounded, s.bias)
		s.weight = rounded
	}
	return s, nil
}

// rounded are integers for a layer's weights, which read some of the inputs that g is about.
func (c *Compressor) rounded(w *graph.Weight, bits int, g gram, inputs []int, taps int) graph.Weight {
	if !c.options.compensates(w, bits) {
		return c.crew.nearestWeight(w, bits, c.options.WeightRange, nil)
	}
	return c.crew.compensatedWeight(w, bits, nil, []gram{g.of(inputs, taps)})
}

// of are the moments of some of the inputs.
func (g gram) of(inputs []int, taps int) gram {
	places := make([]int, 0, len(inputs)*taps+1)
	for _, channel := range inputs {
		for tap := range taps {
			places = append(places, channel*taps+tap)
		}
	}
	places = append(places, g.size-1)
	some := gram{len(places), make([]float64, 0, len(places)*len(places))}
	for _, r := range places {
		for _, c := range places {
			some.h = append(some.h, g.h[r*g.size+c])
		}
	}
	return some
}

// solvable tells whether a layer's weights are refitted: those of a grouped convolution lose
// whole groups and have nothing to make up for.
func (c *Compressor) solvable(l int) bool {
	n := &c.structure.Graph.Nodes[c.structure.Layers[l].Node]
	conv, ok := n.Op.(*graph.Conv)
	return n.Weight().Channel() < largestFit && !(ok && conv.Groups > 1)
}

// balance gives the biases what rounding takes from the outputs on average.
func (g gram) balance(inputs []int, taps int, weight, rounded *graph.Weight, bias []float32) {
	per, real := weight.Channel(), rounded.Real()
	for o := range bias {
		lost := 0.0
		for i, x := range weight.Float[o*per:][:per] {
			at := inputs[i/taps]*taps + i%taps
			lost += float64(x-real[o*per+i]) * g.h[at*g.size+g.size-1]
		}
		bias[o] += float32(lost)
	}
}

// without refits a layer's filters, which have lost all inputs but some, so that these make up
// for the others.
func (c crew) without(g gram, inputs []int, taps int, original *graph.Weight, s *solution) {
	var left, lost []int
	for channel := range original.Shape[1] {
		_, stays := slices.BinarySearch(inputs, channel)
		for i := channel * taps; i < (channel+1)*taps; i++ {
			if stays {
				left = append(left, i)
			} else {
				lost = append(lost, i)
			}
		}
	}
	// What the lost weights gave is what the change of the others must give.
	outputs := len(s.bias)
	gone := make([]float32, 0, len(lost)*outputs)
	for _, at := range lost {
		for o := range outputs {
			gone = append(gone, original.Float[o*original.Channel()+at])
		}
	}
	rest := c.times(g.covariances(left, lost), gone, len(left), len(lost), outputs)
	if !c.change(g.covariances(left, left), rest, g.ridge()) {
		clear(rest)
	}
	means := g.means()
	for o := range outputs {
		b := float64(s.bias[o])
		for i, at := range lost {
			b += float64(gone[i*outputs+o]) * means[at]
		}
		for i, at := range left {
			b -= float64(rest[i*outputs+o]) * means[at]
			s.weight.Float[o*len(left)+i] += rest[i*outputs+o]
		}
		s.bias[o] = float32(b)
	}
}

// moments are those of what a layer reads in the original network, from the Database or found anew.
func (c *Compressor) moments(l int) (gram, error) {
	n := &c.structure.Graph.Nodes[c.structure.Layers[l].Node]
	size := n.Weight().Channel() + 1
	key := c.entryKey("moments", l, nil, 0)
	if content, ok := c.options.Database.get(key); ok {
		if g, ok := decodeGram(content, size); ok {
			return g, nil
		}
		c.options.Database.drop(key)
	}
	return c.remember(l)
}

// remember runs the original network up to a layer for the moments of what it reads.
func (c *Compressor) remember(l int) (gram, error) {
	last := c.structure.Layers[l].Node
	t := newTrace(c.structure.Graph, c.newTracer(), c.input)
	for i := range last {
		out, err := t.compute(i)
		if err != nil {
			return gram{}, err
		}
		t.keep(i, out)
	}
	return c.keepMoments(l, t), nil
}

// keepMoments takes the moments of what a layer reads and puts them into the Database. They
// are the same as if they had been read from there.
func (c *Compressor) keepMoments(l int, t *trace) gram {
	n := &c.structure.Graph.Nodes[c.structure.Layers[l].Node]
	g := c.crew.gram(c.crew.patchesOf(n, t.values[n.Inputs[0]], c.structure.Graph.Values[n.Output].Shape)[0])
	content := g.encode()
	c.options.Database.put(c.entryKey("moments", l, nil, 0), content)
	g, _ = decodeGram(content, g.size)
	return g
}

// solverVersion changes when the same inputs give other solutions.
const solverVersion = 2

// identify hashes what all entries of a Compressor follow from.
func (c *Compressor) identify(calibration []float32) error {
	h := sha256.New()
	fmt.Fprintf(h, "galen layers %d %s %s %s %g %d\n", solverVersion, c.options.ISA, c.options.Rounding, c.options.WeightRange, ridge, c.crew.pixels)
	if err := graph.Write(h, c.structure.Graph); err != nil {
		return fmt.Errorf("identify the model: %w", err)
	}
	if err := hashFloats(h, calibration); err != nil {
		return err
	}
	h.Sum(c.identity[:0])
	return nil
}

func hashFloats(w io.Writer, x []float32) error {
	buffer := make([]byte, 0, 1<<16)
	for i, v := range x {
		buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
		if len(buffer) == cap(buffer) || i == len(x)-1 {
			if _, err := w.Write(buffer); err != nil {
				return err
			}
			buffer = buffer[:0]
		}
	}
	return nil
}

// entryKey names what was found about a layer.
func (c *Compressor) entryKey(kind string, l int, inputs []int, bits int) entryKey {
	h := sha256.New()
	h.Write(c.identity[:])
	fmt.Fprintf(h, "%s %d %d %v", kind, l, bits, inputs)
	var key entryKey
	h.Sum(key[:0])
	return key
}
