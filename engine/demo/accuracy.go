package demo

import (
	"fmt"

	"galen/engine/dataset"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// Accuracy is the share of a set's images for which the network's largest output is
// that of the label, as the runtime computes it on all cores.
func Accuracy(g *graph.Graph, set *dataset.Set) (float64, error) {
	plan, err := runtime.Compile(g, runtime.Options{})
	if err != nil {
		return 0, fmt.Errorf("accuracy of %q: %w", g.Name, err)
	}
	const batch = 256
	size, classes := plan.InputElements(), plan.OutputElements()
	if size != set.Shape.Elements() || classes != set.NumClasses() {
		return 0, fmt.Errorf("accuracy of %q: it takes %d numbers and tells %d classes apart; the images have %d, of %d classes",
			g.Name, size, classes, set.Shape.Elements(), set.NumClasses())
	}
	images, outputs := make([]float32, batch*size), make([]float32, batch*classes)
	indices := set.Indices()
	correct := 0
	for first := 0; first < len(indices); first += batch {
		chosen := indices[first:min(first+batch, len(indices))]
		plan.RunBatch(outputs, set.Normalized(images, chosen), len(chosen), 0)
		for i, index := range chosen {
			scores := outputs[i*classes : (i+1)*classes]
			largest := 0
			for c, v := range scores {
				if v > scores[largest] {
					largest = c
				}
			}
			if largest == set.Labels[index] {
				correct++
			}
		}
	}
	return float64(correct) / float64(set.Len()), nil
}
