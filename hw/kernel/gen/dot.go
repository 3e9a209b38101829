package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// half is the half of an AVX-512 register.
var half = isa{"AVX512", 32, YMM}

// dotColumns are the registers of a pixel's sums, by the output channels of a tile / 8.
var dotColumns = [...][]isa{1: {half}, 2: {avx512}, 3: {avx512, half}, 4: {avx512, avx512}}

// writeDots generates dots_amd64.s.
func writeDots() {
	for pixels := 1; pixels <= 12; pixels++ {
		for _, columns := range dotColumns[1:] {
			dotTile(pixels, columns)
		}
	}
}

// dots is a tile of dot products.
type dots struct {
	*tile
	columns  []isa // of a pixel's sums
	channels int   // input channels that are broadcast together: 4, or 8 to pairs of lanes
}

// dotTile sums uint8 × int8 with AVX-512 VNNI, four input channels a lane, over a strip of tiles. Weights
// are packed [tap][depth/4][width][4] and depth is a multiple of 4.
//
// Eight output channels fill half a register, of which two products run a cycle, but not two
// broadcasts besides offsets. So two lanes share an output channel and take eight input channels from
// one broadcast: weights are packed [tap][depth/8][8][8] and depth is a multiple of 8, but for 4 itself.
func dotTile(pixels int, columns []isa) {
	d := &dots{columns: columns, channels: 4}
	d.tile = newTile(fmt.Sprintf("dotTileAVX512x%dx%d", pixels, d.row()/4), intSignature, columns, pixels)
	d.strip = true
	Label("tile")
	Load(Param("weights"), d.weights)
	if columns[0].bytes == half.bytes {
		CMPQ(parameter("depth"), Imm(4))
		JE(LabelRef("four"))
		d.sumPairs()
		JMP(LabelRef("end"))
		Label("four")
		d.startFromBias()
		d.shallow(1)
	} else {
		d.startFromBias()
		d.sum()
	}
	Label("end")
	CMPQ(parameter("residual"), Imm(0))
	JNE(LabelRef("add"))
	d.endInt(columns, d.vectors(1), func() { JMP(LabelRef("next")) })
	Label("add")
	d.endAdd()
	Label("next")
	step := d.channel
	DECQ(parameter("tiles"))
	JE(LabelRef("last"))
	Load(Param("offsetStep"), step)
	ADDQ(step, parameter("offsets"))
	JMP(LabelRef("tile"))
	Label("last")
	leave()
}

// row is the length of the weights for what one broadcast brings.
func (d *dots) row() int {
	bytes := 0
	for _, v := range d.columns {
		bytes += v.bytes
	}
	return bytes
}

// vectors are n rows of new registers, one for each column.
func (d *dots) vectors(n int) (r []reg.VecVirtual) {
	for range n {
		for _, v := range d.columns {
			r = append(r, v.new())
		}
	}
	return r
}

// sumPairs sums in pairs of lanes and adds these up to a vector in the order of channels. VSHUFPS works within
// quarters of registers; weights are packed, and the bias begins, such that it comes out right.
func (d *dots) sumPairs() {
	sums, bias := d.sums, half.new()
	pairs := &dots{tile: d.tile, columns: []isa{avx512}, channels: 8}
	d.sums = nil
	for _, sum := range sums {
		d.sums = append(d.sums, sum.AsZ().(reg.VecVirtual))
	}
	Load(Param("bias"), d.channel)
	VPERMQ(Imm(0b11_01_10_00), Mem{Base: d.channel}, bias)
	VPMOVZXDQ(bias, d.sums[0])
	for _, sum := range d.sums[1:] {
		VMOVAPS(d.sums[0], sum)
	}
	pairs.sum()
	upper, even := half.new(), half.new()
	for i, sum := range sums {
		VEXTRACTI64X4(Imm(1), d.sums[i], upper)
		VSHUFPS(Imm(0b10_00_10_00), upper, sum, even)
		VSHUFPS(Imm(0b11_01_11_01), upper, sum, sum)
		VPADDD(even, sum, sum)
	}
	d.sums = sums
}

// sum adds the products of all taps, over any number of input channels.
func (d *dots) sum() {
	const most = 16 // input channels of shallow
	depth := d.channel
	Load(Param("depth"), depth)
	CMPQ(depth, Imm(most))
	JG(LabelRef("deep"))
	fits := 0
	for n := 1; n*d.channels <= most && (d.pixels+n)*len(d.columns)+2 <= 32; n++ {
		fits = n
		CMPQ(depth, Imm(uint64(n*d.channels)))
		JE(LabelRef(d.shallowLabel(n)))
	}
	Label("deep")
	d.deep()
	for n := 1; n <= fits; n++ {
		JMP(LabelRef("summed"))
		d.shallow(n)
	}
	Label("summed")
}

func (d *dots) shallowLabel(n int) string { return fmt.Sprintf("shallow%d", d.channels*n) }

// deep sums over any number of input channels.
func (d *dots) deep() {
	w, x := d.vectors(1), []reg.VecVirtual{d.columns[0].new(), d.columns[0].new()}
	whole := d.locals.Offset(16)
	ANDQ(I8(-16), d.channel)
	MOVQ(d.channel, whole)
	step := func(n int) {
		for u := range n {
			d.loadWeights(w, u)
			for i := range d.pixels {
				d.broadcast(Mem{Base: d.addresses[i], Index: d.channel, Scale: 1, Disp: u * d.channels}, x[i&1])
				d.products(i, x[i&1], w)
			}
		}
		ADDQ(U32(n*d.row()), d.weights)
		ADDQ(Imm(uint64(n*d.channels)), d.channel)
	}
	d.startTaps()
	d.eachTap(func() {
		CMPQ(d.channel, whole)
		JGE(LabelRef("rest"))
		Label("channels")
		step(16 / d.channels)
		CMPQ(d.channel, whole)
		JL(LabelRef("channels"))
		Label("rest")
		CMPQ(d.channel, parameter("depth"))
		JGE(LabelRef("done"))
		Label("few")
		step(1)
		CMPQ(d.channel, parameter("depth"))
		JL(LabelRef("few"))
		Label("done")
	})
}

// shallow sums over n broadcasts, with all weights of a tap in registers. Images have three channels and
// pruned layers few: with so little to do per tap, even adding up addresses shows.
func (d *dots) shallow(n int) {
	const together = 4 // pixels whose products take turns, since each waits for the one before
	Label(d.shallowLabel(n))
	w, x := d.vectors(n), []reg.VecVirtual{d.columns[0].new(), d.columns[0].new()}
	columns := len(d.columns)
	in, offsets, taps := load("in"), load("offsets"), load("taps")
	tap := d.shallowLabel(n) + "Tap"
	Label(tap)
	for u := range n {
		d.loadWeights(w[u*columns:][:columns], u)
	}
	for first := 0; first < d.pixels; first += together {
		var offset [together]reg.GPVirtual
		pixels := min(together, d.pixels-first)
		for i := range pixels {
			offset[i] = GP64()
			MOVL(Mem{Base: offsets, Disp: (first + i) * 4}, offset[i].As32())
		}
		for u := range n {
			for i := range pixels {
				d.broadcast(Mem{Base: in, Index: offset[i], Scale: 1, Disp: u * d.channels}, x[i&1])
				d.products(first+i, x[i&1], w[u*columns:])
			}
		}
	}
	ADDQ(U32(d.pixels*4), offsets)
	ADDQ(U32(n*d.row()), d.weights)
	DECQ(taps)
	JNE(LabelRef(tap))
}

func (d *dots) broadcast(m Mem, to reg.VecVirtual) {
	if d.channels == 8 {
		VPBROADCASTQ(m, to)
	} else {
		broadcast(m, to)
	}
}

// loadWeights loads the u-th row from here.
func (d *dots) loadWeights(w []reg.VecVirtual, u int) {
	for j := range w {
		VMOVDQU32(Mem{Base: d.weights, Disp: u*d.row() + j*avx512.bytes}, w[j])
	}
}

// products adds those of what was broadcast with a row of weights to a pixel's sums.
func (d *dots) products(pixel int, x reg.VecVirtual, w []reg.VecVirtual) {
	for j, v := range d.columns {
		VPDPBUSD(w[j], v.part(x), d.sums[pixel*len(d.columns)+j])
	}
}

// endAdd requantizes the sums, adds a quantized residual and stores bytes, as addSums does. What does not fit into
// registers of the constants is broadcast by the instructions.
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
}
