package runtime

import (
	"math"
	"slices"
	"testing"

	"galen/hw/graph"
)

// TestWinogradIsDirect compares whole networks computed with and without Winograd's transforms:
// residual networks, and a chain of odd shapes.
func TestWinogradIsDirect(t *testing.T) {
	for name, g := range map[string]*graph.Graph{
		"ResNet20": resnet(t, resnet20, nil),
		"odd":      oddShapes(t),
	} {
		for _, isa := range instructionSets(t) {
			fast := compiled(t, g, isa)
			if !slices.ContainsFunc(fast.Layers(), func(l LayerPlan) bool { return l.Kernel == "winograd" }) {
				t.Errorf("%s on %s has no layer computed by Winograd's transforms", name, isa)
			}
			x := images(g, 2)
			got := make([]float32, 2*fast.OutputElements())
			w := fast.NewWorker()
			for i := range 2 {
				w.Run(got[i*len(got)/2:(i+1)*len(got)/2], x[i*len(x)/2:(i+1)*len(x)/2])
			}
			want := slices.Concat(run(t, g, isa, x[:len(x)/2]), run(t, g, isa, x[len(x)/2:]))
			difference, size := 0.0, 0.0
			for i := range got {
				difference += math.Pow(float64(got[i])-float64(want[i]), 2)
				size += math.Pow(float64(want[i]), 2)
			}
			if !(difference <= 1e-10*size) {
				t.Errorf("%s on %s: relative difference %.2g", name, isa, math.Sqrt(difference/size))
			}
		}
	}
}

// oddShapes has channels that fill no vector, images that fill no tile and paddings that
// differ from side to side.
func oddShapes(t *testing.T) *graph.Graph {
	b := newResnetBuilder(t, graph.Shape{17, 23, 19})
	x := graph.ValueID(0)
	for i, pad := range [][4]int{{1, 1, 1, 1}, {0, 2, 1, 0}, {2, 0, 0, 1}, {1, 1, 1, 1}} {
		in := b.g.Values[x].Shape[0]
		y := b.append(&graph.Conv{
			Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: pad, Groups: 1,
			Weight: b.weight([]int{in + 5*(i%2), in, 3, 3}),
		}, nil, x)
		if slices.Equal(b.g.Values[y].Shape, b.g.Values[x].Shape) {
			y = b.append(graph.Add{}, nil, y, x)
		}
		x = b.append(graph.Clip{Min: -1, Max: 2}, nil, y)
	}
	return b.g
}
