package train

import (
	"math/rand/v2"

	"galen/engine/dataset"
)

// augmentation turns stored images into training input: a random crop of the image
// with black around it, perhaps mirrored, normalized.
type augmentation struct {
	set     *dataset.Set
	crop    int
	flip    bool
	tables  [][256]float32
	choices []choice
}

// choice is what becomes of one image.
type choice struct {
	dy, dx int // where the crop starts in the image
	mirror bool
}

func newAugmentation(o Options, set *dataset.Set) *augmentation {
	return &augmentation{set: set, crop: o.Crop, flip: o.Flip, tables: set.Normalization()}
}

// fill writes the images at the indices to the network's input. A set that is not in memory
// is read as it is needed; the error names the file that could not be.
func (a *augmentation) fill(t *Trainer, indices []int, random *rand.PCG) error {
	a.choices = a.choices[:0]
	for range indices {
		bits := random.Uint64()
		span := uint64(2*a.crop + 1)
		a.choices = append(a.choices, choice{
			dy:     int(bits>>32&0xffffff%span) - a.crop,
			dx:     int(bits>>8&0xffffff%span) - a.crop,
			mirror: a.flip && bits&1 == 1,
		})
	}
	set := a.set
	if !set.InMemory() {
		loaded, err := set.Load(indices)
		if err != nil {
			return err
		}
		set, indices = loaded, loaded.Indices()
	}
	input := t.value(t.graph.Input, len(indices))
	t.pool.run(len(indices), func(_, i int) {
		a.write(input, i, set.Image(indices[i]), a.choices[i])
	})
	return nil
}

func (a *augmentation) write(input *tensor, i int, image []uint8, choice choice) {
	pixels := input.pixels(i)
	for c := range input.channels {
		table := &a.tables[c]
		plane := image[c*input.height*input.width:][:input.height*input.width]
		for y := range input.height {
			for x := range input.width {
				column := x
				if choice.mirror {
					column = input.width - 1 - x
				}
				row, column := y+choice.dy, column+choice.dx
				var v uint8
				if row >= 0 && row < input.height && column >= 0 && column < input.width {
					v = plane[row*input.width+column]
				}
				pixels[(y*input.width+x)*input.stride+c] = table[v]
			}
		}
	}
}
