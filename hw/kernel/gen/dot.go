package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// half is the half of an AVX-512 register.
var half = isa{"AVX512", 32, YMM}

// writeDots generates dots_amd64.s.
func writeDots() {
	order := pairOrder()
	for pixels := 1; pixels <= 12; pixels++ {
		eightTile(pixels, order)
		for _, columns := range [][]isa{{avx512}, {avx512, half}, {avx512, avx512}} {
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
func dotTile(pixels int, columns []isa) {
	d := newDots(pixels, columns)
	d.startFromBias()
	d.sum()
	CMPQ(parameter("residual"), Imm(0))
	JNE(LabelRef("add"))
	d.endInt(columns, d.vectors(1), func() { JMP(LabelRef("next")) })
	Label("add")
	d.endAdd()
	d.next()
}

// newDots begins every tile of a strip.
func newDots(pixels int, columns []isa) *dots {
	d := &dots{columns: columns, channels: 4}
	d.tile = newTile(fmt.Sprintf("dotTileAVX512x%dx%d", pixels, d.row()/4), intSignature, columns, pixels)
	d.strip = true
	Label("tile")
	Load(Param("weights"), d.weights)
	return d
}

// next goes on to the strip's next tile, where ends jump to or run into.
func (d *dots) next() {
	step := d.channel
	Label("next")
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

// endAdd requantizes the sums, adds a quantized residual and stores bytes, as addSums does.
func (d *dots) endAdd() {
	a, r := newAdder(d.isa), d.isa.new()
	scales := d.vectors(1)
	Load(Param("scale"), d.channel)
	for j := range scales {
		VMOVUPS(Mem{Base: d.channel, Disp: j * avx512.bytes}, scales[j])
	}
	d.eachPixel(true, func(i int, out, residual Mem) {
		for j, v := range d.columns {
			y, r := d.sums[i*len(d.columns)+j], v.part(r)
			VPMOVZXBD(residual.Offset(j*avx512.lanes()), r)
			a.add(v, y, scales[j], r)
			VPMOVDB(y, out.Offset(j*avx512.lanes()))
		}
	})
}

// adder holds the constants of the addition of a residual. What does not fit into registers the
// instructions broadcast.
type adder struct {
	constants                    reg.GPVirtual
	lo, hi, midScale, inputScale reg.VecVirtual
}

func newAdder(v isa) *adder {
	c := load("add")
	return &adder{c, constant(v, c, constLo), constant(v, c, constHi), constant(v, c, constScale), constant(v, c, constInputScale)}
}

// add turns sums into the integers of the output, given the residual's.
func (a *adder) add(v isa, y, scale, residual reg.VecVirtual) {
	field := func(f int) Mem { return Mem{Base: a.constants, Disp: f} }
	VCVTDQ2PS(y, y)
	VMULPS(scale, y, y)
	VMAXPS(v.part(a.lo), y, y)
	VMINPS(v.part(a.hi), y, y)
	roundEven(v, y)
	VMULPS(v.part(a.midScale), y, y)
	VPSUBD_BCST(field(constInputZero), residual, residual)
	VCVTDQ2PS(residual, residual)
	VMULPS(v.part(a.inputScale), residual, residual)
	VADDPS(residual, y, y)
	VDIVPS_BCST(field(constOutScale), y, y)
	VMAXPS_BCST(field(constOutLo), y, y)
	VMINPS_BCST(field(constOutHi), y, y)
	VCVTPS2DQ(y, y)
	VPADDD_BCST(field(constOutZero), y, y)
}
