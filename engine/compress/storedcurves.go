package compress

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"galen/hw/graph"
)

// Sensitivity curves take minutes to measure and are the same for every run on a model and its
// data, so that they too are kept in the Database.

// curvesVersion changes when the same inputs give other curves.
const curvesVersion = 2

// curvesKey names the curves of all layers on some images: the hash of all that they follow from.
func (o *original) curvesKey(images []float32, maxBits int) (entryKey, error) {
	h := sha256.New()
	fmt.Fprintf(h, "galen curves %d %s %d %s %d %d\n",
		curvesVersion, o.options.ISA, o.options.RoundTo, o.options.Calibration, Levels, maxBits)
	if err := graph.Write(h, o.structure.Graph); err != nil {
		return entryKey{}, fmt.Errorf("identify the model: %w", err)
	}
	if err := binary.Write(h, binary.LittleEndian, o.importance); err != nil {
		return entryKey{}, err
	}
	// Activation ranges come from the calibration images.
	for _, image := range o.input.Images {
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
func (o *original) storedCurves(key entryKey) ([]Curve, bool) {
	content, ok := o.options.Database.get(key)
	if !ok {
		return nil, false
	}
	curves, ok := decodeCurves(content, len(o.structure.Layers))
	if !ok {
		o.options.Database.drop(key)
	}
	return curves, ok
}
