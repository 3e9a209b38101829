// Package npy reads arrays of numbers from NumPy's .npy files
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
//
// Files are untrusted: what a header promises is checked against the file's size before memory is taken for it.
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// Magic starts every .npy file.
const Magic = "\x93NUMPY"

// Array is an array in a file. Its numbers stay there, in C order, until they are read.
type Array struct {
	Name  string      // of the file, for people
	Type  string      // as NumPy writes it: byte order, kind, bytes
	Kind  byte        // 'f', 'i' or 'u': floating point, signed, unsigned
	Size  int         // bytes of a number
	Shape []int       // last index fastest
	Bytes io.ReaderAt // the file
	Start int64       // where its numbers start
}

var (
	descr   = regexp.MustCompile(`['"]descr['"]\s*:\s*['"]([^'"]*)['"]`)
	fortran = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	extent  = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([^()]*)\)`)
	number  = regexp.MustCompile(`^[<>|=]?(?:([iu])([1248])|(f)([248]))$`)
)

// Open reads the header of the array in a file of size bytes, and checks that the file is as long as it says. name is
// what errors call the file.
func Open(name string, in io.ReaderAt, size int64) (*Array, error) {
	header, start, err := readHeader(in, size)
	if err != nil {
		return nil, damaged(name, err)
	}
	kind, order, shape := descr.FindStringSubmatch(header), fortran.FindStringSubmatch(header), extent.FindStringSubmatch(header)
	if kind == nil || order == nil || shape == nil {
		return nil, damaged(name, fmt.Errorf("its header does not tell type, order and shape of one plain array: %.80q", header))
	}
	a := &Array{Name: name, Type: kind[1], Bytes: in, Start: start}
	parts := number.FindStringSubmatch(a.Type)
	if parts == nil {
		return nil, fmt.Errorf("%s holds values of type %q; galen reads integers and floating-point numbers: convert them with astype", name, a.Type)
	}
	a.Kind, a.Size = (parts[1] + parts[3])[0], int((parts[2] + parts[4])[0]-'0')
	elements := int64(1)
	for field := range strings.SplitSeq(shape[1], ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		n, err := strconv.ParseInt(field, 10, 31)
		if err != nil || n < 0 {
			return nil, damaged(name, fmt.Errorf("its shape is (%s)", shape[1]))
		}
		a.Shape = append(a.Shape, int(n))
		if n > 0 && elements > size/n {
			return nil, damaged(name, fmt.Errorf("an array of (%s) does not fit its %d bytes", shape[1], size))
		}
		elements *= n
	}
	if len(a.Shape) > 1 && order[1] == "True" {
		return nil, fmt.Errorf("%s is in Fortran order; save numpy.ascontiguousarray(array)", name)
	}
	if want := elements * int64(a.Size); want != size-start {
		return nil, damaged(name, fmt.Errorf("an array of (%s), type %s, takes %d bytes and there are %d", shape[1], a.Type, want, size-start))
	}
	return a, nil
}

func damaged(name string, why error) error {
	return fmt.Errorf("%s: %w; it is damaged or not a NumPy .npy file: save it again with numpy.save or numpy.savez", name, why)
}

// longestHeader is far above what arrays of numbers need.
const longestHeader = 1 << 16

// readHeader gives the header, a Python dictionary, and where it ends.
func readHeader(in io.ReaderAt, size int64) (header string, end int64, err error) {
	start := make([]byte, 12)
	if n, err := in.ReadAt(start, 0); n < len(start) {
		if err != nil && !errors.Is(err, io.EOF) {
			return "", 0, err
		}
		return "", 0, errors.New("it has no header")
	}
	if string(start[:len(Magic)]) != Magic {
		return "", 0, errors.New("it does not start as one")
	}
	var at, length int64
	switch version := start[6]; version {
	case 1:
		at, length = 10, int64(binary.LittleEndian.Uint16(start[8:]))
	case 2, 3:
		at, length = 12, int64(binary.LittleEndian.Uint32(start[8:]))
	default:
		return "", 0, fmt.Errorf("version %d of the format is unknown", version)
	}
	if length > longestHeader || at+length > size {
		return "", 0, fmt.Errorf("its header has %d bytes", length)
	}
	text := make([]byte, length)
	if n, err := in.ReadAt(text, at); n < len(text) {
		return "", 0, err
	}
	return string(text), at + length, nil
}

// Load reads an array of floating-point numbers from the file at path.
func Load(path string) (shape []int, numbers []float32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	a, err := Open(path, f, info.Size())
	if err != nil {
		return nil, nil, err
	}
	numbers, err = a.Floats()
	return a.Shape, numbers, err
}

// Floats reads an array of float32 or float64 numbers; float64 ones are rounded.
func (a *Array) Floats() ([]float32, error) {
	if a.Kind != 'f' || a.Size < 4 {
		return nil, fmt.Errorf("%s holds numbers of type %s; save float32 ones: numpy.save(file, array.astype(numpy.float32))", a.Name, a.Type)
	}
	numbers := make([]float32, a.elements())
	return numbers, a.each(func(i int, bits uint64) {
		if a.Size == 4 {
			numbers[i] = math.Float32frombits(uint32(bits))
		} else {
			numbers[i] = float32(math.Float64frombits(bits))
		}
	})
}

// Ints reads an array of integers. Unsigned ones from 2⁶³ come out negative.
func (a *Array) Ints() ([]int64, error) {
	if a.Kind == 'f' {
		return nil, fmt.Errorf("%s holds numbers of type %s; save integers: numpy.save(file, array.astype(numpy.int64))", a.Name, a.Type)
	}
	numbers := make([]int64, a.elements())
	return numbers, a.each(func(i int, bits uint64) {
		if unused := 64 - 8*a.Size; a.Kind == 'i' {
			numbers[i] = int64(bits<<unused) >> unused
		} else {
			numbers[i] = int64(bits)
		}
	})
}

func (a *Array) elements() int {
	n := 1
	for _, d := range a.Shape {
		n *= d
	}
	return n
}

// each calls visit with the bits of every number.
func (a *Array) each(visit func(i int, bits uint64)) error {
	var order binary.ByteOrder = binary.LittleEndian
	if a.Type[0] == '>' {
		order = binary.BigEndian
	}
	raw := make([]byte, a.elements()*a.Size)
	if n, err := a.Bytes.ReadAt(raw, a.Start); n < len(raw) {
		return damaged(a.Name, err)
	}
	for i := range len(raw) / a.Size {
		value := raw[i*a.Size : (i+1)*a.Size]
		switch a.Size {
		case 1:
			visit(i, uint64(value[0]))
		case 2:
			visit(i, uint64(order.Uint16(value)))
		case 4:
			visit(i, uint64(order.Uint32(value)))
		case 8:
			visit(i, order.Uint64(value))
		}
	}
	return nil
}
