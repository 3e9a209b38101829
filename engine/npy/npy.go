// Package npy reads arrays of floating-point numbers from NumPy's .npy files
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// Array is an array of numbers, last index fastest.
type Array struct {
	Shape []int
	Data  []float32
}

// Load reads the file at path. Files are untrusted: what the header promises is checked against the
// file's size before memory is taken for it.
func Load(path string) (*Array, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	a, err := Decode(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

const magic = "\x93NUMPY"

var (
	descr   = regexp.MustCompile(`'descr': *'([^']*)'`)
	fortran = regexp.MustCompile(`'fortran_order': *(True|False)`)
	extent  = regexp.MustCompile(`'shape': *\(([0-9, ]*)\)`)
)

// Decode reads an array of little-endian float32 or float64 numbers in C order.
func Decode(content []byte) (*Array, error) {
	header, data, err := split(content)
	if err != nil {
		return nil, err
	}
	kind, order, shape := descr.FindStringSubmatch(header), fortran.FindStringSubmatch(header), extent.FindStringSubmatch(header)
	if kind == nil || order == nil || shape == nil {
		return nil, fmt.Errorf("not a NumPy array of plain numbers: its header is %.80q", header)
	}
	size := map[string]int{"<f4": 4, "<f8": 8}[kind[1]]
	if size == 0 {
		return nil, fmt.Errorf("holds numbers of type %s; save float32 ones: numpy.save(file, array.astype(numpy.float32))", kind[1])
	}
	if order[1] == "True" {
		return nil, errors.New("is in Fortran order; save numpy.ascontiguousarray(array)")
	}
	a := &Array{}
	n := 1
	for part := range strings.SplitSeq(shape[1], ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		d, err := strconv.Atoi(part)
		if err != nil || d > 0 && n > math.MaxInt32/d {
			return nil, fmt.Errorf("its shape (%s) is too large", shape[1])
		}
		a.Shape, n = append(a.Shape, d), n*d
	}
	if len(data) != n*size {
		return nil, fmt.Errorf("has %d bytes of data; its shape %v wants %d", len(data), a.Shape, n*size)
	}
	a.Data = make([]float32, n)
	for i := range a.Data {
		if size == 4 {
			a.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		} else {
			a.Data[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:])))
		}
	}
	return a, nil
}

// split separates the header, a Python dictionary, from the numbers.
func split(content []byte) (header string, data []byte, err error) {
	if len(content) < 12 || string(content[:len(magic)]) != magic {
		return "", nil, errors.New("not a NumPy .npy file")
	}
	start, length := 10, int(binary.LittleEndian.Uint16(content[8:]))
	if major := content[6]; major >= 2 {
		start, length = 12, int(min(binary.LittleEndian.Uint32(content[8:]), math.MaxInt32))
	}
	if length > len(content)-start {
		return "", nil, errors.New("ends within its header")
	}
	return string(content[start : start+length]), content[start+length:], nil
}
