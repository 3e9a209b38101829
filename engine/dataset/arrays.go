package dataset

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"galen/engine/npy"
	"galen/hw/graph"
)

// arrayFile is an .npy file of a folder, or a member of an .npz.
type arrayFile struct {
	name string // without .npy
	open func() (*npy.Array, error)
}

// npyFiles are the .npy files among the files.
func npyFiles(files fileSet) []arrayFile {
	var arrays []arrayFile
	for _, f := range files {
		if name, is := strings.CutSuffix(f.base(), ".npy"); is {
			arrays = append(arrays, arrayFile{name, func() (*npy.Array, error) {
				in, err := f.open()
				if err != nil {
					return nil, fmt.Errorf("reading images: %w", err)
				}
				return npy.Open(f.name, in, f.size)
			}})
		}
	}
	return arrays
}

// npzBytes bounds the arrays of a compressed .npz, which are kept in memory.
const npzBytes = 2 << 30

// npzArrays lists the arrays of an .npz file. Those that are stored uncompressed, as
// numpy.savez does, are read where they are; compressed ones are unpacked into memory
// when opened.
func npzArrays(file string, in interface {
	io.ReaderAt
	io.Seeker
}) ([]arrayFile, error) {
	damaged := func(err error) error {
		return fmt.Errorf("%s is damaged or no .npz file (%w); save it again with numpy.savez", file, err)
	}
	size, err := in.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, damaged(err)
	}
	archive, err := zip.NewReader(in, size)
	if err != nil {
		return nil, damaged(err)
	}
	var arrays []arrayFile
	for _, member := range archive.File {
		name, is := strings.CutSuffix(member.Name, ".npy")
		if !is {
			continue
		}
		path := file + "/" + member.Name
		arrays = append(arrays, arrayFile{name, func() (*npy.Array, error) {
			a, err := openMember(path, in, size, member)
			if err != nil {
				return nil, err
			}
			return a, nil
		}})
	}
	return arrays, nil
}

func openMember(path string, in io.ReaderAt, size int64, member *zip.File) (*npy.Array, error) {
	damaged := func(err error) error {
		return fmt.Errorf("%s is damaged (%w); save it again with numpy.savez", path, err)
	}
	length := int64(member.UncompressedSize64)
	if member.Method == zip.Store {
		offset, err := member.DataOffset()
		if err != nil {
			return nil, damaged(err)
		}
		if length < 0 || offset < 0 || offset > size || length > size-offset {
			return nil, damaged(io.ErrUnexpectedEOF)
		}
		return npy.Open(path, io.NewSectionReader(in, offset, length), length)
	}
	if length < 0 || length > npzBytes {
		return nil, fmt.Errorf("%s takes %d MiB uncompressed, more than the %d that galen keeps in memory; save it with numpy.savez or numpy.save, which do not compress", path, member.UncompressedSize64>>20, npzBytes>>20)
	}
	// Deflate saves at most a factor of 1032; a larger claim would be allocated for nothing.
	if length/1040 > int64(member.CompressedSize64)+1 || int64(member.CompressedSize64) > size {
		return nil, damaged(io.ErrUnexpectedEOF)
	}
	stream, err := member.Open()
	if err != nil {
		return nil, damaged(err)
	}
	content := make([]byte, length)
	if _, err := io.ReadFull(stream, content); err != nil {
		return nil, damaged(err)
	}
	// Reading on to the end checks the length and the checksum.
	if n, err := io.Copy(io.Discard, io.LimitReader(stream, 1)); err != nil {
		return nil, damaged(err)
	} else if n > 0 {
		return nil, damaged(errors.New("it is longer than stated"))
	}
	if err := stream.Close(); err != nil {
		return nil, damaged(err)
	}
	return npy.Open(path, bytes.NewReader(content), length)
}

// openArrays makes data of the arrays x_train, y_train and, if there, x_test, y_test;
// or of images and labels. wanted decides where it is unclear which axis the channels
// are. Training records are put in a fixed random order, as arrays are often sorted.
func openArrays(path, name string, arrays []arrayFile, wanted graph.Shape) (*Data, error) {
	find := func(name string) *arrayFile {
		if i := slices.IndexFunc(arrays, func(a arrayFile) bool { return a.name == name }); i >= 0 {
			return &arrays[i]
		}
		return nil
	}
	for _, names := range [][4]string{{"x_train", "y_train", "x_test", "y_test"}, {"images", "labels"}} {
		images, labels := find(names[0]), find(names[1])
		if images == nil && labels == nil {
			continue
		}
		if images == nil || labels == nil {
			return nil, fmt.Errorf("%s has only one of the arrays %s and %s; save both", path, names[0], names[1])
		}
		data := &Data{Name: strings.TrimSuffix(name, filepath.Ext(name))}
		var err error
		if data.Train, err = openArray(data.Name+" training", images, labels, wanted); err != nil {
			return nil, err
		}
		images, labels = find(names[2]), find(names[3])
		if images != nil && labels != nil && names[2] != "" {
			if data.Test, err = openArray(data.Name+" test", images, labels, wanted); err != nil {
				return nil, err
			}
			if !slices.Equal(data.Test.Shape, data.Train.Shape) {
				return nil, fmt.Errorf("%s: test images are %v (channels, height, width), training images %v; save them alike", path, []int(data.Test.Shape), []int(data.Train.Shape))
			}
		}
		data.numberClasses()
		if data.SHA256, err = Fingerprint(data.Train, data.Test); err != nil {
			return nil, err
		}
		data.Train.shuffle()
		return data, nil
	}
	return nil, fmt.Errorf("%s holds no arrays x_train and y_train, nor images and labels; save them under these names", path)
}

// numberClasses has as many classes as labels are used.
func (d *Data) numberClasses() {
	d.Counted = true
	largest := -1
	for _, s := range []*Set{d.Train, d.Test} {
		if s != nil && s.Len() > 0 {
			largest = max(largest, slices.Max(s.Labels))
		}
	}
	d.Train.Classes = classNumbers(largest + 1)
	if d.Test != nil {
		d.Test.Classes = d.Train.Classes
	}
}

func openArray(name string, images, labels *arrayFile, wanted graph.Shape) (*Set, error) {
	pixels, err := images.open()
	if err != nil {
		return nil, err
	}
	y, err := labels.open()
	if err != nil {
		return nil, err
	}
	if pixels.Kind != 'u' || pixels.Size != 1 {
		return nil, fmt.Errorf("%s holds values of type %q; images are uint8: convert numbers from 0 to 1 with (255 * x).round().astype('uint8')", pixels.Name, pixels.Type)
	}
	shape, channelsLast, err := imageShape(pixels, wanted)
	if err != nil {
		return nil, err
	}
	count := pixels.Shape[0]
	if count == 0 {
		return nil, fmt.Errorf("%s holds no images", pixels.Name)
	}
	s := &Set{Name: name, Shape: shape, Mean: slices.Clone(imageNetMean), Std: slices.Clone(imageNetStd)}
	if shape[0] != 3 {
		s.Mean, s.Std = make([]float32, shape[0]), slices.Repeat([]float32{1}, shape[0])
	}
	if s.Labels, err = readLabels(y, count); err != nil {
		return nil, err
	}
	r := run{name: pixels.Name, bytes: pixels.Bytes, first: pixels.Start, stride: int64(shape.Elements()), count: count}
	if channelsLast {
		r.channels = shape[0]
	}
	source := &records{}
	source.append(r)
	s.source = source
	return s, nil
}

// imageShape tells which axes are channels, height and width.
func imageShape(a *npy.Array, wanted graph.Shape) (shape graph.Shape, channelsLast bool, err error) {
	d := a.Shape
	if len(d) == 3 && slices.Min(d[1:]) > 0 {
		return graph.Shape{1, d[1], d[2]}, false, nil
	}
	if len(d) != 4 || slices.Min(d[1:]) < 1 {
		return nil, false, fmt.Errorf("%s has the shape %v; images are N×height×width×channels, N×channels×height×width or, grey, N×height×width", a.Name, d)
	}
	first, last := graph.Shape{d[1], d[2], d[3]}, graph.Shape{d[3], d[1], d[2]}
	switch mayFirst, mayLast := d[1] == 1 || d[1] == 3, d[3] == 1 || d[3] == 3; {
	case slices.Equal(first, wanted):
		return first, false, nil
	case slices.Equal(last, wanted):
		return last, true, nil
	case mayFirst && !mayLast:
		return first, false, nil
	case mayLast && !mayFirst:
		return last, true, nil
	}
	return nil, false, fmt.Errorf("%s has the shape %v, in which it is unclear which axis the channels are; save N×channels×height×width in the size the network takes", a.Name, d)
}

// largestLabel bounds the classes of arrays, which bring no names that could tell.
const largestLabel = 1<<16 - 1

// readLabels reads the values of an array of n labels, or of n×1.
func readLabels(a *npy.Array, n int) ([]int, error) {
	if len(a.Shape) == 0 || len(a.Shape) > 2 || len(a.Shape) == 2 && a.Shape[1] != 1 {
		return nil, fmt.Errorf("%s has the shape %v; labels are one number an image (of one-hot rows, save argmax(1))", a.Name, a.Shape)
	}
	if a.Shape[0] != n {
		return nil, fmt.Errorf("%s has %d labels for %d images; save images and labels of the same records", a.Name, a.Shape[0], n)
	}
	values, err := a.Ints()
	if err != nil {
		return nil, err
	}
	labels := make([]int, n)
	for i, v := range values {
		if v < 0 || v > largestLabel {
			return nil, fmt.Errorf("%s: label %d is not from 0 to %d; number the classes from 0", a.Name, i, largestLabel)
		}
		labels[i] = int(v)
	}
	return labels, nil
}
