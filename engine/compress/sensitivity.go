package compress

import (
	"context"
	"fmt"
	"slices"

	"galen/engine/compress/structure"
	"galen/hw/graph"
)

// Levels is the number of points of a sensitivity curve: the parameter at 0, 0.1, … 0.9.
const Levels = 10

// NotAllowed stands in a curve where a layer cannot take the parameter.
const NotAllowed = 1000

// Curve is how much further the network's output distribution moves from the original's when
// one layer is compressed by one parameter:
//
//	KL(original ‖ changed) − KL(original ‖ unchanged)
//
// of the softmax outputs, the mean over images, in nats. The unchanged network may be the original
// itself; in one that is compressed already, numbers are below zero where the change takes
// compression back.
type Curve struct {
	Sparsity       []float64 // of the layer's whole group; NotAllowed for layers that do not decide it
	ActivationBits []float64 // NotAllowed for layers that must not be mixed
	WeightBits     []float64 // as ActivationBits
	Int8           float64   // weights and activations at eight bits
	Float          float64   // neither quantized
}

// Probe lists the values at which the parameters of one layer are measured, one parameter
// at a time.
type Probe struct {
	Sparsity                   []float64 // ascending, in [0,1); read for layers that decide their group's
	WeightBits, ActivationBits []int     // 1 to 8, or 32 for float
}

// Sensitivity measures the curves of all layers of the original network, in order, on n images (as
// those given to New), at the sparsities 0, 0.1, … 0.9 and at clip(⌊(1−x)·maxBits⌋+1, 1, maxBits)
// bits for the same x. Quantization ranges are those of the calibration images. progress, if not
// nil, is told after each piece of work; an error of it ends the measurement. The result depends
// on nothing but graph, images and settings; a Database that has it spares the work.
func (c *Compressor) Sensitivity(ctx context.Context, images []float32, n, maxBits int, progress func(done, total int) error) ([]Curve, error) {
	if maxBits < 1 || maxBits > 8 {
		return nil, fmt.Errorf("measuring sensitivity: a ceiling of %d bits; 1 to 8 are possible", maxBits)
	}
	measure := func() ([]Curve, error) {
		probes := slices.Repeat([]Probe{levels(maxBits)}, len(c.structure.Layers))
		return c.SensitivityAround(ctx, c.structure.Uniform(0, graph.FloatBits), probes, images, n, progress)
	}
	if c.options.Database == nil {
		return measure()
	}
	key, err := c.curvesKey(images, maxBits)
	if err != nil {
		return nil, fmt.Errorf("measuring sensitivity: %w", err)
	}
	if curves, ok := c.storedCurves(key); ok {
		return curves, nil
	}
	curves, err := measure()
	if err != nil {
		return nil, err
	}
	c.options.Database.put(key, encodeCurves(curves))
	return curves, nil
}

// levels are the values of a curve of the original network.
func levels(maxBits int) (p Probe) {
	for level := range Levels {
		p.Sparsity = append(p.Sparsity, float64(level)/Levels)
		p.WeightBits = append(p.WeightBits, levelBits(level, maxBits))
	}
	p.ActivationBits = p.WeightBits
	return p
}

// levelBits is clip(⌊(1−x)·B⌋+1, 1, B) at x = level/Levels, in whole numbers.
func levelBits(level, maxBits int) int {
	return min((Levels-level)*maxBits/Levels+1, maxBits)
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
	curves, err := c.settle(p).sensitivity(ctx, probes, images, n, progress)
	if err != nil {
		return nil, fmt.Errorf("measuring sensitivity: %w", err)
	}
	return curves, nil
}

func (s *settled) sensitivity(ctx context.Context, probes []Probe, images []float32, n int, progress func(done, total int) error) ([]Curve, error) {
	curves, changes := s.changes(probes)
	size := len(images) / n
	portion := s.portion(n)
	tracer := s.newTracer()
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
func (c *Compressor) portion(n int) int {
	_, _, weights := c.structure.Graph.Totals()
	image := 0 // bytes of all tensors
	for _, v := range c.structure.Graph.Values {
		image += 4 * v.Shape.Elements()
	}
	return min(n, max(max(portionBytes, portionPerWeight*int(weights))/image, leastPortion))
}
