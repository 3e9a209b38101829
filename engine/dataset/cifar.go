package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"galen/hw/graph"
)

// A record of the CIFAR-10 binary version (https://www.cs.toronto.edu/~kriz/cifar.html)
// is a label byte followed by the red, green and blue planes of a 32×32 image.
const (
	cifarClasses = 10
	cifarPixels  = 3 * 32 * 32
	cifarRecord  = 1 + cifarPixels

	cifarTest = "test_batch.bin"
	cifarMeta = "batches.meta.txt"

	// The conventional hold-out of CIFAR-10: networks are trained on all but the
	// last 5,000 training records, and those are the honest validation images.
	cifarHoldOut = 5000
)

// The channel statistics of ImageNet, by which networks for CIFAR-10 are commonly normalized too.
var (
	imageNetMean = []float32{0.485, 0.456, 0.406}
	imageNetStd  = []float32{0.229, 0.224, 0.225}
)

// Open reads a folder in CIFAR-10's binary layout: every data_batch_*.bin, by
// number, makes the training set, test_batch.bin, if there, the test set. Files may
// hold any number of records. Classes are named by batches.meta.txt, or numbered
// where it is absent. Pixels are to be normalized by ImageNet's mean and deviation.
//
// The last 5,000 of at least 10,000 training records are held out for validation,
// as CIFAR-10 networks are conventionally trained without them.
func Open(path string) (*Data, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("opening the data folder: %w; give the path of a folder with data_batch_1.bin, …", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("opening the data folder: %s is a file; give the path of the folder that holds the data_batch_*.bin files", path)
	}
	files, err := cifarBatches(path)
	if err != nil {
		return nil, err
	}
	classes, err := cifarClassNames(filepath.Join(path, cifarMeta))
	if err != nil {
		return nil, err
	}
	name := filepath.Base(filepath.Clean(path))
	data := &Data{Name: name, Path: path}
	if data.Train, err = readCIFAR(name+" training", classes, files); err != nil {
		return nil, err
	}
	data.Test, err = readCIFAR(name+" test", classes, []string{filepath.Join(path, cifarTest)})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if data.Train.Len() >= 2*cifarHoldOut {
		data.HoldOut = cifarHoldOut
	}
	data.SHA256 = Fingerprint(data.Train, data.Test)
	return data, nil
}

// cifarBatches lists a folder's training files by their number.
func cifarBatches(folder string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(escapeGlob(folder), "data_batch_*.bin"))
	if err != nil {
		return nil, fmt.Errorf("looking for training data in %s: %w", folder, err)
	}
	if len(files) > 0 {
		slices.SortFunc(files, func(a, b string) int {
			if d := batchNumber(a) - batchNumber(b); d != 0 {
				return d
			}
			return strings.Compare(a, b)
		})
		return files, nil
	}
	const binary = "cifar-10-batches-bin"
	if _, err := os.Stat(filepath.Join(folder, binary)); err == nil {
		return nil, fmt.Errorf("no data_batch_*.bin in %s; give its subfolder %s", folder, binary)
	}
	if _, err := os.Stat(filepath.Join(folder, "data_batch_1")); err == nil {
		return nil, fmt.Errorf("no data_batch_*.bin in %s, which looks like CIFAR-10's Python version; give the folder of the binary version (cifar-10-binary.tar.gz)", folder)
	}
	return nil, fmt.Errorf("no data_batch_*.bin in %s; give a folder in CIFAR-10's binary layout (cifar-10-binary.tar.gz unpacked)", folder)
}

// batchNumber is n of data_batch_n.bin; names without a number sort last.
func batchNumber(file string) int {
	name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "data_batch_"), ".bin")
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n)
	}
	return math.MaxInt32
}

// escapeGlob keeps a path's own characters from being read as a pattern.
func escapeGlob(path string) string {
	if filepath.Separator == '\\' {
		return path
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// cifarClassNames reads one name a line; without the file, classes are numbered.
func cifarClassNames(file string) ([]string, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		names := make([]string, cifarClasses)
		for i := range names {
			names[i] = strconv.Itoa(i)
		}
		return names, nil
	}
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
	if len(names) != cifarClasses || lines.Err() != nil {
		return nil, fmt.Errorf("%s names %d classes, wants %d, one a line; correct it, or remove it to have the classes numbered", file, len(names), cifarClasses)
	}
	return names, nil
}

// readCIFAR reads the records of the files, in order.
func readCIFAR(name string, classes, files []string) (*Set, error) {
	records := 0
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return nil, fmt.Errorf("reading images: %w", err)
		}
		switch size := info.Size(); {
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("%s is not a regular file; replace it by a CIFAR-10 batch", file)
		case size == 0:
			return nil, fmt.Errorf("%s is empty; download it again or remove it", file)
		case size%cifarRecord != 0:
			return nil, fmt.Errorf("%s has %d bytes, which is no multiple of a CIFAR-10 record's %d; it is cut off or of another format: download it again", file, size, cifarRecord)
		default:
			records += int(size / cifarRecord)
		}
	}
	set := &Set{
		Name:    name,
		Classes: classes,
		Shape:   graph.Shape{3, 32, 32},
		Images:  make([]uint8, 0, records*cifarPixels),
		Labels:  make([]int, 0, records),
		Mean:    slices.Clone(imageNetMean),
		Std:     slices.Clone(imageNetStd),
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading images: %w", err)
		}
		if len(content)%cifarRecord != 0 {
			return nil, fmt.Errorf("%s changed while it was read; try again", file)
		}
		for i := 0; i < len(content); i += cifarRecord {
			record := content[i : i+cifarRecord]
			if record[0] >= cifarClasses {
				return nil, fmt.Errorf("%s: record %d has label %d, wants 0–%d; this is not a CIFAR-10 batch: download it again", file, i/cifarRecord, record[0], cifarClasses-1)
			}
			set.Labels = append(set.Labels, int(record[0]))
			set.Images = append(set.Images, record[1:]...)
		}
	}
	return set, nil
}
