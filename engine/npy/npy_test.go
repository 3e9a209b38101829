package npy

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file is a .npy file with the given header and numbers.
func file(major byte, header string, data []byte) []byte {
	content := append([]byte(Magic), major, 0)
	if major == 1 {
		content = binary.LittleEndian.AppendUint16(content, uint16(len(header)))
	} else {
		content = binary.LittleEndian.AppendUint32(content, uint32(len(header)))
	}
	return append(append(content, header...), data...)
}

func open(content []byte) (*Array, error) {
	return Open("x.npy", bytes.NewReader(content), int64(len(content)))
}

func TestFloats(t *testing.T) {
	want := []float32{1, -2.5, 3, 0.125, 1e-30, 7}
	var single, double, swapped []byte
	for _, v := range want {
		single = binary.LittleEndian.AppendUint32(single, math.Float32bits(v))
		double = binary.LittleEndian.AppendUint64(double, math.Float64bits(float64(v)))
		swapped = binary.BigEndian.AppendUint32(swapped, math.Float32bits(v))
	}
	for name, content := range map[string][]byte{
		"float32":           file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", single),
		"float64, format 2": file(2, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n", double),
		"big-endian":        file(3, `{"descr": ">f4", "fortran_order": False, "shape": (2, 3)}`, swapped),
	} {
		path := filepath.Join(t.TempDir(), "x.npy")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		shape, numbers, err := Load(path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(shape, []int{2, 3}) || !slices.Equal(numbers, want) {
			t.Errorf("%s: read %v %v", name, shape, numbers)
		}
	}
}

func TestInts(t *testing.T) {
	for kind, c := range map[string]struct {
		bytes []byte
		want  []int64
	}{
		"|u1": {[]byte{0, 255}, []int64{0, 255}},
		"|i1": {[]byte{1, 255}, []int64{1, -1}},
		"<i2": {[]byte{0xfe, 0xff, 1, 2}, []int64{-2, 513}},
		">u4": {[]byte{0x80, 0, 0, 0, 0, 0, 0, 3}, []int64{1 << 31, 3}},
		"<u8": {[]byte{255, 255, 255, 255, 255, 255, 255, 255, 7, 0, 0, 0, 0, 0, 0, 0}, []int64{-1, 7}},
	} {
		a, err := open(file(1, "{'descr': '"+kind+"', 'fortran_order': True, 'shape': (2,)}", c.bytes))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if got, err := a.Ints(); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v (%v), want %v", kind, got, err, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for want, content := range map[string][]byte{
		"not a NumPy":      []byte("PK\x03\x04 something else"),
		"has no header":    file(2, "{", nil)[:11],
		"has 40 bytes":     append(file(1, "{", nil)[:8], 40, 0, '{', '}'),
		"plain array":      file(1, "{'descr': [('a', '<f4')]}", nil),
		"type \"<c8\"":     file(1, "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", make([]byte, 8)),
		"type \"\"":        file(1, "{'descr': '', 'fortran_order': False, 'shape': (1,), }", make([]byte, 8)),
		"type <i8":         file(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", make([]byte, 8)),
		"Fortran":          file(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", make([]byte, 4)),
		"does not fit":     file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 99999, 0), }", nil),
		"there are 4":      file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", make([]byte, 4)),
		"its shape is (x)": file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (x), }", make([]byte, 4)),
	} {
		a, err := open(content)
		if err == nil {
			_, err = a.Floats()
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "x.npy") {
			t.Errorf("got %v, want an error that says %q", err, want)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", make([]byte, 4)))
	f.Add(file(2, "{'descr': '>i2', 'fortran_order': False, 'shape': (2, 1), }", make([]byte, 4)))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := open(content)
		if err != nil {
			return
		}
		floats, notFloat := a.Floats()
		ints, notInt := a.Ints()
		if n := len(floats) + len(ints); n != a.elements() && a.Size != 2 {
			t.Fatalf("%s %v with %d numbers (%v, %v)", a.Type, a.Shape, n, notFloat, notInt)
		}
	})
}
