package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// npyMagic starts an array file of NumPy
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
const npyMagic = "\x93NUMPY"

// npyArray is one array: its header, and where its values are.
type npyArray struct {
	file  string
	dtype string // as NumPy writes it: byte order, kind, bytes
	shape []int
	bytes io.ReaderAt
	data  int64 // where the values start
}

var (
	npyDescr   = regexp.MustCompile(`['"]descr['"]\s*:\s*['"]([^'"]*)['"]`)
	npyFortran = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	npyShape   = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([^()]*)\)`)
)

// readNPY reads the header of an array in a file of the given size, and checks that
// the file is as long as the header says.
func readNPY(file string, in io.ReaderAt, size int64) (*npyArray, error) {
	damaged := func(why string) error {
		return fmt.Errorf("%s: %s; it is damaged or no array of NumPy: save it again with numpy.save or numpy.savez", file, why)
	}
	start := make([]byte, 12)
	if n, err := in.ReadAt(start, 0); n < len(start) {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, unreadable(file, err)
		}
		return nil, damaged("it has no header")
	}
	if !hasPrefix(start, npyMagic) {
		return nil, damaged("it does not start as an .npy file")
	}
	var at, length int64
	switch version := start[6]; version {
	case 1:
		at, length = 10, int64(binary.LittleEndian.Uint16(start[8:]))
	case 2, 3:
		at, length = 12, int64(binary.LittleEndian.Uint32(start[8:]))
	default:
		return nil, damaged(fmt.Sprintf("version %d of the format is unknown", version))
	}
	const longest = 1 << 16
	if length > longest || at+length > size {
		return nil, damaged(fmt.Sprintf("its header has %d bytes", length))
	}
	text := make([]byte, length)
	if n, err := in.ReadAt(text, at); n < len(text) {
		return nil, unreadable(file, err)
	}
	descr, fortran, shape := npyDescr.FindSubmatch(text), npyFortran.FindSubmatch(text), npyShape.FindSubmatch(text)
	if descr == nil || fortran == nil || shape == nil {
		return nil, damaged("its header does not tell type, order and shape of one plain array")
	}
	a := &npyArray{file: file, dtype: string(descr[1]), bytes: in, data: at + length}
	bytes := a.itemSize()
	if bytes == 0 {
		return nil, fmt.Errorf("%s holds values of type %q; galen reads integers: convert images with (255 * x).round().astype('uint8')", file, a.dtype)
	}
	elements := int64(1)
	for _, field := range strings.Split(string(shape[1]), ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		n, err := strconv.ParseInt(field, 10, 31)
		if err != nil || n < 0 {
			return nil, damaged(fmt.Sprintf("its shape is (%s)", shape[1]))
		}
		a.shape = append(a.shape, int(n))
		if n > 0 && elements > size/n {
			return nil, damaged(fmt.Sprintf("an array of (%s) does not fit its %d bytes", shape[1], size))
		}
		elements *= n
	}
	if len(a.shape) > 1 && string(fortran[1]) == "True" {
		return nil, fmt.Errorf("%s is in Fortran order; save it as numpy.ascontiguousarray", file)
	}
	if elements > size/bytes || elements*bytes != size-a.data {
		return nil, damaged(fmt.Sprintf("an array of (%s), type %s, takes %d bytes and there are %d", shape[1], a.dtype, elements*bytes, size-a.data))
	}
	return a, nil
}

// itemSize is the bytes of a value; 0 for types that are not read.
func (a *npyArray) itemSize() int64 {
	switch a.dtype {
	case "|u1", "|i1", "u1", "i1", "<u1", "<i1", ">u1", ">i1":
		return 1
	case "<u2", "<i2", ">u2", ">i2":
		return 2
	case "<u4", "<i4", ">u4", ">i4":
		return 4
	case "<u8", "<i8", ">u8", ">i8":
		return 8
	}
	return 0
}

// largestLabel bounds the classes of arrays, which bring no names that could tell.
const largestLabel = 1<<16 - 1

// labels reads the values of an array of n labels, or of n×1.
func (a *npyArray) labels(n int) ([]int, error) {
	if len(a.shape) == 0 || len(a.shape) > 2 || len(a.shape) == 2 && a.shape[1] != 1 {
		return nil, fmt.Errorf("%s has the shape %v; labels are one number an image (of one-hot rows, save argmax(1))", a.file, a.shape)
	}
	if a.shape[0] != n {
		return nil, fmt.Errorf("%s has %d labels for %d images; save images and labels of the same records", a.file, a.shape[0], n)
	}
	size := int(a.itemSize())
	var order binary.ByteOrder = binary.LittleEndian
	if a.dtype[0] == '>' {
		order = binary.BigEndian
	}
	raw := make([]byte, n*size)
	if got, err := a.bytes.ReadAt(raw, a.data); got < len(raw) {
		return nil, unreadable(a.file, err)
	}
	labels := make([]int, n)
	for i := range labels {
		value := raw[i*size : (i+1)*size]
		var x uint64
		switch size {
		case 1:
			x = uint64(value[0])
		case 2:
			x = uint64(order.Uint16(value))
		case 4:
			x = uint64(order.Uint32(value))
		case 8:
			x = order.Uint64(value)
		}
		// A negative number is larger than any label, too, whatever its size.
		if signed := a.dtype[len(a.dtype)-2] == 'i'; x > largestLabel || signed && x>>(8*size-1) != 0 {
			return nil, fmt.Errorf("%s: label %d is not from 0 to %d; number the classes from 0", a.file, i, largestLabel)
		}
		labels[i] = int(x)
	}
	return labels, nil
}
