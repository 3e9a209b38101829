package onnx

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Writing of messages, field by field in the order of onnx.proto. Empty fields are left out, as proto3 does.

func appendString(b []byte, number protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	b = protowire.AppendTag(b, number, protowire.BytesType)
	return protowire.AppendString(b, s)
}

func appendInt(b []byte, number protowire.Number, v int64) []byte {
	if v == 0 {
		return b
	}
	b = protowire.AppendTag(b, number, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(v))
}

func appendMessage(b []byte, number protowire.Number, message []byte) []byte {
	b = protowire.AppendTag(b, number, protowire.BytesType)
	return protowire.AppendBytes(b, message)
}

func (m *modelProto) append(b []byte) []byte {
	b = appendInt(b, 1, m.irVersion)
	b = appendString(b, 2, m.producer)
	b = appendMessage(b, 7, m.graph.append(nil))
	for _, o := range m.opsets {
		b = appendMessage(b, 8, appendInt(appendString(nil, 1, o.domain), 2, o.version))
	}
	for _, p := range m.metadata {
		b = appendMessage(b, 14, appendString(appendString(nil, 1, p.Key), 2, p.Value))
	}
	return b
}

func (g *graphProto) append(b []byte) []byte {
	for i := range g.nodes {
		b = appendMessage(b, 1, g.nodes[i].append(nil))
	}
	b = appendString(b, 2, g.name)
	for i := range g.initializers {
		b = appendMessage(b, 5, g.initializers[i].append(nil))
	}
	for i := range g.inputs {
		b = appendMessage(b, 11, g.inputs[i].append(nil))
	}
	for i := range g.outputs {
		b = appendMessage(b, 12, g.outputs[i].append(nil))
	}
	return b
}

// Inputs and outputs are written even when empty: an empty name stands for an omitted input.
func (n *nodeProto) append(b []byte) []byte {
	for _, name := range n.inputs {
		b = appendMessage(b, 1, []byte(name))
	}
	for _, name := range n.outputs {
		b = appendMessage(b, 2, []byte(name))
	}
	b = appendString(b, 3, n.name)
	b = appendString(b, 4, n.op)
	for i := range n.attributes {
		b = appendMessage(b, 5, n.attributes[i].append(nil))
	}
	return appendString(b, 7, n.domain)
}

func (a *attributeProto) append(b []byte) []byte {
	b = appendString(b, 1, a.name)
	switch a.typ {
	case attributeFloat:
		b = protowire.AppendTag(b, 2, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, math.Float32bits(a.f))
	case attributeInt:
		b = protowire.AppendTag(b, 3, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(a.i))
	case attributeString:
		b = appendMessage(b, 4, []byte(a.s))
	case attributeTensor:
		b = appendMessage(b, 5, a.t.append(nil))
	case attributeFloats:
		for _, f := range a.floats {
			b = protowire.AppendTag(b, 7, protowire.Fixed32Type)
			b = protowire.AppendFixed32(b, math.Float32bits(f))
		}
	case attributeInts:
		for _, i := range a.ints {
			b = protowire.AppendTag(b, 8, protowire.VarintType)
			b = protowire.AppendVarint(b, uint64(i))
		}
	}
	return appendInt(b, 20, int64(a.typ))
}

func (t *tensorProto) append(b []byte) []byte {
	for _, d := range t.dims {
		b = protowire.AppendTag(b, 1, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(d))
	}
	b = appendInt(b, 2, int64(t.typ))
	b = appendString(b, 8, t.name)
	return appendMessage(b, 9, t.raw)
}

func (v *valueInfo) append(b []byte) []byte {
	var shape []byte
	for _, d := range v.dims {
		shape = appendMessage(shape, 1, appendString(appendInt(nil, 1, d.size), 2, d.param))
	}
	tensor := appendMessage(appendInt(nil, 1, int64(v.typ)), 2, shape)
	b = appendString(b, 1, v.name)
	return appendMessage(b, 2, appendMessage(nil, 1, tensor))
}
