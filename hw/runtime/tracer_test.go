package runtime

import (
	"errors"
	"testing"

	"galen/hw/graph"
)

// image is image i of the batch as a tensor of the reference.
func (b *Batch) image(v graph.Value, i int) *tensor {
	n := v.Shape.Elements()
	return tensorOf(v, b.Outputs()[i*n:(i+1)*n])
}

func TestTracerNodes(t *testing.T) {
	const images = 3
	for _, isa := range instructionSets(t) {
		t.Run(string(isa), func(t *testing.T) {
			for seed := range several(30) {
				s := randomGraph(seed, 12, false)
				var all []float32
				for range images {
					all = append(all, s.Image()...)
				}
				tracer := NewTracer(isa, 2)
				values := make([]*Batch, len(s.g.Values))
				err := tracer.Run(s.g, tracer.Input(s.g, all, images), 0, values, func(node int, out *Batch) error {
					n := s.g.Nodes[node]
					v := s.g.Values[n.Output]
					for i := range images {
						in := make([]*tensor, len(n.Inputs))
						for j, id := range n.Inputs {
							in[j] = values[id].image(s.g.Values[id], i)
						}
						size := v.Shape.Elements()
						if d := interpret(s.g, node, in).differs(v.Quant, out.Outputs()[i*size:(i+1)*size]); d != "" {
							t.Fatalf("seed %d, image %d: node %d of %s: %s", seed, i, node, describe(s.g), d)
						}
						for _, x := range out.Images[i][:out.Stride] {
							if x != 0 {
								t.Fatalf("seed %d: the padding pixel of node %d holds %g", seed, node, x)
							}
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestTracerIsPlan compares tracer and plan over whole graphs where float32 is exact.
func TestTracerIsPlan(t *testing.T) {
	for seed := range several(80) {
		s := randomGraph(seed, 14, true)
		tracer := NewTracer("", 1)
		values := make([]*Batch, len(s.g.Values))
		if err := tracer.Run(s.g, tracer.Input(s.g, s.image, 1), 0, values, nil); err != nil {
			t.Fatal(err)
		}
		got := values[s.g.Output].Outputs()
		for i, want := range run(t, s.g, "", s.image) {
			if got[i] != want {
				t.Fatalf("seed %d: %s: element %d is %g, the plan gives %g", seed, describe(s.g), i, got[i], want)
			}
		}
	}
}

// TestTracerPrefix starts from kept tensors and changes one on the way.
func TestTracerPrefix(t *testing.T) {
	g := resnet(t, resnet20, nil)
	tracer := NewTracer("", 0)
	input := tracer.Input(g, images(g, 2), 2)
	whole := make([]*Batch, len(g.Values))
	if err := tracer.Run(g, input, 0, whole, nil); err != nil {
		t.Fatal(err)
	}
	from := len(g.Nodes) / 2
	values := make([]*Batch, len(g.Values))
	for _, n := range g.Nodes[:from] {
		values[n.Output] = whole[n.Output]
	}
	if err := tracer.Run(g, input, from, values, nil); err != nil {
		t.Fatal(err)
	}
	same := func(a, b []float32) bool {
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return true
	}
	if !same(values[g.Output].Outputs(), whole[g.Output].Outputs()) {
		t.Error("a run from a kept prefix differs from a whole one")
	}
	err := tracer.Run(g, nil, from, values, func(node int, out *Batch) error {
		if node == from {
			for p := range out.Pixels {
				out.Pixel(1, p)[0] += 10
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, want := values[g.Output].Outputs(), whole[g.Output].Outputs()
	half := len(got) / 2
	if !same(got[:half], want[:half]) || same(got[half:], want[half:]) {
		t.Error("an edit of the second image must change its result and no other")
	}
}

func TestTracerErrors(t *testing.T) {
	g := resnet(t, resnet20, nil)
	tracer := NewTracer("", 1)
	input := tracer.Input(g, images(g, 1), 1)
	if err := tracer.Run(g, input, 0, nil, nil); err == nil {
		t.Error("too few values are not reported")
	}
	if err := tracer.Run(g, input, 3, make([]*Batch, len(g.Values)), nil); err == nil {
		t.Error("a missing prefix is not reported")
	}
	if _, err := tracer.Node(g, 1, []*Batch{input}); err == nil {
		t.Error("an input of the wrong shape is not reported")
	}
	stop := errors.New("enough")
	err := tracer.Run(g, input, 0, make([]*Batch, len(g.Values)), func(int, *Batch) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("visit's error became %v", err)
	}
}
