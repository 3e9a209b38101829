package engine

import (
	"context"
	"fmt"

	"galen/engine/dataset"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// pictures are labelled images that networks are scored on.
type pictures interface {
	len() int
	label(i int) int

	// portion writes the normalized pixels of images from up to but excluding to into
	// dst, or into a new slice if it is too small, and returns them.
	portion(dst []float32, from, to int) ([]float32, error)
}

// images are normalized pictures in memory, channels outermost, one after the other.
type images struct {
	pixels []float32
	labels []int
}

func (m images) len() int        { return len(m.labels) }
func (m images) label(i int) int { return m.labels[i] }

func (m images) portion(_ []float32, from, to int) ([]float32, error) {
	size := len(m.pixels) / len(m.labels)
	return m.pixels[from*size : to*size], nil
}

// selection is some images of a set, read and normalized when they are asked for.
type selection struct {
	set     *dataset.Set
	indices []int
}

func (s selection) len() int        { return len(s.indices) }
func (s selection) label(i int) int { return s.set.Labels[s.indices[i]] }

func (s selection) portion(dst []float32, from, to int) ([]float32, error) {
	return s.set.Read(dst, s.indices[from:to])
}

// gather reads all the images at the indices.
func gather(set *dataset.Set, indices []int) (images, error) {
	pixels, err := set.Read(nil, indices)
	return images{pixels, set.LabelsOf(indices)}, err
}

// score is how well a network classifies images.
type score struct {
	top1, top5 float64 // shares of the images, in [0,1]
}

// portionBytes is about how much memory the images take that a network is run on at a
// time; the next ones are read meanwhile.
const portionBytes = 32 << 20

// evaluate runs the graph on the images, all cores, and counts how often the right class
// is the first and among the first five.
func evaluate(ctx context.Context, g *graph.Graph, m pictures) (score, error) {
	plan, err := runtime.Compile(g, runtime.Options{})
	if err != nil {
		return score{}, fmt.Errorf("compile: %w", err)
	}
	return evaluateBy(func(outputs, images []float32, n int) error {
		return plan.RunBatchContext(ctx, outputs, images, n, 0)
	}, plan.InputElements(), plan.OutputElements(), m)
}

// evaluateBy is evaluate for anything that gives the outputs of n images.
func evaluateBy(run func(outputs, images []float32, n int) error, pixels, classes int, m pictures) (score, error) {
	size := min(m.len(), max(1, portionBytes/4/pixels))
	outputs := make([]float32, size*classes)

	// Two buffers take turns: one is read into while the network runs on the other.
	type portion struct {
		pixels []float32
		err    error
	}
	read := make(chan portion, 1)
	next := func(buffer []float32, from int) {
		if from < m.len() {
			pixels, err := m.portion(buffer, from, min(from+size, m.len()))
			read <- portion{pixels, err}
		}
	}
	go next(nil, 0)
	var spare []float32
	var first, five int
	for from := 0; from < m.len(); from += size {
		p := <-read
		if p.err != nil {
			return score{}, p.err
		}
		go next(spare, from+size)
		n := min(size, m.len()-from)
		if err := run(outputs, p.pixels, n); err != nil {
			return score{}, err
		}
		spare = p.pixels
		for i := range n {
			rank := rankOf(outputs[i*classes:(i+1)*classes], m.label(from+i))
			if rank == 0 {
				first++
			}
			if rank < 5 {
				five++
			}
		}
	}
	n := float64(m.len())
	return score{float64(first) / n, float64(five) / n}, nil
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
