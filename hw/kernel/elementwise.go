package kernel

// Affine says which reals a tensor's integers stand for: Scale·(q−Zero).
type Affine struct {
	Scale float32
	Zero  uint8
}

// AddFloat computes out = clamp(a + b, lo, hi) over len(out) scalars.
func AddFloat(isa ISA, out, a, b []float32, lo, hi float32) {
	a, b = a[:len(out)], b[:len(out)]
	v := vectorOf(isa)
	done := v.cover(len(out), func(i, n int) { v.addFloat(n, &out[i], &a[i], &b[i], lo, hi) })
	for i := done; i < len(out); i++ {
		out[i] = clamp(a[i]+b[i], lo, hi)
	}
}

// ClampFloat computes out = clamp(in, lo, hi) over len(out) scalars.
func ClampFloat(isa ISA, out, in []float32, lo, hi float32) {
	in = in[:len(out)]
	v := vectorOf(isa)
	done := v.cover(len(out), func(i, n int) { v.addFloat(n, &out[i], &in[i], nil, lo, hi) })
	for i := done; i < len(out); i++ {
		out[i] = clamp(in[i], lo, hi)
	}
}

// AddUint8 adds the reals two quantized tensors stand for and quantizes the sum,
//
//	y   = float32(a−qa.Zero)·qa.Scale + float32(b−qb.Zero)·qb.Scale
//	out = clamp(roundHalfEven(y/qo.Scale) + qo.Zero, lo, hi)
//
// over len(out) scalars.
func AddUint8(isa ISA, out, a, b []uint8, qa, qb, qo Affine, lo, hi uint8) {
	a, b = a[:len(out)], b[:len(out)]
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.add = newAddConstants(qa, qb, qo, lo, hi)
	v := vectorOf(isa)
	done := v.cover(len(out), func(i, n int) { v.addUint8(n, &out[i], &a[i], &b[i], &s.add.lo) })
	for i := done; i < len(out); i++ {
		out[i] = addUint8(a[i], b[i], qa, qb, qo, lo, hi)
	}
}

func newAddConstants(qa, qb, qo Affine, lo, hi uint8) addConstants {
	return addConstants{
		scale: qa.Scale, zero: int32(qa.Zero),
		inputScale: qb.Scale, inputZero: int32(qb.Zero),
		outScale: qo.Scale, outZero: int32(qo.Zero),
		outLo: float32(lo) - float32(qo.Zero), outHi: float32(hi) - float32(qo.Zero),
	}
}

func addUint8(a, b uint8, qa, qb, qo Affine, lo, hi uint8) uint8 {
	// The conversions keep the products from being fused into their sum.
	x := float32(float32(int32(a)-int32(qa.Zero)) * qa.Scale)
	y := float32(float32(int32(b)-int32(qb.Zero)) * qb.Scale)
	return round((x+y)/qo.Scale, qo.Zero, lo, hi)
}

// QuantizeFloat computes out = clamp(roundHalfEven(in/q.Scale) + q.Zero, 0, limit)
// over len(out) scalars; NaN gives 0.
func QuantizeFloat(isa ISA, out []uint8, in []float32, q Affine, limit uint8) {
	in = in[:len(out)]
	v, zero := vectorOf(isa), float32(q.Zero)
	done := v.cover(len(out), func(i, n int) {
		v.quantizeFloat(n, &out[i], &in[i], q.Scale, -zero, float32(limit)-zero, int32(q.Zero))
	})
	for i := done; i < len(out); i++ {
		out[i] = round(in[i]/q.Scale, q.Zero, 0, limit)
	}
}

// Dequantize computes out = float32(in−q.Zero)·q.Scale over len(out) scalars.
func Dequantize(isa ISA, out []float32, in []uint8, q Affine) {
	in = in[:len(out)]
	v := vectorOf(isa)
	done := v.cover(len(out), func(i, n int) { v.dequantize(n, &out[i], &in[i], q.Scale, int32(q.Zero)) })
	for i := done; i < len(out); i++ {
		out[i] = float32(int32(in[i])-int32(q.Zero)) * q.Scale
	}
}

// Lookup computes out = table[in] over len(out) scalars: any function from one
// quantization to another. out may be in itself.
func Lookup(isa ISA, out, in []uint8, table *[256]uint8) {
	in = in[:len(out)]
	v := vectorOf(isa)
	done := v.cover(len(out), func(i, n int) { v.lookup(n, &out[i], &in[i], table) })
	for i := done; i < len(out); i++ {
		out[i] = table[in[i]]
	}
}

// RequantizeTable is the table for [Lookup] that takes integers of from to the
// nearest ones of to: clamp(roundHalfEven(real/to.Scale) + to.Zero, lo, hi).
func RequantizeTable(from, to Affine, lo, hi uint8) *[256]uint8 {
	var table [256]uint8
	for q := range table {
		real := float32(float32(q-int(from.Zero)) * from.Scale)
		table[q] = round(real/to.Scale, to.Zero, lo, hi)
	}
	return &table
}
