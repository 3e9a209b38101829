package workload

import (
	"galen/engine/dataset"
)

// Pictures are labelled images that networks are scored on.
type Pictures interface {
	Len() int
	Label(i int) int

	// Portion writes the normalized pixels of images from up to but excluding to into
	// dst, or into a new slice if it is too small, and returns them.
	Portion(dst []float32, from, to int) ([]float32, error)
}

// Images are normalized pictures in memory, channels outermost, one after the other.
type Images struct {
	Pixels []float32
	Labels []int
}

// Len is how many images there are.
func (m Images) Len() int { return len(m.Labels) }

// Label is the class of an image.
func (m Images) Label(i int) int { return m.Labels[i] }

// Portion returns the pixels as they lie.
func (m Images) Portion(_ []float32, from, to int) ([]float32, error) {
	size := len(m.Pixels) / len(m.Labels)
	return m.Pixels[from*size : to*size], nil
}

// Selection is some images of a set, read and normalized when they are asked for.
type Selection struct {
	Set     *dataset.Set
	Indices []int
}

// All is a whole set.
func All(set *dataset.Set) Selection { return Selection{set, set.Indices()} }

// Len is how many images were selected.
func (s Selection) Len() int { return len(s.Indices) }

// Label is the class of a selected image.
func (s Selection) Label(i int) int { return s.Set.Labels[s.Indices[i]] }

// Portion reads some of the selected images.
func (s Selection) Portion(dst []float32, from, to int) ([]float32, error) {
	return s.Set.Read(dst, s.Indices[from:to])
}

// gather reads all the images at the indices.
func gather(set *dataset.Set, indices []int) (Images, error) {
	pixels, err := set.Read(nil, indices)
	return Images{pixels, set.LabelsOf(indices)}, err
}
