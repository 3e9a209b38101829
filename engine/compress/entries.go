package compress

import (
	"encoding/binary"
	"math"

	"galen/hw/graph"
)

// solution is a layer's weights for some of its input channels and all of its output
// channels: the filters of least-squares fits, and of rounding, do not depend on
// each other, so that the channels a policy keeps are picked from them.
type solution struct {
	weight graph.Weight // [outputs, kept inputs, …]
	bias   []float32
}

// encode is the solution as bytes: scales where there are any, the bias, the weights.
func (s *solution) encode() []byte {
	b := make([]byte, 0, 4*(len(s.weight.Float)+len(s.weight.Scale)+len(s.bias))+len(s.weight.Int))
	b = appendFloats(b, s.weight.Scale)
	b = appendFloats(b, s.bias)
	b = appendFloats(b, s.weight.Float)
	for _, q := range s.weight.Int {
		b = append(b, byte(q))
	}
	return b
}

// decodeSolution reads a solution of the given shape; false if the bytes are not one.
func decodeSolution(b []byte, shape []int, bits int) (*solution, bool) {
	s := &solution{weight: graph.Weight{Shape: shape}}
	elements, outputs := graph.Shape(shape).Elements(), shape[0]
	if bits == graph.FloatBits {
		if len(b) != 4*(outputs+elements) {
			return nil, false
		}
		s.bias, b = takeFloats(b, outputs)
		s.weight.Float, _ = takeFloats(b, elements)
		return s, true
	}
	if len(b) != 8*outputs+elements {
		return nil, false
	}
	s.weight.Bits = bits
	s.weight.Scale, b = takeFloats(b, outputs)
	s.bias, b = takeFloats(b, outputs)
	s.weight.Int = make([]int8, elements)
	limit := int8(graph.WeightLimit(bits))
	for i, x := range b {
		q := int8(x)
		if q > limit || q < -limit {
			return nil, false
		}
		s.weight.Int[i] = q
	}
	return s, true
}

// rows picks output channels.
func (s *solution) rows(kept []int) (graph.Weight, []float32) {
	bias := make([]float32, len(kept))
	for i, o := range kept {
		bias[i] = s.bias[o]
	}
	return s.weight.Select(kept, nil), bias
}

// encode is the upper triangle of the moments in single precision, which is what they were summed in.
func (g gram) encode() []byte {
	b := make([]byte, 0, 2*g.size*(g.size+1))
	for i := range g.size {
		for _, x := range g.h[i*g.size+i : (i+1)*g.size] {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
		}
	}
	return b
}

// decodeGram reads moments of the given size; false if the bytes are not some.
func decodeGram(b []byte, size int) (gram, bool) {
	if len(b) != 2*size*(size+1) {
		return gram{}, false
	}
	g := gram{size, make([]float64, size*size)}
	for i := range size {
		for j := i; j < size; j++ {
			x := float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
			g.h[i*size+j], g.h[j*size+i] = x, x
			b = b[4:]
		}
	}
	return g, true
}

func appendFloats(b []byte, x []float32) []byte {
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// takeFloats splits n numbers off.
func takeFloats(b []byte, n int) ([]float32, []byte) {
	x := make([]float32, n)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x, b[4*n:]
}
