package onnx

import (
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// What is written is read back alike.
func TestWireRoundTrip(t *testing.T) {
	want := model(13, []int64{3, 4, 4}, []tensorProto{floatTensor("w", []float32{1, -2, 0.5}, 3), intTensor("i", -1, 1<<62)},
		nodeProto{name: "n", op: "Conv", domain: "d", inputs: in("x", "", "w"), outputs: []string{"y"}, attributes: []attributeProto{
			intAttribute("i", -7), floatAttribute("f", float32(math.Inf(-1))), stringAttribute("s", "SAME"), intsAttribute("is", 1, -2, 3),
			{name: "fs", typ: attributeFloats, floats: []float32{1, 2.5}}, tensorAttribute("t", byteTensor("b", typeInt8, []byte{1, 255}, 2)),
		}})
	want.metadata = []Property{{"key", "value"}, {"", "nameless"}}
	got, err := readModel(want.append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v, wrote\n%+v", got, want)
	}
}

// Exporters store tensors in many ways: raw or in typed lists, packed or not.
func TestTensorEncodings(t *testing.T) {
	header := func(typ dataType, n int64) []byte {
		return appendInt(appendInt(nil, 1, n), 2, int64(typ))
	}
	packed := func(b []byte, number protowire.Number, values ...uint64) []byte {
		var list []byte
		for _, v := range values {
			list = protowire.AppendVarint(list, v)
		}
		return appendMessage(b, number, list)
	}
	minus := func(v int64) uint64 { return uint64(-v) }
	bits := func(v float64) []byte { return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)) }
	cases := []struct {
		name   string
		data   []byte
		floats []float32
		ints   []int64
	}{
		{"float_data, not packed", protowire.AppendFixed32(protowire.AppendTag(protowire.AppendFixed32(protowire.AppendTag(header(typeFloat, 2), 4, fixed), math.Float32bits(1.5)), 4, fixed), math.Float32bits(-2)), []float32{1.5, -2}, nil},
		{"float_data, packed", appendMessage(header(typeFloat, 1), 4, binary.LittleEndian.AppendUint32(nil, math.Float32bits(3))), []float32{3}, nil},
		{"double_data", appendMessage(header(typeDouble, 1), 10, bits(0.25)), []float32{0.25}, nil},
		{"raw doubles", appendMessage(header(typeDouble, 2), 9, append(bits(1e300), bits(-1)...)), []float32{float32(math.Inf(1)), -1}, nil},
		{"raw float16", appendMessage(header(typeFloat16, 6), 9, []byte{0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b, 0x01, 0x00, 0x00, 0xfc, 0x00, 0x04}),
			[]float32{1, -2, 65504, 5.9604644775390625e-08, float32(math.Inf(-1)), 6.103515625e-05}, nil},
		{"float16 in int32_data", packed(header(typeFloat16, 1), 5, 0x3555), []float32{0.333251953125}, nil},
		{"int64_data, packed", packed(header(typeInt64, 2), 7, 5, minus(1)), nil, []int64{5, -1}},
		{"int64_data, not packed", protowire.AppendVarint(protowire.AppendTag(header(typeInt64, 1), 7, varint), minus(9)), nil, []int64{-9}},
		{"int8 in int32_data", packed(header(typeInt8, 2), 5, 127, minus(128)), nil, []int64{127, -128}},
		{"raw int8", appendMessage(header(typeInt8, 2), 9, []byte{127, 128}), nil, []int64{127, -128}},
		{"raw int16", appendMessage(header(typeInt16, 1), 9, []byte{0xfe, 0xff}), nil, []int64{-2}},
		{"raw int32", appendMessage(header(typeInt32, 1), 9, []byte{0xfd, 0xff, 0xff, 0xff}), nil, []int64{-3}},
		{"raw uint8", appendMessage(header(typeUint8, 1), 9, []byte{200}), nil, []int64{200}},
	}
	for _, c := range cases {
		var p tensorProto
		if err := (&wireReader{messages: 100}).tensor(c.data, &p); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, err := p.constant()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !reflect.DeepEqual(got.floats, c.floats) || !reflect.DeepEqual(got.ints, c.ints) {
			t.Errorf("%s: read %v %v, want %v %v", c.name, got.floats, got.ints, c.floats, c.ints)
		}
	}
	for _, c := range []struct {
		name, reason string
		data         []byte
	}{
		{"half a float", "has 3 bytes", appendMessage(header(typeFloat, 1), 9, []byte{1, 2, 3})},
		{"out of range", "holds 300 as uint8", packed(header(typeUint8, 1), 5, 300)},
		{"strings", "string", header(typeString, 1)},
		{"absurd size", "more than", appendInt(appendInt(header(typeFloat, 1<<20), 1, 1<<20), 1, 1<<20)},
		{"negative size", "dimension 0 is -1", header(typeFloat, -1)},
	} {
		var p tensorProto
		if err := (&wireReader{messages: 100}).tensor(c.data, &p); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if _, err := p.constant(); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v, want …%s…", c.name, err, c.reason)
		}
	}
}

// A small file must not claim the memory of a large one.
func TestManyMessages(t *testing.T) {
	var g []byte
	for range maxNodes + 1 {
		g = appendMessage(g, 1, nil)
	}
	if _, err := readModel(appendMessage(nil, 7, g)); err == nil || !strings.Contains(err.Error(), "nodes") {
		t.Errorf("too many nodes: %v", err)
	}
	g = nil
	for range maxMessages + 1 {
		g = appendMessage(g, 12, nil)
	}
	if _, err := readModel(appendMessage(nil, 7, g)); err == nil || !strings.Contains(err.Error(), "messages") {
		t.Errorf("too many messages: %v", err)
	}
}
