// Package dataset reads labelled images (CIFAR, image folders, NumPy arrays), fits them
// to a network's input, fingerprints them and divides them into the parts a search
// needs. It also holds a procedural data set, so that the tool can show itself with
// nothing downloaded.
package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"galen/hw/graph"
)

// Set is a list of labelled images of one shape. The images are in memory, or are read
// and decoded from files whenever they are asked for; labels always are in memory.
type Set struct {
	Name    string
	Classes []string    // names, by label
	Shape   graph.Shape // channels, height, width
	Images  []uint8     // Len images, each in Shape's order; nil: they are in files
	Labels  []int
	Mean    []float32 // per channel, of pixels scaled to [0,1]
	Std     []float32 // per channel, of pixels scaled to [0,1]

	source source // where the images come from if they are not in memory
}

// Data is a training set and, where there is one, a test set of the same classes.
type Data struct {
	Name    string
	Path    string // where it was read from; empty if generated
	SHA256  string // hexadecimal, of what the data is; see Fingerprint and OpenFor
	Train   *Set
	Test    *Set // nil: none
	Counted bool // classes are as many as labels use: a network may know more
	HoldOut int  // how many records at the end of Train no training may see; 0: as many as validation asks for
}

// Len is the number of images.
func (s *Set) Len() int { return len(s.Labels) }

// NumClasses is the number of classes.
func (s *Set) NumClasses() int { return len(s.Classes) }

// InMemory tells whether Image and Normalized may be used.
func (s *Set) InMemory() bool { return s.source == nil }

// Image is the pixels of the i-th image of a set in memory; the slice is shared.
func (s *Set) Image(i int) []uint8 {
	size := s.Shape.Elements()
	return s.Images[i*size : (i+1)*size]
}

// Load reads the images at the indices (nil: all), in that order, into a set in memory.
// All cores decode. The error names the file that could not be read.
func (s *Set) Load(indices []int) (*Set, error) {
	if indices == nil {
		if s.InMemory() {
			return s, nil
		}
		indices = s.Indices()
	}
	loaded := *s
	loaded.source = nil
	loaded.Labels = s.LabelsOf(indices)
	size := s.Shape.Elements()
	loaded.Images = make([]uint8, size*len(indices))
	pixels := s.pixels()
	err := inParallel(len(indices), func(i int) error {
		return pixels.read(indices[i], loaded.Images[i*size:(i+1)*size])
	})
	if err != nil {
		return nil, err
	}
	return &loaded, nil
}

// Read writes the images at the indices to dst as Normalized does, reading and decoding
// on all cores those that are not in memory. The error names the file that could not
// be read.
func (s *Set) Read(dst []float32, indices []int) ([]float32, error) {
	size := s.Shape.Elements()
	dst = atLeast(dst, size*len(indices))
	tables, pixels := s.Normalization(), s.pixels()
	err := inParallel(len(indices), func(i int) error {
		image := make([]uint8, size)
		if err := pixels.read(indices[i], image); err != nil {
			return err
		}
		s.normalize(dst[i*size:(i+1)*size], image, tables)
		return nil
	})
	return dst, err
}

// Normalized writes the images at the indices of a set in memory to dst, one after the
// other in Shape's order, every pixel x as (x/255 − mean)/std of its channel. It returns
// the part of dst it filled; a dst that is too small is replaced.
func (s *Set) Normalized(dst []float32, indices []int) []float32 {
	size := s.Shape.Elements()
	dst = atLeast(dst, size*len(indices))
	tables := s.Normalization()
	for n, index := range indices {
		s.normalize(dst[n*size:(n+1)*size], s.Image(index), tables)
	}
	return dst
}

func (s *Set) normalize(dst []float32, image []uint8, tables [][256]float32) {
	plane := s.Shape[1] * s.Shape[2]
	for c := range tables {
		table := &tables[c]
		in, out := image[c*plane:(c+1)*plane], dst[c*plane:(c+1)*plane]
		for i, x := range in {
			out[i] = table[x]
		}
	}
}

// atLeast is the first n elements of dst, or of a new slice if it is too small.
func atLeast(dst []float32, n int) []float32 {
	if len(dst) < n {
		dst = make([]float32, n)
	}
	return dst[:n]
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
// It fails if an image that is not in memory cannot be read.
func Fingerprint(sets ...*Set) (string, error) {
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
		if s.InMemory() {
			h.Write(s.Images)
			continue
		}
		image := make([]uint8, s.Shape.Elements())
		for i := range s.Len() {
			if err := s.source.read(i, image); err != nil {
				return "", err
			}
			h.Write(image)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
