package onnx

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Weights of few bits take the room they need, and come back as they were.
func TestPackedWeights(t *testing.T) {
	for bits, perByte := range []int{1: 8, 2: 5, 3: 2, 4: 2, 5: 1, 8: 1} {
		if perByte == 0 {
			continue
		}
		t.Run(fmt.Sprint(bits), func(t *testing.T) {
			b := newBuilder(t, "packed", 21, 4, 4)
			b.conv("same", b.conv("odd", 0, 23, 3, 1, 1), 27, 3, 1, 1) // 4347 and 5589 weights: no multiples of a byte's
			b.quantizeLayers(bits)
			data, err := Encode(b.Graph)
			if err != nil {
				t.Fatal(err)
			}
			weights := 0
			for _, node := range b.Layers() {
				weights += b.Nodes[node].Weight().Elements()
			}
			if least, most := weights/perByte, weights/perByte+6000; len(data) < least || len(data) > most {
				t.Errorf("%d weights make a file of %d bytes, want %d to %d", weights, len(data), least, most)
			}
			back, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			for _, node := range b.Layers() {
				got, want := back.Nodes[node].Weight(), b.Nodes[node].Weight()
				if got.Bits != want.Bits || !slices.Equal(got.Int, want.Int) || !slices.Equal(got.Scale, want.Scale) {
					t.Errorf("%s comes back with %d bits, as %v", b.Nodes[node].Name, got.Bits, got.Int[:9])
				}
			}
			image := random(rand.New(rand.NewPCG(5, 6)), 21*16)
			if got, want := run(t, back, image), run(t, b.Graph, image); !slices.Equal(got, want) {
				t.Error("the file computes something else")
			}
		})
	}
}
