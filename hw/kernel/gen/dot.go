package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// half is the half of an AVX-512 register: products of 8 output channels, of which two run a cycle
// where one of 16 does.
var half = isa{"AVX512", 32, YMM}

// dotWidths are the registers that hold a pixel's sums, by the output channels of a tile / 8.
var dotWidths = [...][]isa{1: {half}, 2: {avx512}, 3: {avx512, half}, 4: {avx512, avx512}}

// writeDots generates dots_amd64.s.
func writeDots() {
	for pixels := 1; pixels <= 12; pixels++ {
		for _, columns := range dotWidths[1:] {
			dotTile(pixels, columns)
		}
	}
}

// dots is a tile of dot products, whose columns of sums may differ in width.
type dots struct {
	*tile
	columns []isa
	row     int // bytes of weights for four input channels
}

// dotTile sums uint8 × int8 with AVX-512 VNNI, four input channels an instruction.
// depth is a multiple of 4. With a scale, the sums are requantized and stored as bytes, and a residual is added
// if there is one; without, they are stored as they are, stride apart.
func dotTile(pixels int, columns []isa) {
	d := &dots{columns: columns}
	for _, v := range columns {
		d.row += v.bytes
	}
	d.tile = newTile(fmt.Sprintf("dotTileAVX512x%dx%d", pixels, d.row/4), intSignature, columns, pixels)
	depth := d.channel
	Load(Param("depth"), depth)
	const most = 4
	CMPQ(depth, Imm(4*most))
	JG(LabelRef("deep"))
	fits := 0
	for n := 1; n <= most && d.fits(n); n++ {
		fits = n
		CMPQ(depth, Imm(uint64(4*n)))
		JE(LabelRef(shallowLabel(n)))
	}
	Label("deep")
	d.deep()
	for n := 1; n <= fits; n++ {
		JMP(LabelRef("end"))
		Label(shallowLabel(n))
		d.shallow(n)
	}
	Label("end")
	CMPQ(parameter("residual"), Imm(0))
	JNE(LabelRef("add"))
	d.endInt(columns, d.vectors(1))
	Label("add")
	d.endAdd()
}

func shallowLabel(n int) string { return fmt.Sprintf("shallow%d", 4*n) }

// vectors are n rows of new registers, one for each column.
func (d *dots) vectors(n int) (r []reg.VecVirtual) {
	for range n {
		for _, v := range d.columns {
			r = append(r, v.new())
		}
	}
	return r
}

// deep sums over any number of input channels.
func (d *dots) deep() {
	w, x := d.vectors(1), []reg.VecVirtual{d.isa.new(), d.isa.new()}
	whole := d.locals.Offset(16)
	ANDQ(I8(-16), d.channel)
	MOVQ(d.channel, whole)
	step := func(n int) {
		for u := range n {
			d.loadWeights(w, u)
			for i := range d.pixels {
				broadcast(Mem{Base: d.addresses[i], Index: d.channel, Scale: 1, Disp: u * 4}, x[i&1])
				d.products(i, x[i&1], w)
			}
		}
		ADDQ(U32(n*d.row), d.weights)
		ADDQ(Imm(uint64(4*n)), d.channel)
	}
	d.eachTap(func() {
		CMPQ(d.channel, whole)
		JGE(LabelRef("quads"))
		Label("channels")
		step(4)
		CMPQ(d.channel, whole)
		JL(LabelRef("channels"))
		Label("quads")
		CMPQ(d.channel, parameter("depth"))
		JGE(LabelRef("next"))
		Label("quad")
		step(1)
		CMPQ(d.channel, parameter("depth"))
		JL(LabelRef("quad"))
		Label("next")
	})
}

// fits tells whether the registers suffice for shallow.
func (d *dots) fits(n int) bool { return (d.pixels+n)*len(d.columns)+2 <= 32 }

// shallow sums over 4n input channels, with all weights of a tap in registers. Images have three channels and
// pruned layers few: with so little to do per tap, even adding up addresses shows.
func (d *dots) shallow(n int) {
	const together = 4 // pixels whose products take turns, since each waits for the one before
	w, x := d.vectors(n), []reg.VecVirtual{d.isa.new(), d.isa.new()}
	columns := len(d.columns)
	in, offsets, taps := load("in"), load("offsets"), load("taps")
	tap := shallowLabel(n) + "Tap"
	Label(tap)
	for u := range n {
		d.loadWeights(w[u*columns:][:columns], u)
	}
	for first := 0; first < d.pixels; first += together {
		var offset [together]reg.GPVirtual
		pixels := min(together, d.pixels-first)
		for i := range pixels {
			offset[i] = GP64()
			MOVLQSX(Mem{Base: offsets, Disp: (first + i) * 4}, offset[i])
		}
		for u := range n {
			for i := range pixels {
				broadcast(Mem{Base: in, Index: offset[i], Scale: 1, Disp: u * 4}, x[i&1])
				d.products(first+i, x[i&1], w[u*columns:])
			}
		}
	}
	ADDQ(U32(d.pixels*4), offsets)
	ADDQ(U32(n*d.row), d.weights)
	DECQ(taps)
	JNE(LabelRef(tap))
}

// loadWeights loads the u-th row from here.
func (d *dots) loadWeights(w []reg.VecVirtual, u int) {
	for j := range w {
		VMOVDQU32(Mem{Base: d.weights, Disp: u*d.row + j*avx512.bytes}, w[j])
	}
}

// products adds those of a pixel's four channels with a row of weights to its sums.
func (d *dots) products(pixel int, x reg.VecVirtual, w []reg.VecVirtual) {
	for j, v := range d.columns {
		VPDPBUSD(w[j], v.part(x), d.sums[pixel*len(d.columns)+j])
	}
}

// endAdd requantizes the sums, adds a quantized residual and stores bytes, as endAdd of memory does. Of its
// constants, the registers hold those of the longest way through it.
func (d *dots) endAdd() {
	scale, constants := d.channel, GP64()
	Load(Param("scale"), scale)
	Load(Param("add"), constants)
	v := d.isa
	lo, hi, midScale := constant(v, constants, constLo), constant(v, constants, constHi), constant(v, constants, constScale)
	inputScale, r := constant(v, constants, constInputScale), v.new()
	scales := d.vectors(1)
	for j := range scales {
		VMOVUPS(Mem{Base: scale, Disp: j * avx512.bytes}, scales[j])
	}
	field := func(f int) Mem { return Mem{Base: constants, Disp: f} }
	d.eachPixel(true, func(i int, out, residual Mem) {
		for j, v := range d.columns {
			y, r := d.sums[i*len(d.columns)+j], v.part(r)
			VCVTDQ2PS(y, y)
			VMULPS(scales[j], y, y)
			VMAXPS(v.part(lo), y, y)
			VMINPS(v.part(hi), y, y)
			roundEven(v, y)
			VMULPS(v.part(midScale), y, y)
			VPMOVZXBD(residual.Offset(j*avx512.lanes()), r)
			VPSUBD_BCST(field(constInputZero), r, r)
			VCVTDQ2PS(r, r)
			VMULPS(v.part(inputScale), r, r)
			VADDPS(r, y, y)
			VDIVPS_BCST(field(constOutScale), y, y)
			VMAXPS_BCST(field(constOutLo), y, y)
			VMINPS_BCST(field(constOutHi), y, y)
			VCVTPS2DQ(y, y)
			VPADDD_BCST(field(constOutZero), y, y)
			VPMOVDB(y, out.Offset(j*avx512.lanes()))
		}
	})
	VZEROUPPER()
	RET()
}
