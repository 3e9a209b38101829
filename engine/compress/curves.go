package compress

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"galen/hw/graph"
)

// Sensitivity curves take minutes to measure and are the same for every run on a model and its
// data, so that they too are kept in the Database.

// curvesVersion changes when the same inputs give other curves.
const curvesVersion = 2

// curvesKey names the curves of all layers on some images: the hash of all that they follow from.
func (c *Compressor) curvesKey(images []float32, maxBits int) (entryKey, error) {
	h := sha256.New()
	o := c.options
	fmt.Fprintf(h, "galen curves %d %s %d %s %d %d\n", curvesVersion, o.ISA, o.RoundTo, o.Calibration, Levels, maxBits)
	if err := graph.Write(h, c.structure.Graph); err != nil {
		return entryKey{}, fmt.Errorf("identify the model: %w", err)
	}
	if err := binary.Write(h, binary.LittleEndian, c.importance); err != nil {
		return entryKey{}, err
	}
	// Activation ranges come from the calibration images.
	for _, image := range c.input.Images {
		if err := hashFloats(h, image); err != nil {
			return entryKey{}, err
		}
	}
	fmt.Fprintf(h, "\n%d\n", len(images))
	if err := hashFloats(h, images); err != nil {
		return entryKey{}, err
	}
	var key entryKey
	h.Sum(key[:0])
	return key, nil
}

// storedCurves are curves from the Database; false if it has none.
func (c *Compressor) storedCurves(key entryKey) ([]Curve, bool) {
	content, ok := c.options.Database.get(key)
	if !ok {
		return nil, false
	}
	curves, ok := decodeCurves(content, len(c.structure.Layers))
	if !ok {
		c.options.Database.drop(key)
	}
	return curves, ok
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
