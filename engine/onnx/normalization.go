package onnx

import (
	"fmt"
	"strconv"
	"strings"
)

// Normalization is how a network wants its input: pixels scaled to [0,1], less Mean, divided by Std, channel by channel.
// One number stands for all channels, none for a normalization that is not known. In a file it is metadata under the keys
// "mean" and "std": numbers between commas or spaces, perhaps in brackets, as Python and JSON write lists.
type Normalization struct{ Mean, Std []float32 }

const meanKey, stdKey = "mean", "std"

// LoadNormalization reads the normalization from the metadata of the ONNX file at path.
func LoadNormalization(path string) (Normalization, error) {
	data, err := ReadFile(path)
	if err != nil {
		return Normalization{}, fmt.Errorf("read ONNX model: %w", err)
	}
	m, err := readModel(data)
	if err != nil {
		return Normalization{}, fmt.Errorf("%s: %w", path, err)
	}
	n, err := m.normalization()
	if err != nil {
		return Normalization{}, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

func (f *modelProto) normalization() (n Normalization, err error) {
	for _, p := range f.metadata {
		switch p.Key {
		case meanKey:
			n.Mean, err = p.numbers()
		case stdKey:
			n.Std, err = p.numbers()
		}
		if err != nil {
			return Normalization{}, err
		}
	}
	return n, nil
}

// numbers reads a property's value. What is above 1 was meant for pixels from 0 to 255, or for something else.
func (p Property) numbers() ([]float32, error) {
	fields := strings.FieldsFunc(p.Value, func(r rune) bool { return strings.ContainsRune(" ,;[](){}\t\n", r) })
	numbers := make([]float32, len(fields))
	for i, field := range fields {
		v, err := strconv.ParseFloat(field, 32)
		if err != nil || !(v >= -1 && v <= 1) || p.Key == stdKey && v <= 0 {
			return nil, fmt.Errorf("its metadata says %s = %q, which is none of pixels from 0 to 1; give --mean and --std", p.Key, p.Value)
		}
		numbers[i] = float32(v)
	}
	return numbers, nil
}

// Properties are the normalization as a file's metadata.
func (n Normalization) Properties() []Property {
	var list []Property
	for _, p := range []struct {
		key     string
		numbers []float32
	}{{meanKey, n.Mean}, {stdKey, n.Std}} {
		if len(p.numbers) == 0 {
			continue
		}
		fields := make([]string, len(p.numbers))
		for i, v := range p.numbers {
			fields[i] = strconv.FormatFloat(float64(v), 'g', -1, 32)
		}
		list = append(list, Property{p.key, strings.Join(fields, ", ")})
	}
	return list
}
