package npy

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

// file is a .npy file with the given header and numbers.
func file(major byte, header string, data []byte) []byte {
	content := append([]byte(magic), major, 0)
	if major == 1 {
		content = binary.LittleEndian.AppendUint16(content, uint16(len(header)))
	} else {
		content = binary.LittleEndian.AppendUint32(content, uint32(len(header)))
	}
	return append(append(content, header...), data...)
}

func TestDecode(t *testing.T) {
	want := []float32{1, -2.5, 3, 0.125, 1e-30, 7}
	var single, double []byte
	for _, v := range want {
		single = binary.LittleEndian.AppendUint32(single, math.Float32bits(v))
		double = binary.LittleEndian.AppendUint64(double, math.Float64bits(float64(v)))
	}
	for name, content := range map[string][]byte{
		"float32":           file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", single),
		"float64, format 2": file(2, "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n", double),
	} {
		a, err := Decode(content)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(a.Shape, []int{2, 3}) || !slices.Equal(a.Data, want) {
			t.Errorf("%s: read %+v", name, a)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for want, content := range map[string][]byte{
		"not a NumPy":         []byte("PK\x03\x04 something else"),
		"within its header":   file(2, "{", nil)[:12],
		"plain numbers":       file(1, "{'descr': [('a', '<f4')]}", nil),
		"type <i8":            file(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", make([]byte, 8)),
		"Fortran":             file(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", make([]byte, 4)),
		"too large":           file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 99999, 0), }", nil),
		"has 4 bytes of data": file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", make([]byte, 4)),
	} {
		if _, err := Decode(content); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that says %q", err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", make([]byte, 4)))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := Decode(content)
		if err != nil {
			return
		}
		n := 1
		for _, d := range a.Shape {
			n *= d
		}
		if n != len(a.Data) {
			t.Fatalf("shape %v with %d numbers", a.Shape, len(a.Data))
		}
	})
}
