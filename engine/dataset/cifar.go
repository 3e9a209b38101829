package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"galen/hw/graph"
)

// cifar is the binary version of CIFAR-10 or CIFAR-100
// (https://www.cs.toronto.edu/~kriz/cifar.html). A record is its labels, a byte each, the
// finest last, followed by the red, green and blue planes of a 32×32 image.
type cifar struct {
	name    string
	labels  int    // bytes before the pixels; the last is the class
	classes int    // how many the last label tells apart
	names   string // the file that names the classes, one a line
	train   string // the training files, as a pattern of package path
	test    string
	archive string // the file it is published as
	mean    []float32
	std     []float32
}

// Networks for CIFAR-10 are commonly normalized by ImageNet's statistics; those for
// CIFAR-100 by its own training images'.
var (
	cifar10 = cifar{
		name: "CIFAR-10", labels: 1, classes: 10, names: "batches.meta.txt", train: "data_batch_*.bin", test: "test_batch.bin",
		archive: "cifar-10-binary.tar.gz", mean: imageNetMean, std: imageNetStd,
	}
	cifar100 = cifar{
		name: "CIFAR-100", labels: 2, classes: 100, names: "fine_label_names.txt", train: "train.bin", test: "test.bin",
		archive: "cifar-100-binary.tar.gz", mean: []float32{0.5071, 0.4867, 0.4408}, std: []float32{0.2675, 0.2565, 0.2761},
	}
)

const (
	cifarPixels = 3 * 32 * 32

	// The conventional hold-out of CIFAR: networks are trained on all but the
	// last 5,000 training records, and those are the honest validation images.
	cifarHoldOut = 5000
)

// The channel statistics of ImageNet's training images.
var (
	imageNetMean = []float32{0.485, 0.456, 0.406}
	imageNetStd  = []float32{0.229, 0.224, 0.225}
)

func (c *cifar) record() int64 { return int64(c.labels) + cifarPixels }

// open reads the data set from the files: every training file, by number, and the test
// file, if there. Files may hold any number of records. Classes are numbered where the
// file with their names is absent.
//
// The last 5,000 of at least 10,000 training records are held out for validation,
// as networks for CIFAR are conventionally trained without them.
func (c *cifar) open(name string, files fileSet) (*Data, error) {
	classes, err := c.classNames(files)
	if err != nil {
		return nil, err
	}
	data := &Data{Name: name}
	if data.Train, err = c.read(name+" training", classes, c.trainingFiles(files)); err != nil {
		return nil, err
	}
	if test, there := files.find(c.test); there {
		if data.Test, err = c.read(name+" test", classes, []file{test}); err != nil {
			return nil, err
		}
	}
	if data.Train.Len() >= 2*cifarHoldOut {
		data.HoldOut = cifarHoldOut
	}
	data.SHA256, err = Fingerprint(data.Train, data.Test)
	return data, err
}

// trainingFiles lists the training files by their number.
func (c *cifar) trainingFiles(files fileSet) []file {
	var batches []file
	for _, f := range files {
		if match, _ := path.Match(c.train, f.base()); match {
			batches = append(batches, f)
		}
	}
	slices.SortFunc(batches, func(a, b file) int {
		if d := batchNumber(a.base()) - batchNumber(b.base()); d != 0 {
			return d
		}
		return strings.Compare(a.name, b.name)
	})
	return batches
}

// batchNumber is n of data_batch_n.bin; names without a number sort last.
func batchNumber(name string) int {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "data_batch_"), ".bin")
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n)
	}
	return math.MaxInt32
}

// classNames reads one name a line; without the file, classes are numbered.
func (c *cifar) classNames(files fileSet) ([]string, error) {
	f, there := files.find(c.names)
	if !there {
		return classNumbers(c.classes), nil
	}
	const limit = 64 << 10
	content, err := f.content(limit)
	if err != nil {
		return nil, fmt.Errorf("reading class names: %w", err)
	}
	var names []string
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		if name := strings.TrimSpace(lines.Text()); name != "" {
			names = append(names, name)
		}
	}
	if len(names) != c.classes || lines.Err() != nil {
		return nil, fmt.Errorf("%s names %d classes, wants %d, one a line; correct it, or remove it to have the classes numbered", f.name, len(names), c.classes)
	}
	return names, nil
}

// classNumbers names n classes by their number.
func classNumbers(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

// read checks the records of the files, in order; their pixels stay where they are.
func (c *cifar) read(name string, classes []string, files []file) (*Set, error) {
	set := &Set{
		Name:    name,
		Classes: classes,
		Shape:   graph.Shape{3, 32, 32},
		Mean:    slices.Clone(c.mean),
		Std:     slices.Clone(c.std),
	}
	var pixels records
	for _, f := range files {
		switch {
		case f.size == 0:
			return nil, fmt.Errorf("%s is empty; download it again or remove it", f.name)
		case f.size%c.record() != 0:
			return nil, fmt.Errorf("%s has %d bytes, which is no multiple of a %s record's %d; it is cut off or of another format: download it again", f.name, f.size, c.name, c.record())
		}
		bytes, err := f.open()
		if err != nil {
			return nil, fmt.Errorf("reading images: %w", err)
		}
		count := int(f.size / c.record())
		in := bufio.NewReaderSize(io.NewSectionReader(bytes, 0, f.size), 1<<20)
		head := make([]byte, c.labels)
		for i := range count {
			_, err := io.ReadFull(in, head)
			if err == nil {
				_, err = in.Discard(cifarPixels)
			}
			if err != nil {
				return nil, unreadable(f.name, err)
			}
			label := int(head[c.labels-1])
			if label >= c.classes {
				return nil, fmt.Errorf("%s: record %d has label %d, wants 0–%d; this is not a %s batch: download it again", f.name, i, label, c.classes-1, c.name)
			}
			set.Labels = append(set.Labels, label)
		}
		pixels.append(run{name: f.name, bytes: bytes, first: int64(c.labels), stride: c.record(), count: count})
	}
	set.source = &pixels
	return set, nil
}

// unreadable is the error of a file that ended or failed while it was read.
func unreadable(name string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s ends early; it changed while it was read, or is damaged: try again, or replace it", name)
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("reading images: %w", err)
	}
	return fmt.Errorf("%s: %w", name, err)
}
