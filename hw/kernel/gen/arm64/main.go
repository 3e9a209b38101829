// Gen writes the arm64 assembly of package kernel: that of inference, or with -gradients
// that of training. Its go:generate lines are in vector.go and gradients.go.
//
// As on amd64, output channels lie across vector lanes and the sums of all pixels of a
// tile stay in registers: 6 pixels × 16 channels fill 24 of the 32. The pixels' values
// need no broadcast, for multiplications take an operand by element: one load brings
// four floats, or sixteen bytes, of a pixel.
package main

import (
	"flag"
	"log"
	"os"
)

func main() {
	out := flag.String("out", "", "assembly file to write")
	stubs := flag.String("stubs", "", "Go file to write")
	training := flag.Bool("gradients", false, "write the kernels of training")
	flag.Parse()
	f := generate()
	if *training {
		f = gradients()
	}
	for path, text := range map[string][]byte{*out: f.assembly(), *stubs: f.declarations()} {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

func generate() *file {
	f := new(file)
	for pixels := 1; pixels <= 6; pixels++ {
		floatTile(f, pixels)
		dotTile(f, pixels)
	}
	for pixels := 1; pixels <= 4; pixels++ {
		pairTile(f, pixels)
		bitTile(f, pixels, false)
		bitTile(f, pixels, true)
		depthwiseFloat(f, pixels)
		depthwiseInt(f, pixels)
	}
	for _, tile := range []int{2, 4} {
		winogradInput(f, tile)
		winogradOutput(f, tile)
	}
	packBits(f)
	requantizeSums(f)
	addSums(f)
	dequantizeSums(f)
	addFloat(f)
	addUint8(f)
	quantizeFloat(f)
	dequantize(f)
	lookup(f)
	maxFloat(f)
	maxUint8(f)
	sumUint8(f)
	return f
}
