package compress

import (
	"encoding/binary"
	"math"
)

// Levels is the number of points of a sensitivity curve: the parameter at 0, 0.1, … 0.9.
const Levels = 10

// NotAllowed stands in a curve where a layer cannot take the parameter.
const NotAllowed = 1000

// Curve is how much further the network's output distribution moves from the original's when
// one layer is compressed by one parameter:
//
//	KL(original ‖ changed) − KL(original ‖ unchanged)
//
// of the softmax outputs, the mean over images, in nats. The unchanged network may be the original
// itself; in one that is compressed already, numbers are below zero where the change takes
// compression back.
type Curve struct {
	Sparsity       []float64 // of the layer's whole group; NotAllowed for layers that do not decide it
	ActivationBits []float64 // NotAllowed for layers that must not be mixed
	WeightBits     []float64 // as ActivationBits
	Int8           float64   // weights and activations at eight bits
	Float          float64   // neither quantized
}

// Probe lists the values at which the parameters of one layer are measured, one parameter
// at a time.
type Probe struct {
	Sparsity                   []float64 // ascending, in [0,1); read for layers that decide their group's
	WeightBits, ActivationBits []int     // 1 to 8, or graph.FloatBits
}

// levels are the values of a curve of the original network.
func levels(maxBits int) (p Probe) {
	for level := range Levels {
		p.Sparsity = append(p.Sparsity, float64(level)/Levels)
		p.WeightBits = append(p.WeightBits, levelBits(level, maxBits))
	}
	p.ActivationBits = p.WeightBits
	return p
}

// levelBits is clip(⌊(1−x)·B⌋+1, 1, B) at x = level/Levels, in whole numbers.
func levelBits(level, maxBits int) int {
	return min((Levels-level)*maxBits/Levels+1, maxBits)
}

// curveNumbers is how many numbers a Curve holds.
const curveNumbers = 3*Levels + 2

func encodeCurves(curves []Curve) []byte {
	b := make([]byte, 0, 8*curveNumbers*len(curves))
	for _, c := range curves {
		for _, part := range [][]float64{c.Sparsity, c.ActivationBits, c.WeightBits, {c.Int8, c.Float}} {
			for _, x := range part {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
			}
		}
	}
	return b
}

// decodeCurves reads the curves of so many layers; false if the bytes are not some.
func decodeCurves(b []byte, layers int) ([]Curve, bool) {
	if len(b) != 8*curveNumbers*layers {
		return nil, false
	}
	take := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
		b = b[8*n:]
		return x
	}
	curves := make([]Curve, layers)
	for l := range curves {
		curves[l] = Curve{Sparsity: take(Levels), ActivationBits: take(Levels), WeightBits: take(Levels)}
		rest := take(2)
		curves[l].Int8, curves[l].Float = rest[0], rest[1]
	}
	return curves, true
}
