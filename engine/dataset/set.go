// Package dataset reads labelled images, fingerprints them and divides them into
// the parts a search needs. It also holds a procedural data set, so that the tool
// can show itself with nothing downloaded.
package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"galen/hw/graph"
)

// Set is a list of labelled images of one shape.
type Set struct {
	Name    string
	Classes []string    // names, by label
	Shape   graph.Shape // channels, height, width
	Images  []uint8     // Len images, each in Shape's order
	Labels  []int
	Mean    []float32 // per channel, of pixels scaled to [0,1]
	Std     []float32 // per channel, of pixels scaled to [0,1]
}

// Data is a training set and, where there is one, a test set of the same classes.
type Data struct {
	Name    string
	Path    string // where it was read from; empty if generated
	SHA256  string // hexadecimal, of all labels and pixels; see Fingerprint
	Train   *Set
	Test    *Set // nil: none
	HoldOut int  // how many records at the end of Train no training may see; 0: as many as validation asks for
}

// Len is the number of images.
func (s *Set) Len() int { return len(s.Labels) }

// NumClasses is the number of classes.
func (s *Set) NumClasses() int { return len(s.Classes) }

// Image is the i-th image's pixels as stored; the slice is shared.
func (s *Set) Image(i int) []uint8 {
	size := s.Shape.Elements()
	return s.Images[i*size : (i+1)*size]
}

// Normalized writes the images at the indices to dst, one after the other in
// Shape's order, every pixel x as (x/255 − mean)/std of its channel. It returns
// the part of dst it filled; a dst that is too small is replaced.
func (s *Set) Normalized(dst []float32, indices []int) []float32 {
	size := s.Shape.Elements()
	if len(dst) < size*len(indices) {
		dst = make([]float32, size*len(indices))
	}
	dst = dst[:size*len(indices)]
	tables := s.Normalization()
	plane := s.Shape[1] * s.Shape[2]
	for n, index := range indices {
		image, out := s.Image(index), dst[n*size:(n+1)*size]
		for c := range tables {
			table := &tables[c]
			in, out := image[c*plane:(c+1)*plane], out[c*plane:(c+1)*plane]
			for i, x := range in {
				out[i] = table[x]
			}
		}
	}
	return dst
}

// Normalization tabulates, per channel, what each of the 256 pixel values becomes.
func (s *Set) Normalization() [][256]float32 {
	tables := make([][256]float32, s.Shape[0])
	for c := range tables {
		for x := range tables[c] {
			tables[c][x] = float32((float64(x)/255 - float64(s.Mean[c])) / float64(s.Std[c]))
		}
	}
	return tables
}

// LabelsOf are the labels of the images at the indices.
func (s *Set) LabelsOf(indices []int) []int {
	labels := make([]int, len(indices))
	for i, index := range indices {
		labels[i] = s.Labels[index]
	}
	return labels
}

// Indices are 0 … Len−1.
func (s *Set) Indices() []int {
	indices := make([]int, s.Len())
	for i := range indices {
		indices[i] = i
	}
	return indices
}

// Fingerprint identifies the content of sets: SHA-256 over shape, labels and
// pixels of each, in order. Names, class names and normalization are not part of
// it, nor how the records were spread over files; a nil set counts as empty.
func Fingerprint(sets ...*Set) string {
	h := sha256.New()
	for _, s := range sets {
		if s == nil {
			s = &Set{}
		}
		header := fmt.Sprintf("%d records of %v\n", s.Len(), []int(s.Shape))
		h.Write([]byte(header))
		labels := make([]byte, 0, 4*s.Len())
		for _, label := range s.Labels {
			labels = binary.LittleEndian.AppendUint32(labels, uint32(label))
		}
		h.Write(labels)
		h.Write(s.Images)
	}
	return hex.EncodeToString(h.Sum(nil))
}
