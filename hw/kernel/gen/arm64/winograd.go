package main

import (
	"fmt"
	"math"
)

// Winograd's transforms take four channels at a time of one tile through one dimension and then the
// other. What is in between stays in registers where it fits: 4×4 values do, 6×6 go through scratch.

// transform is one dimension of Bᵀd or Aᵀm. It may use up d and gives the registers of the results: those
// of y, or others where it would have to move them.
type transform func(d, y []vector) []vector

// between holds what lies between the dimensions.
type between struct {
	*function
	columns int
	kept    []vector  // all of it, or
	passing [6]vector // a row or column on its way to and from
	scratch general
}

func newBetween(f *function, rows, columns int) *between {
	b := &between{function: f, columns: columns}
	if rows*columns <= 16 {
		b.kept = f.group(rows * columns)
		return b
	}
	b.scratch, b.passing = f.parameter("scratch"), [6]vector(f.group(6))
	return b
}

// put stores n results from a place on, step apart.
func (b *between) put(apply transform, d []vector, place, step, n int) {
	y := apply(d, b.registers(place, step, n))
	if b.kept == nil {
		for i, v := range y {
			b.store(v, b.scratch, 16*(place+i*step))
		}
	}
}

// get loads what was put.
func (b *between) get(place, step, n int) []vector {
	d := b.registers(place, step, n)
	if b.kept == nil {
		for i, v := range d {
			b.load(v, b.scratch, 16*(place+i*step))
		}
	}
	return d
}

func (b *between) registers(place, step, n int) []vector {
	r := b.passing
	for i := range n {
		if b.kept != nil {
			r[i] = b.kept[place+i*step]
		}
	}
	return r[:n]
}

// winogradInput writes the transform of a tile's window, whose n×n pixels lie at the
// given offsets, to as many planes. plane and offsets are in bytes.
func winogradInput(file *file, tile int) {
	n := tile + 2
	f := beginFunction(file, fmt.Sprintf("winogradInput%dx%dNEON", tile, tile),
		"channels int, src, dst *float32, offsets *int32, plane int, scratch *float32")
	channels, src, dst := f.parameter("channels"), f.parameter("src"), f.parameter("dst")
	offsets, plane := f.parameter("offsets"), f.parameter("plane")
	middle := newBetween(f, n, n)
	apply := f.input2
	if tile == 4 {
		apply = f.input4()
	}
	d, y, offset, to := f.group(n), f.group(n), f.general(), f.general()
	f.label("loop")
	for column := range n {
		for i := range n {
			f.op("MOVW %d(%v), %v", 4*(i*n+column), offsets, offset)
			f.loadAt(d[i], src, offset)
		}
		middle.put(apply, d, column, n, n)
	}
	f.op("MOVD %v, %v", dst, to)
	for row := range n {
		for _, v := range apply(middle.get(row*n, 1, n), y) {
			f.store(v, to, 0)
			f.op("ADD %v, %v", plane, to)
		}
	}
	f.nextChannels(channels, src, dst)
}

// winogradOutput turns the products of a tile in n×n planes into its pixels, with bias,
// residual (unless nil) and clamp. A pixel at a negative offset is left out.
func winogradOutput(file *file, tile int) {
	n := tile + 2
	f := beginFunction(file, fmt.Sprintf("winogradOutput%dx%dNEON", tile, tile),
		"channels int, src, dst *float32, offsets *int32, plane int, bias, residual *float32, lo, hi float32, scratch *float32")
	channels, src, dst := f.parameter("channels"), f.parameter("src"), f.parameter("dst")
	offsets, plane := f.parameter("offsets"), f.parameter("plane")
	bias, residual := f.parameter("bias"), f.parameter("residual")
	lo, hi, b, added := f.everywhere("lo", f.vector()), f.everywhere("hi", f.vector()), f.vector(), f.vector()
	middle := newBetween(f, n, tile)
	apply := f.output2
	if tile == 4 {
		apply = f.output4()
	}
	d, y, offset, from := f.group(n), f.group(tile), f.general(), f.general()
	f.label("loop")
	f.op("FMOVQ.P 16(%v), F%d", bias, b)
	f.op("MOVD %v, %v", src, from)
	for row := range n {
		for _, v := range d {
			f.load(v, from, 0)
			f.op("ADD %v, %v", plane, from)
		}
		middle.put(apply, d, row*tile, 1, tile)
	}
	for column := range tile {
		for i, v := range apply(middle.get(column, tile, n), y) {
			pixel := fmt.Sprintf("%dx%d", i, column)
			f.op("MOVW %d(%v), %v", 4*(i*tile+column), offsets, offset)
			f.op("TBNZ $63, %v, outside%s", offset, pixel)
			f.fadd(v, v, b)
			f.skipIfNil(residual, "plain"+pixel)
			f.loadAt(added, residual, offset)
			f.fadd(v, v, added)
			f.label("plain" + pixel)
			f.limit(v, lo, hi)
			f.storeAt(v, dst, offset)
			f.label("outside" + pixel)
		}
	}
	f.skipIfNil(residual, "next")
	f.op("ADD $16, %v", residual)
	f.label("next")
	f.nextChannels(channels, src, dst)
}

// nextChannels closes the loop over channels.
func (f *function) nextChannels(channels, src, dst general) {
	f.op("ADD $16, %v", src)
	f.op("ADD $16, %v", dst)
	f.countDown(channels, 4, "loop")
	f.end()
}

// number is a constant in all lanes.
func (f *function) number(x float32) vector {
	bits, v := f.general(), f.vector()
	f.op("MOVD $0x%08x, %v", math.Float32bits(x), bits)
	f.op("VDUP %v, V%d.S4", bits, v)
	return v
}

func (f *function) input2(d, y []vector) []vector {
	f.fsub(y[0], d[0], d[2])
	f.fadd(y[1], d[1], d[2])
	f.fsub(y[2], d[2], d[1])
	f.fsub(y[3], d[1], d[3])
	return y
}

func (f *function) input4() transform {
	four, five := f.number(4), f.number(5)
	even, odd, wide, narrow := f.vector(), f.vector(), f.vector(), f.vector()
	return func(d, y []vector) []vector {
		f.move(d[4], even) // d4 − 4·d2
		f.move(d[3], odd)  // d3 − 4·d1
		f.fmlsLanes(even, d[2], four)
		f.fmlsLanes(odd, d[1], four)
		f.fsub(wide, d[4], d[2])
		f.fsub(narrow, d[3], d[1])
		f.fmlaLanes(d[4], d[0], four)
		f.fmlaLanes(d[5], d[1], four)
		f.fadd(narrow, narrow, narrow)
		f.fmlsLanes(d[4], d[2], five)
		f.fmlsLanes(d[5], d[3], five)
		f.fadd(y[1], even, odd)
		f.fsub(y[2], even, odd)
		f.fadd(y[3], wide, narrow)
		f.fsub(y[4], wide, narrow)
		return []vector{d[4], y[1], y[2], y[3], y[4], d[5]}
	}
}

func (f *function) output2(d, y []vector) []vector {
	f.fadd(y[0], d[0], d[1])
	f.fsub(y[1], d[1], d[2])
	f.fadd(y[0], y[0], d[2])
	f.fsub(y[1], y[1], d[3])
	return y
}

func (f *function) output4() transform {
	two, four, eight := f.number(2), f.number(4), f.number(8)
	near, far, nearer, farther := f.vector(), f.vector(), f.vector(), f.vector()
	return func(d, y []vector) []vector {
		f.fadd(near, d[1], d[2])
		f.fadd(far, d[3], d[4])
		f.fsub(nearer, d[1], d[2])
		f.fsub(farther, d[3], d[4])
		f.fadd(y[0], d[0], near)
		f.fadd(y[3], nearer, d[5])
		f.fmlaLanes(near, far, four)
		f.fmlaLanes(nearer, farther, two)
		f.fadd(y[0], y[0], far)
		f.fmlaLanes(y[3], farther, eight)
		return []vector{y[0], nearer, near, y[3]}
	}
}
