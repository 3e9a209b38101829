package compress

import (
	"context"
	"fmt"
	"slices"

	"galen/engine/compress/structure"
	"galen/hw/graph"
)

// Sensitivity measures the curves of all layers of the original network, in order, on n images (as
// those given to New), at the sparsities 0, 0.1, … 0.9 and at clip(⌊(1−x)·maxBits⌋+1, 1, maxBits)
// bits for the same x. Quantization ranges are those of the calibration images. progress, if not
// nil, is told after each piece of work; an error of it ends the measurement. The result depends
// on nothing but graph, images and settings; a Database that has it spares the work.
func (c *Compressor) Sensitivity(ctx context.Context, images []float32, n, maxBits int, progress func(done, total int) error) ([]Curve, error) {
	if maxBits < 1 || maxBits > 8 {
		return nil, fmt.Errorf("measuring sensitivity: a ceiling of %d bits; 1 to 8 are possible", maxBits)
	}
	measureAll := func() ([]Curve, error) {
		probes := slices.Repeat([]Probe{levels(maxBits)}, len(c.structure.Layers))
		return c.SensitivityAround(ctx, c.structure.Uniform(0, graph.FloatBits), probes, images, n, progress)
	}
	if c.options.Database == nil {
		return measureAll()
	}
	key, err := c.curvesKey(images, maxBits)
	if err != nil {
		return nil, fmt.Errorf("measuring sensitivity: %w", err)
	}
	if curves, ok := c.storedCurves(key); ok {
		return curves, nil
	}
	curves, err := measureAll()
	if err != nil {
		return nil, err
	}
	c.options.Database.put(key, encodeCurves(curves))
	return curves, nil
}

// SensitivityAround measures curves in a network that is compressed already: all layers are as the
// policy says, pruned and rounded to nearest without repair, but for one parameter of one
// layer, which takes the values of the layer's probe. Else it is as [Compressor.Sensitivity],
// without the Database.
func (c *Compressor) SensitivityAround(ctx context.Context, p structure.Policy, probes []Probe, images []float32, n int, progress func(done, total int) error) ([]Curve, error) {
	input := c.structure.Graph.Values[c.structure.Graph.Input].Shape
	switch err := c.structure.Validate(p); {
	case err != nil:
		return nil, fmt.Errorf("measuring sensitivity: %w", err)
	case n < 1 || len(images) != n*input.Elements():
		return nil, fmt.Errorf("measuring sensitivity: %d numbers are not the pixels of %d images of %v", len(images), n, input)
	case len(probes) != len(p):
		return nil, fmt.Errorf("measuring sensitivity: %d layers are to be probed, the policy has %d", len(probes), len(p))
	}
	curves, err := c.withoutRepair(p).sensitivity(ctx, probes, images, n, progress)
	if err != nil {
		return nil, fmt.Errorf("measuring sensitivity: %w", err)
	}
	return curves, nil
}

func (s *unrepaired) sensitivity(ctx context.Context, probes []Probe, images []float32, n int, progress func(done, total int) error) ([]Curve, error) {
	curves, changes := s.changes(probes)
	size := len(images) / n
	portion := s.portion(n)
	tracer := s.workers.Tracer()
	done, total := 0, (n+portion-1)/portion*len(changes)
	for first := 0; first < n; first += portion {
		count := min(portion, n-first)
		input := tracer.Input(s.structure.Graph, images[first*size:(first+count)*size], count)
		original, err := s.outputs(tracer, input)
		if err != nil {
			return nil, err
		}
		values, err := s.trace(tracer, input)
		if err != nil {
			return nil, err
		}
		unchanged := klSum(original, values[s.logits()].Outputs(), count)
		err = s.divergences(ctx, changes, values, original, func(ch *change, divergence float64) error {
			for _, point := range ch.points {
				*point += (divergence - unchanged) / float64(n)
			}
			if done++; progress != nil {
				return progress(done, total)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return curves, nil
}

// What bounds the unchanged network's tensors that are held at a time. Every change packs its weights
// anew for every portion of the images, so the more weights there are, the more images it takes to make
// that little.
const (
	portionBytes     = 32 << 20
	portionPerWeight = 12 // bytes
	leastPortion     = 4
)

// portion is how many of n images are run together. Divergences are summed by portions, so it depends
// on nothing but the graph.
func (o *original) portion(n int) int {
	_, _, weights := o.structure.Graph.Totals()
	image := 0 // bytes of all tensors
	for _, v := range o.structure.Graph.Values {
		image += 4 * v.Shape.Elements()
	}
	return min(n, max(max(portionBytes, portionPerWeight*int(weights))/image, leastPortion))
}
