package refit

import (
	"encoding/binary"
	"math"

	"galen/hw/graph"
)

// Encode is the solution as bytes: scales where there are any, the bias, the weights.
func (s *Solution) Encode() []byte {
	b := make([]byte, 0, 4*(len(s.Weight.Float)+len(s.Weight.Scale)+len(s.Bias))+len(s.Weight.Int))
	b = appendFloats(b, s.Weight.Scale)
	b = appendFloats(b, s.Bias)
	b = appendFloats(b, s.Weight.Float)
	for _, q := range s.Weight.Int {
		b = append(b, byte(q))
	}
	return b
}

// DecodeSolution reads a solution of the given shape; false if the bytes are not one.
func DecodeSolution(b []byte, shape []int, bits int) (*Solution, bool) {
	s := &Solution{Weight: graph.Weight{Shape: shape}}
	elements, outputs := graph.Shape(shape).Elements(), shape[0]
	if bits == graph.FloatBits {
		if len(b) != 4*(outputs+elements) {
			return nil, false
		}
		s.Bias, b = takeFloats(b, outputs)
		s.Weight.Float, _ = takeFloats(b, elements)
		return s, true
	}
	if len(b) != 8*outputs+elements {
		return nil, false
	}
	s.Weight.Bits = bits
	s.Weight.Scale, b = takeFloats(b, outputs)
	s.Bias, b = takeFloats(b, outputs)
	s.Weight.Int = make([]int8, elements)
	limit := int8(graph.WeightLimit(bits))
	for i, x := range b {
		q := int8(x)
		if q > limit || q < -limit {
			return nil, false
		}
		s.Weight.Int[i] = q
	}
	return s, true
}

// Encode is the upper triangle of the moments in single precision, which is what they were summed in.
func (g *Gram) Encode() []byte {
	b := make([]byte, 0, 2*g.size*(g.size+1))
	for i := range g.size {
		for _, x := range g.h[i*g.size+i : (i+1)*g.size] {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
		}
	}
	return b
}

// DecodeGram reads the moments of what filters of so many weights read; false if the bytes are not some.
func DecodeGram(b []byte, weights int) (*Gram, bool) {
	size := weights + 1
	if len(b) != 2*size*(size+1) {
		return nil, false
	}
	g := &Gram{size, make([]float64, size*size)}
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
