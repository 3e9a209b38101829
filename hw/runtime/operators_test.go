package runtime

import (
	"slices"
	"testing"

	"galen/hw/graph"
)

// TestOperators compares what plans compute for each operator, in floats and between integers, with the reference.
func TestOperators(t *testing.T) {
	for _, example := range graph.Examples() {
		t.Run(example.Name, func(t *testing.T) {
			for _, stored := range []*graph.Quant{nil, {Scale: 0.0625, Zero: 100, Bits: 8}} {
				g, err := example.Graph()
				if err != nil {
					t.Fatal(err)
				}
				if stored != nil {
					for i := range g.Values {
						g.Values[i].Quant = stored
					}
				}
				image := example.Numbers(g.Values[g.Input].Shape.Elements(), 1)
				values := make([]*tensor, len(g.Values))
				values[g.Input] = tensorOf(graph.Value{Shape: g.Values[g.Input].Shape}, image).rounded(stored)
				for i, n := range g.Nodes {
					in := make([]*tensor, len(n.Inputs))
					for j, id := range n.Inputs {
						in[j] = values[id]
					}
					values[n.Output] = interpret(g, i, in)
					if n.Output != g.Output { // the parts of the input, which are moved only
						values[n.Output] = values[n.Output].rounded(stored)
					}
				}
				for _, isa := range instructionSets(t) {
					if d := values[g.Output].differs(g.Values[g.Output].Quant, run(t, g, isa, image)); d != "" {
						t.Errorf("%s, stored as %+v: %s", isa, stored, d)
					}
				}
			}
		})
	}
}

// TestLocality changes every number that an operator reads, one at a time, and looks where its output changes.
func TestLocality(t *testing.T) {
	for _, example := range graph.Examples() {
		t.Run(example.Name, func(t *testing.T) {
			g, err := example.Graph()
			if err != nil {
				t.Fatal(err)
			}
			output := g.Values[g.Output].Shape
			image := example.Numbers(g.Values[g.Input].Shape.Elements(), 1)
			before := run(t, g, "", image)
			if example.Op.Locality() == graph.Moving {
				for i, y := range before {
					if pad, ok := example.Op.(*graph.Pad); !slices.Contains(image, y) && !(ok && y == pad.Value) {
						t.Errorf("output %d is %g, which is no input", i, y)
					}
				}
			}
			changed, mixed := false, false
			at := 0
			for _, input := range example.Inputs {
				for place := range input.Elements() {
					old := image[at]
					image[at] = old*0.5 + 1
					for i, y := range run(t, g, "", image) {
						if y == before[i] {
							continue
						}
						changed = true
						same := repeated(input, channelOf(output, i)) == channelOf(input, place)
						mixed = mixed || !same
						switch example.Op.Locality() {
						case graph.Elementwise:
							if repeatedPlace(input, output, i) != place {
								t.Fatalf("output %d of %v depends on place %d of %v", i, output, place, input)
							}
						case graph.Channelwise:
							if !same {
								t.Fatalf("output %d of %v depends on place %d of %v, in another channel", i, output, place, input)
							}
						case graph.Moving:
							if y != image[at] {
								t.Fatalf("output %d became %g where the input became %g", i, y, image[at])
							}
						}
					}
					image[at] = old
					at++
				}
			}
			if !changed {
				t.Error("nothing changes the output")
			}
			if n := g.Nodes[len(g.Nodes)-1]; example.Op.Locality() == graph.Mixing && n.Weight() == nil && !mixed {
				t.Error("it mixes no channels")
			}
		})
	}
}

func channelOf(shape graph.Shape, place int) int { return place / shape[1:].Elements() }

// repeated is the channel of an input that belongs to a channel of the output.
func repeated(input graph.Shape, channel int) int { return min(channel, input[0]-1) }

// repeatedPlace is the place of an input at a place of the output, where the input is repeated if it is narrow.
func repeatedPlace(input, output graph.Shape, place int) int {
	from, step := 0, 1
	for d := len(output) - 1; d >= 0; d-- {
		if at := place % output[d]; input[d] > 1 {
			from += at * step
		}
		place /= output[d]
		step *= input[d]
	}
	return from
}
