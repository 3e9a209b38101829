package workload

import (
	"context"
	"fmt"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// Score is how well a network classifies images.
type Score struct {
	Top1, Top5 float64 // shares of the images, in [0,1]
}

// portionBytes is about how much memory the images take that a network is run on at a
// time; the next ones are read meanwhile.
const portionBytes = 32 << 20

// Evaluate runs the graph on the images, all cores, and counts how often the right class
// is the first and among the first five.
func Evaluate(ctx context.Context, g *graph.Graph, m Pictures) (Score, error) {
	plan, err := runtime.Compile(g, runtime.Options{})
	if err != nil {
		return Score{}, fmt.Errorf("compile: %w", err)
	}
	return EvaluateBy(func(outputs, images []float32, n int) error {
		return plan.RunBatchContext(ctx, outputs, images, n, 0)
	}, plan.InputElements(), plan.OutputElements(), m)
}

// EvaluateBy is Evaluate for anything that gives the outputs of n images.
func EvaluateBy(run func(outputs, images []float32, n int) error, pixels, classes int, m Pictures) (Score, error) {
	size := min(m.Len(), max(1, portionBytes/4/pixels))
	outputs := make([]float32, size*classes)

	// Two buffers take turns: one is read into while the network runs on the other.
	type portion struct {
		pixels []float32
		err    error
	}
	read := make(chan portion, 1)
	next := func(buffer []float32, from int) {
		if from < m.Len() {
			pixels, err := m.Portion(buffer, from, min(from+size, m.Len()))
			read <- portion{pixels, err}
		}
	}
	go next(nil, 0)
	var spare []float32
	var first, five int
	for from := 0; from < m.Len(); from += size {
		p := <-read
		if p.err != nil {
			return Score{}, p.err
		}
		go next(spare, from+size)
		n := min(size, m.Len()-from)
		if err := run(outputs, p.pixels, n); err != nil {
			return Score{}, err
		}
		spare = p.pixels
		for i := range n {
			rank := rankOf(outputs[i*classes:(i+1)*classes], m.Label(from+i))
			if rank == 0 {
				first++
			}
			if rank < 5 {
				five++
			}
		}
	}
	n := float64(m.Len())
	return Score{float64(first) / n, float64(five) / n}, nil
}

// rankOf is how many classes score at least as well as the label; of equal scores
// the lower class comes first, as argmax does.
func rankOf(logits []float32, label int) int {
	rank := 0
	for c, y := range logits {
		if y > logits[label] || y == logits[label] && c < label {
			rank++
		}
	}
	return rank
}
