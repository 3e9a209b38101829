package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"

	"galen/engine/npy"
	"galen/hw/graph"
)

// Options say in what form images are wanted.
type Options struct {
	// Shape is what a network takes: channels (1 or 3), height, width. Images of another
	// size are resized and cropped to it. nil: all images are as stored, which image
	// folders cannot be.
	Shape graph.Shape

	// Mean and Std normalize the channels of pixels scaled to [0,1]; one number stands for
	// all channels. nil: the default for the data.
	Mean, Std []float32

	// Resize is what an image's shorter side is resized to before its centre is cropped to
	// Shape. 0: images of exactly the right size are taken as they are; CIFAR and arrays
	// otherwise are resized to just cover Shape, the files of an image folder to 256/224
	// of it, as is usual for ImageNet.
	Resize int
}

// Open reads the data at path as it is stored, whole, into memory; see OpenFor.
func Open(path string) (*Data, error) {
	data, err := OpenFor(path, Options{})
	if err != nil {
		return nil, err
	}
	if data.Train, err = data.Train.Load(nil); err != nil {
		return nil, err
	}
	if data.Test != nil {
		data.Test, err = data.Test.Load(nil)
	}
	return data, err
}

// OpenFor opens the data at path, which may be
//
//   - a folder in the binary layout of CIFAR-10 or CIFAR-100, or its .tar.gz;
//   - a folder of images, a sub-folder per class, itself or its train, val and test;
//   - an .npz file, or a folder of .npy files, with x_train, y_train, x_test and y_test, or
//     images and labels: uint8, channels last or first, and integers.
//
// Images are read and decoded when they are asked for, except those inside compressed
// archives, which are kept in memory as they are stored.
//
// Data.SHA256 is the Fingerprint of the images as stored, whatever the options; but of an
// image folder only the names, sizes and classes of its files are fingerprinted, as
// reading a large one takes minutes.
func OpenFor(path string, o Options) (*Data, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("opening the data: %w; give the path of a folder with images, or of an .npz or .tar.gz file", err)
	}
	name := filepath.Base(filepath.Clean(path))
	var data *Data
	if info.IsDir() {
		data, err = openFolder(path, name, o)
	} else {
		data, err = openFile(path, name, o)
	}
	if err != nil {
		return nil, err
	}
	data.Path = path
	for _, s := range []*Set{data.Train, data.Test} {
		if s == nil {
			continue
		}
		if err := s.normalizeBy(o); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (o Options) check() error {
	if len(o.Shape) != 0 && (len(o.Shape) != 3 || slices.Min(o.Shape) < 1) {
		return fmt.Errorf("the network takes inputs of %v; images have channels, height and width", []int(o.Shape))
	}
	const largest = 1 << 14
	if len(o.Shape) == 3 && max(o.Shape[1], o.Shape[2], o.Resize) > largest {
		return fmt.Errorf("images resized to %d and cropped to %d×%d; the largest side galen takes is %d", o.Resize, o.Shape[1], o.Shape[2], largest)
	}
	if o.Resize < 0 || o.Resize > 0 && len(o.Shape) == 3 && o.Resize < max(o.Shape[1], o.Shape[2]) {
		return fmt.Errorf("resizing the shorter side to %d leaves no %d×%d to crop; choose at least %d, or 0 for the default",
			o.Resize, o.Shape[1], o.Shape[2], max(o.Shape[1], o.Shape[2]))
	}
	for _, x := range slices.Concat(o.Mean, o.Std) {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("mean %v and deviation %v: give finite numbers", o.Mean, o.Std)
		}
	}
	if len(o.Std) > 0 && slices.Min(o.Std) <= 0 {
		return fmt.Errorf("deviation %v: give positive numbers", o.Std)
	}
	return nil
}

func openFolder(folder, name string, o Options) (*Data, error) {
	files, err := folderFiles(folder)
	if err != nil {
		return nil, err
	}
	for _, c := range []*cifar{&cifar10, &cifar100} {
		if c.recognizes(files) {
			return o.fit(c.open(name, files))
		}
	}
	if arrays := npyFiles(files); len(arrays) > 0 {
		return o.fit(openArrays(folder, name, arrays, o.Shape))
	}
	if _, python := files.find("data_batch_1"); python {
		return nil, fmt.Errorf("no data_batch_*.bin in %s, which looks like CIFAR-10's Python version; give the folder of the binary version (cifar-10-binary.tar.gz)", folder)
	}
	for _, inside := range []string{"cifar-10-batches-bin", "cifar-100-binary"} {
		if _, err := os.Stat(filepath.Join(folder, inside)); err == nil {
			return nil, fmt.Errorf("no data_batch_*.bin in %s; give its subfolder %s", folder, inside)
		}
	}
	return openImages(folder, name, o)
}

func openFile(file, name string, o Options) (*Data, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("opening the data: %w", err)
	}
	magic := make([]byte, 6)
	n, err := f.ReadAt(magic, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("opening the data: %w", err), f.Close())
	}
	switch magic = magic[:n]; {
	case hasPrefix(magic, zipMagic):
		arrays, err := npzArrays(file, f)
		if err != nil {
			return nil, err
		}
		return o.fit(openArrays(file, name, arrays, o.Shape)) // f stays open: images are read from it
	case hasPrefix(magic, gzipMagic):
		files, err := archiveFiles(file, f, func(base string) bool { return cifar10.wants(base) || cifar100.wants(base) })
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		for _, c := range []*cifar{&cifar10, &cifar100} {
			if c.recognizes(files) {
				return o.fit(c.open(name, files))
			}
		}
		return nil, fmt.Errorf("%s holds no CIFAR-10 or CIFAR-100 in its binary version; give %s or %s, or unpack it and give the folder", file, cifar10.archive, cifar100.archive)
	}
	advice := "give a folder with images, or an .npz or .tar.gz file"
	if hasPrefix(magic, npy.Magic) {
		advice = "it is one array: give the folder that holds images.npy and labels.npy, or x_train.npy, y_train.npy, …"
	} else if filepath.Ext(file) == ".bin" {
		advice = "it is a file: give the path of the folder that holds the data_batch_*.bin files"
	}
	return nil, errors.Join(fmt.Errorf("%s is a file that is no data set; %s", file, advice), f.Close())
}

const (
	zipMagic  = "PK\x03\x04"
	gzipMagic = "\x1f\x8b"
)

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// recognizes tells whether the files are this data set: whether they hold training records.
func (c *cifar) recognizes(files fileSet) bool { return len(c.trainingFiles(files)) > 0 }

// wants tells whether a file of that name is part of the data set.
func (c *cifar) wants(base string) bool {
	match, _ := path.Match(c.train, base)
	return match || base == c.test || base == c.names
}

// normalizeBy sets mean and deviation, where they are given.
func (s *Set) normalizeBy(o Options) error {
	for _, given := range []struct {
		what   string
		values []float32
		to     *[]float32
	}{{"mean", o.Mean, &s.Mean}, {"std", o.Std, &s.Std}} {
		switch channels := s.Shape[0]; len(given.values) {
		case 0:
		case 1:
			*given.to = slices.Repeat(given.values, channels)
		case channels:
			*given.to = slices.Clone(given.values)
		default:
			return fmt.Errorf("%s has %d numbers, the images of %s have %d channels; give one for each, or one for all", given.what, len(given.values), s.Name, channels)
		}
	}
	return nil
}
