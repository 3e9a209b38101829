package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"galen/engine/dataset"
)

// Progress is where training stands after a step.
type Progress struct {
	Epoch, Epochs   int // from 1
	Step, Steps     int // over all epochs, from 1
	Loss            float64
	Accuracy        float64 // both means over the epoch so far, on the images as augmented
	LearningRate    float64
	ImagesPerSecond float64 // since the start
}

// Fit trains for Options.Epochs on the set's images at the indices (nil: all), in a
// new order each epoch, shifted and mirrored as the options say. An incomplete
// last batch is left out. progress, if not nil, is called after every step. Fit
// ends early with ctx's error; the network then is as the last step left it.
func (t *Trainer) Fit(ctx context.Context, set *dataset.Set, indices []int, progress func(Progress)) error {
	if shape := t.graph.Values[t.graph.Input].Shape; !slices.Equal(shape, set.Shape) {
		return fmt.Errorf("training on %s: its images are %v, the network takes %v", set.Name, []int(set.Shape), []int(shape))
	}
	if indices == nil {
		indices = set.Indices()
	}
	batch := min(t.options.Batch, len(indices))
	if batch < 2 {
		return fmt.Errorf("training on %s: %d images, wants 2 or more", set.Name, len(indices))
	}
	perEpoch := len(indices) / batch
	steps := perEpoch * t.options.Epochs
	warmUp := int(math.Round(t.options.WarmUp * float64(perEpoch)))
	order := slices.Clone(indices)
	source := newAugmentation(t.options, set)
	start := time.Now()
	for epoch := range t.options.Epochs {
		random := rand.NewPCG(t.options.Seed, uint64(epoch))
		shuffle(order, random)
		var loss float64
		correct := 0
		for k := range perEpoch {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("training on %s: %w", set.Name, err)
			}
			chosen := order[k*batch : (k+1)*batch]
			if err := source.fill(t, chosen, random); err != nil {
				return fmt.Errorf("training on %s: %w", set.Name, err)
			}
			step := epoch*perEpoch + k
			t.rate = scheduledRate(t.options.LearningRate, step, warmUp, steps)
			l, c, err := t.step(set.LabelsOf(chosen))
			if err != nil {
				return fmt.Errorf("training on %s: %w", set.Name, err)
			}
			if math.IsNaN(l) || math.IsInf(l, 0) {
				return fmt.Errorf("training on %s: the loss is %v at step %d; lower the learning rate (%g) or lengthen the warm-up", set.Name, l, step+1, t.options.LearningRate)
			}
			loss, correct = loss+l, correct+c
			if progress != nil {
				progress(Progress{
					Epoch: epoch + 1, Epochs: t.options.Epochs, Step: step + 1, Steps: steps,
					Loss: loss / float64(k+1), Accuracy: float64(correct) / float64((k+1)*batch),
					LearningRate:    t.rate,
					ImagesPerSecond: float64((step+1)*batch) / time.Since(start).Seconds(),
				})
			}
		}
	}
	return nil
}

// shuffle permutes by Fisher and Yates, on the generator's own specified numbers.
func shuffle(order []int, random *rand.PCG) {
	for i := len(order) - 1; i > 0; i-- {
		j := int(random.Uint64() % uint64(i+1))
		order[i], order[j] = order[j], order[i]
	}
}
