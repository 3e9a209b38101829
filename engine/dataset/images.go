package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"galen/hw/graph"
)

// imageFiles is the source of images that are decoded from PNG and JPEG files.
type imageFiles struct {
	paths  []string
	shape  graph.Shape
	resize int // the shorter side; 0: pictures of the right size are left as they are
}

func (s *imageFiles) read(i int, dst []uint8) error {
	p, err := openPicture(s.paths[i])
	if err != nil {
		return err
	}
	height, width := s.shape[1], s.shape[2]
	planes := p.inChannels(s.shape[0])
	side := s.resize
	if side == 0 && p.width == width && p.height == height {
		for c, plane := range planes {
			copy(dst[c*height*width:], plane)
		}
		return nil
	}
	if side == 0 { // the usual margin: 256 for a crop of 224
		side = int(math.Round(float64(max(width, height)) * 256 / 224))
	}
	r := newResampling(p.width, p.height, side, width, height)
	for c, plane := range planes {
		r.apply(dst[c*height*width:(c+1)*height*width], plane, p.width)
	}
	return nil
}

// imageFile is one picture of an image folder.
type imageFile struct {
	path   string
	within string // the path within its class's folder
	size   int64
}

// imageClass is the pictures of one class, by path.
type imageClass struct {
	name  string
	files []imageFile
}

// imagePart is one part of an image folder: its classes by name, as torchvision's
// ImageFolder numbers them.
type imagePart []imageClass

// partNames are the usual names of an image folder's parts: for training, validation and testing.
var partNames = [][]string{{"train", "training"}, {"val", "valid", "validation"}, {"test", "testing"}}

// isClass tells whether a folder with the name of a part is a class like those it lies beside: it has no
// classes itself, and others of them have no such names.
func isClass(path string, beside []string) bool {
	within, err := subfolders(path)
	named := slices.Concat(partNames...)
	return err == nil && len(within) == 0 && slices.ContainsFunc(beside, func(n string) bool { return !slices.Contains(named, n) })
}

// subfolders are the names of the folders in a folder, sorted; links to folders count, hidden ones do not.
func subfolders(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("opening the data folder: %w", err)
	}
	var names []string
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(folder, e.Name())); err == nil && info.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// openImages opens a folder with a sub-folder of pictures for each class, or with such
// folders called train, val and test, any but all of them missing. Where there are
// training and validation images, Train is both, the latter held out; where there are
// not, the records are in a fixed random order, so that what is at the end is a sample.
// Pictures may lie in folders within their class's. Links to files are followed.
func openImages(folder, name string, o Options) (*Data, error) {
	var parts [3]imagePart
	found := false
	beside, err := subfolders(folder)
	if err != nil {
		return nil, err
	}
	for i, names := range partNames {
		for _, n := range names {
			path := filepath.Join(folder, n)
			if !slices.Contains(beside, n) || parts[i] != nil || isClass(path, beside) {
				continue
			}
			if parts[i], err = listImages(path); err != nil {
				return nil, err
			}
			found = true
		}
	}
	if !found {
		if parts[0], err = listImages(folder); err != nil {
			return nil, err
		}
	}
	if len(o.Shape) == 0 {
		return nil, fmt.Errorf("%s is a folder of images of any size; they can only be read for a network's input size", folder)
	}
	if o.Shape[0] != 1 && o.Shape[0] != 3 {
		return nil, fmt.Errorf("the network takes %d channels; the images in %s have 1 or 3", o.Shape[0], folder)
	}
	train, val, test := parts[0], parts[1], parts[2]
	data := &Data{Name: name, SHA256: fingerprintImages(train, val, test)}
	first := train
	for _, part := range []imagePart{val, test} {
		if first == nil {
			first = part
		}
	}
	if train == nil || val == nil {
		whole := slices.Concat(train, val)
		if whole == nil {
			return nil, fmt.Errorf("%s has only test images; galen also needs train or val, to calibrate and validate on", folder)
		}
		if data.Train, err = newImageSet(name+" training", first, o, whole); err != nil {
			return nil, err
		}
		data.Train.shuffle()
	} else {
		if data.Train, err = newImageSet(name+" training", first, o, train, val); err != nil {
			return nil, err
		}
		data.HoldOut = val.len()
	}
	if test != nil {
		data.Test, err = newImageSet(name+" test", first, o, test)
	}
	return data, err
}

func (p imagePart) len() int {
	n := 0
	for _, c := range p {
		n += len(c.files)
	}
	return n
}

// newImageSet numbers the classes of the parts as those of the first part.
func newImageSet(name string, first imagePart, o Options, parts ...imagePart) (*Set, error) {
	s := &Set{Name: name, Shape: slices.Clone(o.Shape), Mean: imageNetMean, Std: imageNetStd}
	if o.Shape[0] == 1 {
		s.Mean, s.Std = []float32{0}, []float32{1}
	}
	label := map[string]int{}
	for i, c := range first {
		s.Classes = append(s.Classes, c.name)
		label[c.name] = i
	}
	pixels := &imageFiles{shape: s.Shape, resize: o.Resize}
	for _, part := range parts {
		for _, c := range part {
			l, known := label[c.name]
			if !known {
				return nil, fmt.Errorf("%s is of class %q, which the other images do not have; give all parts the same class folders", c.files[0].path, c.name)
			}
			for _, f := range c.files {
				pixels.paths = append(pixels.paths, f.path)
				s.Labels = append(s.Labels, l)
			}
		}
	}
	s.source = pixels
	return s, nil
}

// listImages lists the classes of a folder, on all cores.
func listImages(folder string) (imagePart, error) {
	names, err := subfolders(folder)
	if err != nil {
		return nil, err
	}
	part := make(imagePart, len(names))
	for i, name := range names {
		part[i].name = name
	}
	if len(part) == 0 {
		return nil, fmt.Errorf("no data_batch_*.bin, .npy or class folders in %s; give a folder in CIFAR-10's binary layout (cifar-10-binary.tar.gz unpacked), or one with a sub-folder of PNG or JPEG images for each class", folder)
	}
	err = inParallel(len(part), func(i int) error {
		class := filepath.Join(folder, part[i].name)
		var err error
		part[i].files, err = listClass(class)
		if err == nil && len(part[i].files) == 0 {
			err = fmt.Errorf("no data_batch_*.bin in %s, and no PNG or JPEG images in its sub-folder %s; remove it if it is no class", folder, part[i].name)
		}
		return err
	})
	return part, err
}

// listClass lists the pictures in a folder and its sub-folders, by path.
func listClass(folder string) ([]imageFile, error) {
	// A trailing separator has the walk follow a link to the folder itself.
	root := folder + string(filepath.Separator)
	var files []imageFile
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			return nil
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".png", ".jpg", ".jpeg":
		default:
			return nil
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			files = append(files, imageFile{path, filepath.ToSlash(path[len(root):]), info.Size()})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	slices.SortFunc(files, func(a, b imageFile) int { return strings.Compare(a.path, b.path) })
	return files, nil
}

// fingerprintImages is SHA-256 over the class, path within the class and size of
// every file of the parts.
func fingerprintImages(parts ...imagePart) string {
	h := sha256.New()
	for i, part := range parts {
		fmt.Fprintf(h, "part %d: %d images\n", i, part.len())
		for _, c := range part {
			for _, f := range c.files {
				fmt.Fprintf(h, "%q %q %d\n", c.name, f.within, f.size)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
