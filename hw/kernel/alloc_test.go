package kernel

import (
	"math/rand/v2"
	"testing"
)

func TestRunAllocatesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 1))
	for _, l := range []layer{
		square(20, 40, 6, 3, 1), square(4, 4, 8, 3, 1),
		convolution(24, 24, 24, 6, 6, [2]int{3, 3}, [2]int{1, 1}, [2]int{1, 1}, [4]int{1, 1, 1, 1}),
	} {
		in, out := image(random, l.InH*l.InW, l.InC), Floats(l.outputs())
		bytes, outBytes := integers[uint8](random, l.inputs()), Bytes(l.outputs())
		scale := Floats(ChannelStride(l.OutC))
		r := &Requantize{Scale: scale, Hi: 255}
		add := &Requantize{Scale: scale, Hi: 255, Residual: &QuantAdd{Scale: 1, Input: outBytes, InputScale: 1, OutScale: 1, OutHi: 255}}
		table := RequantizeTable(Affine{1, 0}, Affine{2, 0}, 0, 255)
		square := square(20, 40, 6, 3, 1)
		scratch := Floats(winogradScratch(square.Shape, 1, 4))
		squareIn, squareOut := image(random, 36, 20), Floats(square.outputs())
		for _, isa := range Supported() {
			winograd := newWinogradTiles(isa, square.Shape, 4, normals(random, square.weights()), nil, 0, 6)
			ones := make([]int8, square.weights())
			bits := newBitSerial(isa, square.Shape, ones, 2, 2, nil, 0)
			packed, bitsIn, bitsOut := Bytes(PackedSize(square.Shape, 2)), Bytes(square.inputs()), Bytes(square.outputs())
			bitScale := &Requantize{Scale: Floats(ChannelStride(40)), Hi: 255}
			float := newDirect(isa, l.Shape, normals(random, l.weights()), nil, 0, 6)
			int8 := newIntConv(isa, l.Shape, integers[int8](random, l.weights()), nil, 3)
			for name, run := range map[string]func(){
				"float":             func() { float.Run(out, in, out, nil) },
				"bits":              func() { PackBits(isa, square.Shape, packed, bitsIn, 2); bits.RunUint8(bitsOut, packed, bitScale) },
				"bits to float":     func() { bits.RunFloat(squareOut, packed, Rescale{bitScale.Scale, nil, 0, 6}) },
				"Winograd":          func() { winograd.Run(squareOut, squareIn, squareOut, scratch) },
				"integers":          func() { int8.RunUint8(outBytes, bytes, r) },
				"integers, added":   func() { int8.RunUint8(outBytes, bytes, add) },
				"integers to float": func() { int8.RunFloat(out, bytes, Rescale{scale, out, 0, 6}) },
				"AddUint8": func() {
					AddUint8(isa, outBytes, outBytes, outBytes, Affine{1, 0}, Affine{1, 0}, Affine{2, 0}, 0, 255)
				},
				"Lookup": func() { Lookup(isa, outBytes, outBytes, table) },
				"Gemm":   func() { Gemm(isa, false, true, 9, 9, 9, 1, in, 9, in, 9, 0, out, 9) },
			} {
				if n := testing.AllocsPerRun(20, run); n >= 1 {
					t.Errorf("%s %v: %s allocates %v times", isa, l, name, n)
				}
			}
		}
	}
}
