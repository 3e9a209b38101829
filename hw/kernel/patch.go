package kernel

// Patch says where the scalars of a channel lie that pooling makes one of: Rows×Columns of them, RowStep
// and ColumnStep scalars apart. Operations on it give 0 where it is empty.
type Patch struct{ Rows, Columns, RowStep, ColumnStep int }

// MaxFloat computes the maximum over a patch for each of len(out) channels side by side; NaN if one of the
// scalars is. in begins with the patches' first scalars.
func MaxFloat(isa ISA, out, in []float32, p Patch) {
	in = in[:p.reach(len(out))]
	v, done := vectorOf(isa), 0
	if v != nil && v.maxFloat != nil {
		done = p.cover(len(out), func(c, n int) {
			v.maxFloat(p.Rows, p.Columns, n, &out[c], &in[c], p.RowStep*floatBytes, p.ColumnStep*floatBytes)
		})
	}
	maxima(out[done:], in[done:], p, raiseFloats)
}

// MaxUint8 is [MaxFloat] for integers.
func MaxUint8(isa ISA, out, in []uint8, p Patch) {
	in = in[:p.reach(len(out))]
	v, done := vectorOf(isa), 0
	if v != nil && v.maxUint8 != nil {
		done = p.cover(len(out), func(c, n int) {
			v.maxUint8(p.Rows, p.Columns, n, &out[c], &in[c], p.RowStep, p.ColumnStep)
		})
	}
	maxima(out[done:], in[done:], p, raiseBytes)
}

// SumFloat is [MaxFloat] with the sum in place of the maximum: of one row after another, so that all
// ISAs round alike.
func SumFloat(isa ISA, out, in []float32, p Patch) {
	in = in[:p.reach(len(out))]
	v, done := vectorOf(isa), 0
	if v != nil && v.sumFloat != nil {
		done = p.cover(len(out), func(c, n int) {
			v.sumFloat(p.Rows, p.Columns, n, &out[c], &in[c], p.RowStep*floatBytes, p.ColumnStep*floatBytes)
		})
	}
	sums(out[done:], in[done:], p)
}

// SumUint8 is [SumFloat] for integers, whose sums must fit into 32 bits.
func SumUint8(isa ISA, out []int32, in []uint8, p Patch) {
	in = in[:p.reach(len(out))]
	v, done := vectorOf(isa), 0
	if v != nil && v.sumUint8 != nil {
		done = p.cover(len(out), func(c, n int) {
			v.sumUint8(p.Rows, p.Columns, n, &out[c], &in[c], p.RowStep, p.ColumnStep)
		})
	}
	sums(out[done:], in[done:], p)
}

func (p Patch) empty() bool { return p.Rows < 1 || p.Columns < 1 }

// reach is the length of what the patches of n channels lie in.
func (p Patch) reach(n int) int {
	if p.empty() {
		return n
	}
	return (p.Rows-1)*p.RowStep + (p.Columns-1)*p.ColumnStep + n
}

// cover calls f for runs of the whole vectors among n channels and returns how many those are. The runs
// are short: assembly can't be pre-empted.
func (p Patch) cover(n int, f func(from, n int)) int {
	const scalars = 1 << 17
	if p.empty() {
		return 0
	}
	whole := n / lanes * lanes
	run := max(scalars/(p.Rows*p.Columns)/lanes, 1) * lanes
	for from := 0; from < whole; from += run {
		f(from, min(run, whole-from))
	}
	return whole
}

func maxima[T uint8 | float32](out, in []T, p Patch, raise func(out, to []T)) {
	switch {
	case len(out) == 0:
		return
	case p.empty():
		clear(out)
		return
	}
	copy(out, in)
	for i := range p.Rows {
		for j := range p.Columns {
			raise(out, in[i*p.RowStep+j*p.ColumnStep:][:len(out)])
		}
	}
}

func raiseFloats(out, to []float32) {
	for c, x := range to {
		out[c] = max(out[c], x)
	}
}

// raiseBytes compares wider integers, which compilers do without branches.
func raiseBytes(out, to []uint8) {
	for c, x := range to {
		out[c] = uint8(max(int32(out[c]), int32(x)))
	}
}

func sums[S int32 | float32, T uint8 | float32](out []S, in []T, p Patch) {
	if len(out) == 0 {
		return
	}
	clear(out)
	for i := range p.Rows {
		for j := range p.Columns {
			for c, x := range in[i*p.RowStep+j*p.ColumnStep:][:len(out)] {
				out[c] += S(x)
			}
		}
	}
}
