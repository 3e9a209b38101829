package onnx

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Limits on what a file may hold, far above any real network. They keep a small hostile
// file from costing much memory or time.
const (
	maxMessages = 1 << 20 // messages and strings in all
	maxNodes    = 1 << 15
	maxRank     = 16
)

// wireReader decodes protobuf messages; messages counts down to its limit.
type wireReader struct{ messages int }

// field is one field of a message: bytes for length-delimited ones, number for the rest.
type field struct {
	number protowire.Number
	typ    protowire.Type
	bits   uint64
	bytes  []byte
}

func (f field) string() string { return string(f.bytes) }
func (f field) int() int64     { return int64(f.bits) }

func readModel(data []byte) (*modelProto, error) {
	r := &wireReader{messages: maxMessages}
	m := &modelProto{}
	err := r.model(data, m)
	if err == nil && m.graph == nil {
		err = errors.New("it holds no graph")
	}
	if err == nil && len(m.opsets) == 0 {
		err = errors.New("it names no operator set")
	}
	if err != nil {
		return nil, fmt.Errorf("not an ONNX model, or a damaged one: %w", err)
	}
	return m, nil
}

var errTooMany = fmt.Errorf("it holds more than %d messages", maxMessages)

// each calls visit with every field of a message; what names the message in errors.
func (r *wireReader) each(data []byte, what string, visit func(field) error) error {
	for len(data) > 0 {
		number, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return fmt.Errorf("%s: %w", what, protowire.ParseError(n))
		}
		data = data[n:]
		f := field{number: number, typ: typ}
		switch typ {
		case protowire.VarintType:
			f.bits, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(data)
			f.bits = uint64(v)
		case protowire.Fixed64Type:
			f.bits, n = protowire.ConsumeFixed64(data)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(data)
			r.messages--
		default:
			return fmt.Errorf("%s: field %d has wire type %d", what, number, typ)
		}
		if n < 0 {
			return fmt.Errorf("%s: field %d: %w", what, number, protowire.ParseError(n))
		}
		if r.messages < 0 {
			return errTooMany
		}
		data = data[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// typed checks that a field has the wire type its number has in onnx.proto.
func (f field) typed(want protowire.Type, what string) error {
	if f.typ != want {
		return fmt.Errorf("%s: field %d has wire type %d, wants %d", what, f.number, f.typ, want)
	}
	return nil
}

// wires gives the wire type of every field that is read, by its number.
type wires map[protowire.Number]protowire.Type

// known calls visit with the fields listed in types, after checking their wire types, and skips others.
func (r *wireReader) known(data []byte, what string, types wires, visit func(field) error) error {
	return r.each(data, what, func(f field) error {
		want, ok := types[f.number]
		if !ok {
			return nil
		}
		if err := f.typed(want, what); err != nil {
			return err
		}
		return visit(f)
	})
}

// The wire types of integers, of strings and messages, and of float32 numbers.
const (
	varint = protowire.VarintType
	chunk  = protowire.BytesType
	fixed  = protowire.Fixed32Type
)

func (r *wireReader) model(data []byte, m *modelProto) error {
	return r.known(data, "model", wires{1: varint, 2: chunk, 7: chunk, 8: chunk, 14: chunk}, func(f field) error {
		switch f.number {
		case 1:
			m.irVersion = f.int()
		case 2:
			m.producer = f.string()
		case 7:
			if m.graph != nil {
				return errors.New("it holds two graphs")
			}
			m.graph = &graphProto{}
			return r.graph(f.bytes, m.graph)
		case 8:
			var o opsetID
			err := r.known(f.bytes, "operator set", wires{1: chunk, 2: varint}, func(f field) error {
				if f.number == 1 {
					o.domain = f.string()
				} else {
					o.version = f.int()
				}
				return nil
			})
			m.opsets = append(m.opsets, o)
			return err
		case 14:
			var p Property
			err := r.known(f.bytes, "metadata", wires{1: chunk, 2: chunk}, func(f field) error {
				if f.number == 1 {
					p.Key = f.string()
				} else {
					p.Value = f.string()
				}
				return nil
			})
			m.metadata = append(m.metadata, p)
			return err
		}
		return nil
	})
}

func (r *wireReader) graph(data []byte, g *graphProto) error {
	return r.known(data, "graph", wires{1: chunk, 2: chunk, 5: chunk, 11: chunk, 12: chunk, 15: chunk}, func(f field) error {
		switch f.number {
		case 1:
			if len(g.nodes) == maxNodes {
				return fmt.Errorf("it holds more than %d nodes", maxNodes)
			}
			g.nodes = append(g.nodes, nodeProto{})
			return r.node(f.bytes, &g.nodes[len(g.nodes)-1])
		case 2:
			g.name = f.string()
		case 5:
			g.initializers = append(g.initializers, tensorProto{})
			return r.tensor(f.bytes, &g.initializers[len(g.initializers)-1])
		case 11:
			g.inputs = append(g.inputs, valueInfo{})
			return r.valueInfo(f.bytes, &g.inputs[len(g.inputs)-1])
		case 12:
			g.outputs = append(g.outputs, valueInfo{})
			return r.valueInfo(f.bytes, &g.outputs[len(g.outputs)-1])
		case 15:
			g.sparse = true
		}
		return nil
	})
}

func (r *wireReader) node(data []byte, n *nodeProto) error {
	return r.known(data, "node", wires{1: chunk, 2: chunk, 3: chunk, 4: chunk, 5: chunk, 7: chunk}, func(f field) error {
		switch f.number {
		case 1:
			n.inputs = append(n.inputs, f.string())
		case 2:
			n.outputs = append(n.outputs, f.string())
		case 3:
			n.name = f.string()
		case 4:
			n.op = f.string()
		case 5:
			n.attributes = append(n.attributes, attributeProto{})
			return r.attribute(f.bytes, &n.attributes[len(n.attributes)-1])
		case 7:
			n.domain = f.string()
		}
		return nil
	})
}

func (r *wireReader) attribute(data []byte, a *attributeProto) error {
	return r.each(data, "attribute", func(f field) error {
		var err error
		switch f.number {
		case 1:
			err, a.name = f.typed(chunk, "attribute"), f.string()
		case 2:
			err, a.f = f.typed(fixed, "attribute"), math.Float32frombits(uint32(f.bits))
		case 3:
			err, a.i = f.typed(varint, "attribute"), f.int()
		case 4:
			err, a.s = f.typed(chunk, "attribute"), f.string()
		case 5:
			if err = f.typed(chunk, "attribute"); err == nil {
				a.t = &tensorProto{}
				err = r.tensor(f.bytes, a.t)
			}
		case 7:
			var packed []byte
			packed, err = appendFixed(nil, f, fixed, "attribute")
			a.floats = append(a.floats, floats32(packed)...)
		case 8:
			a.ints, err = appendVarints(a.ints, f, "attribute")
		case 20:
			err, a.typ = f.typed(varint, "attribute"), attributeType(f.bits)
		case 6, 9, 10, 11, 14, 15, 21, 22, 23:
			a.other = true
		}
		return err
	})
}

func (r *wireReader) tensor(data []byte, t *tensorProto) error {
	return r.each(data, "tensor", func(f field) error {
		var err error
		switch f.number {
		case 1:
			t.dims, err = appendVarints(t.dims, f, "tensor")
			if err == nil && len(t.dims) > maxRank {
				err = fmt.Errorf("a tensor has more than %d dimensions", maxRank)
			}
		case 2:
			err, t.typ = f.typed(varint, "tensor"), dataType(f.bits)
		case 4:
			t.floats, err = appendFixed(t.floats, f, fixed, "tensor")
		case 5, 7, 11:
			t.ints, err = appendVarints(t.ints, f, "tensor")
		case 8:
			err, t.name = f.typed(chunk, "tensor"), f.string()
		case 9:
			err, t.raw = f.typed(chunk, "tensor"), f.bytes
		case 10:
			t.doubles, err = appendFixed(t.doubles, f, protowire.Fixed64Type, "tensor")
		case 13:
			t.external = true
		case 14:
			err = f.typed(varint, "tensor")
			t.external = t.external || f.bits != 0
		}
		return err
	})
}

func (r *wireReader) valueInfo(data []byte, v *valueInfo) error {
	return r.known(data, "value", wires{1: chunk, 2: chunk}, func(f field) error {
		if f.number == 1 {
			v.name = f.string()
			return nil
		}
		return r.known(f.bytes, "type", wires{1: chunk}, func(f field) error {
			return r.known(f.bytes, "tensor type", wires{1: varint, 2: chunk}, func(f field) error {
				if f.number == 1 {
					v.typ = dataType(f.bits)
					return nil
				}
				v.known = true
				return r.known(f.bytes, "shape", wires{1: chunk}, func(f field) error {
					var d dimension
					err := r.known(f.bytes, "dimension", wires{1: varint, 2: chunk}, func(f field) error {
						if f.number == 1 {
							d.size = f.int()
						} else {
							d.param = f.string()
						}
						return nil
					})
					v.dims = append(v.dims, d)
					return err
				})
			})
		})
	})
}

// appendVarints adds a repeated integer field, packed or not.
func appendVarints(list []int64, f field, what string) ([]int64, error) {
	if f.typ == varint {
		return append(list, f.int()), nil
	}
	if err := f.typed(chunk, what); err != nil {
		return nil, err
	}
	if list == nil {
		count := 0
		for _, b := range f.bytes {
			if b < 0x80 {
				count++
			}
		}
		list = make([]int64, 0, count)
	}
	for data := f.bytes; len(data) > 0; {
		v, n := protowire.ConsumeVarint(data)
		if n < 0 {
			return nil, fmt.Errorf("%s: field %d: %w", what, f.number, protowire.ParseError(n))
		}
		list = append(list, int64(v))
		data = data[n:]
	}
	return list, nil
}

// appendFixed adds a repeated fixed-size field, packed or not, as little-endian bytes.
func appendFixed(list []byte, f field, size protowire.Type, what string) ([]byte, error) {
	switch {
	case f.typ == chunk && list == nil:
		return f.bytes[:len(f.bytes):len(f.bytes)], nil
	case f.typ == chunk:
		return append(list, f.bytes...), nil
	case f.typ == size && size == fixed:
		return protowire.AppendFixed32(list, uint32(f.bits)), nil
	case f.typ == size:
		return protowire.AppendFixed64(list, f.bits), nil
	}
	return nil, f.typed(size, what)
}
