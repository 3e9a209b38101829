package oneshot

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"galen/engine/onnx"
	"galen/hw/graph"
)

// doubling is a model that doubles the first channel of [2, 1, 2] images and takes the second from it.
func doubling(t *testing.T, folder string) string {
	t.Helper()
	g := graph.NewGraph("doubling", "x", graph.Shape{2, 1, 2})
	w := graph.Weight{Shape: []int{1, 2, 1, 1}, Float: []float32{2, -1}}
	conv := &graph.Conv{Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1, Weight: w}
	if _, err := g.Append("conv", conv, "y", g.Input); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "model.onnx")
	if err := onnx.Save(path, g); err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// tensorFile is a TensorProto of float32 numbers.
func tensorFile(shape []int, numbers ...float32) []byte {
	var b []byte
	for _, d := range shape {
		b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), uint64(d))
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), 1)
	return protowire.AppendBytes(protowire.AppendTag(b, 9, protowire.BytesType), raw(numbers))
}

func arrayFile(shape []int, numbers ...float32) []byte {
	extent := strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]")
	header := "{'descr': '<f4', 'fortran_order': False, 'shape': (" + extent + ",), }\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	return append(append(b, header...), raw(numbers)...)
}

func raw(numbers []float32) (b []byte) {
	for _, v := range numbers {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// Two images, and what doubling makes of them.
var (
	twoShape  = []int{2, 2, 1, 2}
	twoImages = []float32{1, 2, 3, 4, 5, 6, 7, 8}
	outShape  = []int{2, 1, 1, 2}
	outputs   = []float32{-1, 0, 3, 4}
)

func TestVerifyCase(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		name          string
		input, output []byte
		status        string
		worst         float64 // −1: none
		reason        string
	}{
		{"right", tensorFile(twoShape, twoImages...), tensorFile(outShape, outputs...), VerifyPassed, 0, ""},
		{"channels last", tensorFile([]int{2, 1, 2, 2}, 1, 3, 2, 4, 5, 7, 6, 8), tensorFile(outShape, outputs...), VerifyPassed, 0, ""},
		{"one image without a batch", tensorFile([]int{2, 1, 2}, 1, 2, 3, 4), tensorFile([]int{2}, -1, 0), VerifyPassed, 0, ""},
		{"wrong", tensorFile(twoShape, twoImages...), tensorFile(outShape, -1, 0, 3.5, 4), VerifyFailed, 0.5, "1 of 4 outputs"},
		{"infinite", tensorFile(twoShape, twoImages...), tensorFile(outShape, -1, inf, 3, 4), VerifyFailed, -1, "1 of 4 outputs"},
		{"other shape", tensorFile(twoShape, twoImages...), tensorFile([]int{2, 1, 1, 3}, -1, 0, 0, 3, 4, 0), VerifyFailed, -1, "expected is [2 1 1 3]"},
		{"other input", tensorFile([]int{1, 3, 1, 1}, 1, 2, 3), tensorFile(outShape, outputs...), VerifyFailed, -1, "takes a batch of [2 1 2]"},
		{"no images", tensorFile([]int{0, 2, 1, 2}), tensorFile([]int{0, 1, 1, 2}), VerifyFailed, -1, "no image"},
		{"damaged", []byte{0xff, 0xff}, tensorFile(outShape, outputs...), VerifyFailed, -1, "damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "case[1]") // what a shell would take for a pattern
			set := filepath.Join(folder, "test_data_set_0")
			write(t, filepath.Join(set, "input_0.pb"), c.input)
			write(t, filepath.Join(set, "output_0.pb"), c.output)
			doubling(t, folder)
			checkVerification(t, VerifyCase(context.Background(), folder, DefaultTolerance), c.status, c.worst, c.reason)
		})
	}
}

func checkVerification(t *testing.T, v Verification, status string, worst float64, reason string) {
	t.Helper()
	if v.Status != status || !strings.Contains(v.Reason, reason) || (v.Reason == "") != (status == VerifyPassed) {
		t.Errorf("%s because of %q, want %s because of %q", v.Status, v.Reason, status, reason)
	}
	switch {
	case v.MaxError == nil:
		if worst >= 0 {
			t.Errorf("no error, want %v", worst)
		}
	case *v.MaxError != worst:
		t.Errorf("error %v, want %v", *v.MaxError, worst)
	}
}

func TestVerifyLooksAtEverySet(t *testing.T) {
	folder := t.TempDir()
	doubling(t, folder)
	for i, out := range [][]float32{outputs, {0, 0, 3, 4}} {
		set := filepath.Join(folder, fmt.Sprintf("test_data_set_%d", i))
		write(t, filepath.Join(set, "input_0.pb"), tensorFile(twoShape, twoImages...))
		write(t, filepath.Join(set, "output_0.pb"), tensorFile(outShape, out...))
	}
	checkVerification(t, VerifyCase(context.Background(), folder, DefaultTolerance), VerifyFailed, 1, "test_data_set_1")
	checkVerification(t, VerifyCase(context.Background(), folder, Tolerance{Absolute: 1}), VerifyPassed, 1, "")
}

func TestVerifyRefusesModels(t *testing.T) {
	folder := t.TempDir()
	checkVerification(t, VerifyCase(context.Background(), folder, DefaultTolerance), VerifyFailed, -1, "not a case")
	write(t, filepath.Join(folder, "model.onnx"), []byte("text"))
	checkVerification(t, VerifyCase(context.Background(), folder, DefaultTolerance), VerifyFailed, -1, "no test_data_set_0")
	write(t, filepath.Join(folder, "test_data_set_0", "input_0.pb"), nil)
	checkVerification(t, VerifyCase(context.Background(), folder, DefaultTolerance), VerifyRefused, -1, "not an ONNX model")
	doubling(t, folder)
	write(t, filepath.Join(folder, "test_data_set_0", "input_1.pb"), nil)
	checkVerification(t, VerifyCase(context.Background(), folder, DefaultTolerance), VerifyRefused, -1, "several inputs")
}

func TestVerifyLightModel(t *testing.T) {
	folder := t.TempDir()
	model := doubling(t, folder)
	checkVerification(t, VerifyCase(context.Background(), model, DefaultTolerance), VerifyFailed, -1, "--input")
	// The input is 0, ¼, ½, ¾.
	write(t, filepath.Join(folder, "model_output_0.pb"), tensorFile([]int{1, 1, 1, 2}, -0.5, -0.25))
	checkVerification(t, VerifyCase(context.Background(), model, DefaultTolerance), VerifyPassed, 0, "")
}

func TestVerifyArrays(t *testing.T) {
	folder := t.TempDir()
	model, input, expect := doubling(t, folder), filepath.Join(folder, "x.npy"), filepath.Join(folder, "y.npy")
	write(t, input, arrayFile(twoShape, twoImages...))
	write(t, expect, arrayFile(outShape, outputs...))
	checkVerification(t, VerifyArrays(context.Background(), model, input, expect, DefaultTolerance), VerifyPassed, 0, "")
	checkVerification(t, VerifyArrays(context.Background(), model, input, input, DefaultTolerance), VerifyFailed, -1, "expected is [2 2 1 2]")
	checkVerification(t, VerifyArrays(context.Background(), model, model, expect, DefaultTolerance), VerifyFailed, -1, "not a NumPy .npy file")
	checkVerification(t, VerifyArrays(context.Background(), os.DevNull, input, expect, DefaultTolerance), VerifyFailed, -1, "not a regular file")
	checkVerification(t, VerifyArrays(context.Background(), model, "nowhere.npy", expect, DefaultTolerance), VerifyFailed, -1, "nowhere.npy")
}

// The conformance cases that galen takes must all pass.
func TestVerifyConformance(t *testing.T) {
	shared := os.Getenv("GALEN_SHARED")
	if shared == "" {
		t.Skip("GALEN_SHARED does not name the folder with conformance cases")
	}
	cases, err := filepath.Glob(filepath.Join(shared, "onnx-tests", "pytorch-*", "*"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no conformance cases (%v)", err)
	}
	passed := 0
	for _, c := range cases {
		switch v := VerifyCase(context.Background(), c, DefaultTolerance); v.Status {
		case VerifyPassed:
			passed++
		case VerifyFailed:
			t.Errorf("%s: %s", c, v.Reason)
		}
	}
	if passed < 12 {
		t.Errorf("only %d cases pass", passed)
	}
}
