package runtime

import (
	"math/rand/v2"
	"slices"
	"testing"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// TestViews runs chains of operators that move scalars and change quantizations, most of which are one step, and
// compares with computing them one by one.
func TestViews(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 2))
	for range 100 {
		b := newResnetBuilder(t, graph.Shape{1 + rng.IntN(40), 3 + rng.IntN(6), 2 + rng.IntN(6)})
		quant := func() *graph.Quant { return nil }
		if rng.IntN(4) > 0 {
			quant = func() *graph.Quant {
				return &graph.Quant{Scale: []float32{0.125, 0.125, 0.25, 0.0625}[rng.IntN(4)], Zero: uint8(rng.IntN(3) * 7), Bits: 6 + 2*rng.IntN(2)}
			}
		}
		known := []graph.ValueID{b.append(graph.Quantize{}, quant(), 0)}
		for range 12 {
			// Mostly the last value, so that chains grow, of which others may branch off.
			x, y := known[max(rng.IntN(len(known)), rng.IntN(len(known)), rng.IntN(len(known)))], known[rng.IntN(len(known))]
			shape := b.g.Values[x].Shape
			q := b.g.Values[x].Quant
			if rng.IntN(3) == 0 {
				q = quant()
			}
			switch rng.IntN(7) {
			case 0:
				x = b.append(graph.Quantize{}, q, x)
			case 1:
				x = b.append(graph.Clip{Min: -0.5, Max: 1}, q, x)
			case 2:
				pad := &graph.Pad{Value: float32(rng.IntN(3)-1) / 4}
				for range shape {
					pad.Before, pad.After = append(pad.Before, rng.IntN(3)), append(pad.After, rng.IntN(2))
				}
				x = b.append(pad, q, x)
			case 3:
				axis := rng.IntN(3)
				index := rng.Perm(shape[axis])
				x = b.append(&graph.Gather{Axis: axis, Index: index}, q, x)
			case 4:
				concat := graph.Concat{Axis: rng.IntN(3)}
				if _, err := concat.OutputShape([]graph.Shape{shape, b.g.Values[y].Shape}); err != nil || shape.Elements() > 1<<14 {
					y = x
				}
				if shape.Elements() < 1<<14 {
					x = b.append(concat, q, x, y)
				}
			default:
				slice := &graph.Slice{}
				for _, d := range shape {
					step := 1 + rng.IntN(2)
					slice.Start, slice.End, slice.Step = append(slice.Start, rng.IntN((d+1)/2)), append(slice.End, d), append(slice.Step, step)
				}
				x = b.append(slice, q, x)
			}
			known = append(known, x)
		}
		x := images(b.g, 1)
		for i := range x {
			x[i] = float32(int(x[i]*16)) / 16
		}
		want := traced(t, b.g, x)
		for _, isa := range kernel.Supported() {
			got := make([]float32, len(want))
			w := compiled(t, b.g, isa).NewWorker()
			for range 2 { // what an earlier run has left changes nothing
				w.Run(got, x)
				if !slices.Equal(got, want) {
					t.Fatalf("%s: %s: got %v, want %v", isa, describe(b.g), got, want)
				}
			}
		}
	}
}

// TestShortcutIsOneStep compiles the shortcut of a residual network without projections.
func TestShortcutIsOneStep(t *testing.T) {
	q, wide := &graph.Quant{Scale: 0.25, Zero: 3, Bits: 8}, &graph.Quant{Scale: 0.125, Zero: 9, Bits: 8}
	for _, test := range []struct {
		from, to *graph.Quant
		steps    int
	}{
		{nil, nil, 2}, // floats are clamped in a step of their own
		{q, q, 1},
		{q, wide, 1},
	} {
		b := newResnetBuilder(t, graph.Shape{8, 32, 32})
		b.g.Values[0].Quant = test.from
		x := b.append(&graph.Slice{Start: []int{0, 0, 0}, End: []int{8, 32, 32}, Step: []int{1, 2, 1}}, test.from, 0)
		x = b.append(&graph.Slice{Start: []int{0, 0, 0}, End: []int{8, 16, 32}, Step: []int{1, 1, 2}}, test.from, x)
		x = b.append(&graph.Pad{Before: []int{3, 0, 0}, After: []int{5, 0, 0}}, test.from, x)
		b.append(graph.Quantize{}, test.to, x)
		if plan := compiled(t, b.g, kernel.Portable); len(plan.steps) != test.steps {
			t.Errorf("from %+v to %+v: %d steps, want %d", test.from, test.to, len(plan.steps), test.steps)
		}
	}
}
