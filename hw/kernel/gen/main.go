// Gen writes the amd64 assembly of package kernel: that of layers but for their dot products, those with -dots
// and -pixels, with -operators that of the operators between layers, or with -gradients that of training. Its go:generate lines are beside the
// tables of kernels.
//
// Common to all tiles: output channels lie across vector lanes, a scalar of the
// input is broadcast to them, and the sums of all pixels of a tile stay in
// registers. The register file therefore bounds a tile's size:
// 12 pixels × 32 channels fill 24 of AVX-512's 32 registers, 6 × 16 floats or 4 × 16
// integers all 16 of AVX2's.
package main

import (
	"flag"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	operators := flag.Bool("operators", false, "write the kernels of operators between layers in place of those of layers")
	pixels := flag.Bool("pixels", false, "write the convolutions with pixels across lanes in place of the other kernels of layers")
	dots := flag.Bool("dots", false, "write the tiles of dot products in place of the other kernels of layers")
	training := flag.Bool("gradients", false, "write the kernels of training in place of those of layers")
	flag.Parse()
	ConstraintExpr("amd64")
	switch {
	case *operators:
		writeOperators()
	case *dots:
		writeDots()
	case *pixels:
		writePixelLanes()
	case *training:
		gradients()
	default:
		writeLayers()
	}
	Generate()
}

// writeOperators generates operators_amd64.s.
func writeOperators() {
	l := newLiterals()
	for _, v := range []isa{avx512, avx2} {
		l.sigmoid(v, false)
		l.sigmoid(v, true)
		l.tanh(v)
		l.hardSigmoid(v)
		l.hardSwish(v)
		l.leakyRelu(v)
		maxPool(v, "maxFloat", 4, "float32")
		for pixels := 1; pixels <= 8; pixels++ {
			depthwiseTiles(v, pixels, 0, 0)
		}
		for _, pixels := range []int{4, 7, 8} {
			for _, kernel := range []int{3, 5} {
				for _, step := range []int{1, 2} {
					depthwiseTiles(v, pixels, kernel, step)
				}
			}
		}
	}
	mapChannels(avx512)
	mapChannels(avx2)
	maxPool(avx2, "maxUint8", 1, "uint8")
	gather()
	for channels := 1; channels <= 4; channels++ {
		pixels(channels)
		quantizePixels(avx512, channels)
		quantizePixels(avx2, channels)
	}
	for _, v := range []isa{avx512, avx2} {
		sumPatch(v)
		quantizeMeans(v)
	}
}

// writeLayers generates kernels_amd64.s.
func writeLayers() {
	for pixels := 1; pixels <= 12; pixels++ {
		for vectors := 1; vectors <= 2; vectors++ {
			floatTile(avx512, pixels, vectors)
			if pixels <= 8 { // more would hardly be faster
				digitTile(false, pixels, vectors)
				digitTile(true, pixels, vectors)
			}
		}
	}
	for pixels := 1; pixels <= 6; pixels++ {
		floatTile(avx2, pixels, 2)
	}
	for pixels := 1; pixels <= 4; pixels++ {
		wordTile(pixels)
		bitTile(pixels)
	}
	packBits()
	packBitsAVX512()
	for _, v := range []isa{avx512, avx2} {
		for pixels := 1; pixels <= 4; pixels++ {
			depthwiseFloat(v, pixels)
			depthwiseInt(v, pixels)
		}
		for _, tile := range []int{2, 4} {
			winogradInput(v, tile)
			winogradOutput(v, tile)
		}
		endUint8(v)
		endAdd(v)
		endFloat(v)
		addFloat(v)
		addUint8(v)
		quantizeFloat(v)
		dequantize(v)
	}
	lookupAVX512()
	lookupAVX2()
}

// isa is what differs between the instruction sets.
type isa struct {
	name  string
	bytes int // per vector
	new   func() reg.VecVirtual
}

var (
	avx512 = isa{"AVX512", 64, ZMM}
	avx2   = isa{"AVX2", 32, YMM}
)

// evex tells whether all instructions are AVX-512's, of whatever length.
func (v isa) evex() bool { return v.name == avx512.name }

// part is as much of a register as a vector of v.
func (v isa) part(r reg.VecVirtual) reg.VecVirtual {
	if v.bytes == 32 {
		return r.AsY().(reg.VecVirtual)
	}
	return r
}

// lanes is the number of 32-bit elements per vector.
func (v isa) lanes() int { return v.bytes / 4 }

func (v isa) vectors(n int) []reg.VecVirtual {
	r := make([]reg.VecVirtual, n)
	for i := range r {
		r[i] = v.new()
	}
	return r
}

// broadcast copies a 32-bit scalar in memory to all lanes. The integer form runs on
// the load ports alone where VBROADCASTSS costs a shuffle.
func broadcast(m operand.Mem, to reg.VecVirtual) { VPBROADCASTD(m, to) }

// parameter is a parameter's address.
func parameter(name string) operand.Mem {
	c, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return c.Addr
}

func load(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }
