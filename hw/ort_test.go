//go:build !static && (linux || darwin) && (amd64 || arm64)

package hw

import (
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"galen/hw/graph"
)

// message is a protobuf message of fields that are themselves messages or strings, or numbers.
func message(fields ...any) []byte {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		number := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), uint64(v))
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), v)
		case []byte:
			b = protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), v)
		}
	}
	return b
}

// rectifier is an ONNX model of a single operator on tensors [N, 5].
func rectifier(operator string) []byte {
	tensor := func(name string) []byte {
		shape := message(1, message(2, "N"), 1, message(1, 5))
		return message(1, name, 2, message(1, message(1, 1, 2, shape)))
	}
	node := message(1, "x", 2, "y", 4, operator)
	return message(1, 8, 7, message(1, node, 2, "rectifier", 11, tensor("x"), 12, tensor("y")), 8, message(2, 13))
}

func TestORTComputes(t *testing.T) {
	library := os.Getenv("GALEN_ORT")
	if library == "" {
		t.Skip("GALEN_ORT does not name ONNX Runtime's shared library")
	}
	api, err := loadORT(library)
	if err != nil {
		t.Fatal(err)
	}
	defer api.close()
	for _, threads := range []int{1, 2} {
		s, err := api.session(rectifier("Relu"), []int64{3, 5}, []int64{3, 5}, threads, OptimizeAll)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s.input[4] = -s.input[4]
			if err := s.run(); err != nil {
				t.Fatal(err)
			}
			for i, x := range s.input {
				if s.output[i] != max(x, 0) {
					t.Errorf("Relu(%v) = %v", x, s.output[i])
				}
			}
		}
		s.close()
	}
	if _, err := api.session(rectifier("Rectify"), []int64{1, 5}, []int64{1, 5}, 1, OptimizeAll); err == nil || !strings.Contains(err.Error(), "Rectify") {
		t.Errorf("an unknown operator gives %v", err)
	}
	s, err := api.session(rectifier("Relu"), []int64{1, 4}, []int64{1, 4}, 1, OptimizeAll)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.run(); err == nil {
		t.Error("an input of the wrong shape is taken")
	}
}

func TestInference(t *testing.T) {
	library := os.Getenv("GALEN_ORT")
	if library == "" {
		t.Skip("GALEN_ORT does not name ONNX Runtime's shared library")
	}
	for _, level := range []Optimization{OptimizeNothing, OptimizeBasic, OptimizeExtended, OptimizeAll} {
		f, err := OpenInference(library, rectifier("Relu"), graph.Shape{5}, graph.Shape{5}, level)
		if err != nil {
			t.Fatal(err)
		}
		const images = 2*inferBatch + 7
		input, output := noise(5*images), make([]float32, 5*images)
		if err := f.Run(output, input, images); err != nil {
			t.Fatal(err)
		}
		for i, x := range input {
			if output[i] != max(x, 0) {
				t.Fatalf("level %d: Relu(%v) = %v", level, x, output[i])
			}
		}
		f.Close()
	}
	if _, err := OpenInference(library, rectifier("Rectify"), graph.Shape{5}, graph.Shape{5}, OptimizeAll); err == nil {
		t.Error("an unknown operator is taken")
	}
}
