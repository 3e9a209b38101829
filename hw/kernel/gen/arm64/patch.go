package main

// reduction makes one scalar of a patch, see Patch in package kernel, for sixteen channels at a time.
type reduction struct {
	*function
	scalar int                // bytes of an input scalar
	sums   []vector           // results
	start  func(from general) // sets them from the first scalars, or to nothing
	add    func(x []vector)   // brings in more scalars
}

// run generates the loops. Steps are in bytes.
func (r *reduction) run() {
	rows, columns, channels := r.parameter("rows"), r.parameter("columns"), r.parameter("channels")
	out, in, rowStep, columnStep := r.parameter("out"), r.parameter("in"), r.parameter("rowStep"), r.parameter("columnStep")
	rowsLeft, columnsLeft, row, at := r.general(), r.general(), r.general(), r.general()
	x := r.group(r.scalar)
	r.label("channels")
	r.start(in)
	r.op("MOVD %v, %v", in, row)
	r.op("MOVD %v, %v", rows, rowsLeft)
	r.label("row")
	r.op("MOVD %v, %v", row, at)
	r.op("MOVD %v, %v", columns, columnsLeft)
	r.label("column")
	r.op("VLD1 (%v), %s", at, list(x, "S4"))
	r.op("ADD %v, %v", columnStep, at)
	r.add(x)
	r.countDown(columnsLeft, 1, "column")
	r.op("ADD %v, %v", rowStep, row)
	r.countDown(rowsLeft, 1, "row")
	r.storeNext(r.sums, out)
	r.op("ADD $%d, %v", 16*r.scalar, in)
	r.countDown(channels, 16, "channels")
	r.end()
}

func beginReduction(f *file, name, out, in string) *function {
	return beginFunction(f, name, "rows, columns, channels int, out *"+out+", in *"+in+", rowStep, columnStep int")
}

func maxFloat(file *file) {
	f := beginReduction(file, "maxFloatNEON", "float32", "float32")
	r := &reduction{function: f, scalar: 4, sums: f.group(vectors)}
	r.start = func(from general) { f.op("VLD1 (%v), %s", from, list(r.sums, "S4")) }
	r.add = func(x []vector) {
		for j, sum := range r.sums {
			f.fmax(sum, sum, x[j])
		}
	}
	r.run()
}

func maxUint8(file *file) {
	f := beginReduction(file, "maxUint8NEON", "uint8", "uint8")
	r := &reduction{function: f, scalar: 1, sums: f.group(1)}
	r.start = func(from general) { f.load(r.sums[0], from, 0) }
	r.add = func(x []vector) { f.op("VUMAX V%d.B16, V%d.B16, V%d.B16", x[0], r.sums[0], r.sums[0]) }
	r.run()
}

func sumUint8(file *file) {
	f := beginReduction(file, "sumUint8NEON", "int32", "uint8")
	r := &reduction{function: f, scalar: 1, sums: f.group(vectors)}
	low, high := f.vector(), f.vector()
	r.start = func(general) { f.zero(r.sums) }
	r.add = func(x []vector) {
		f.op("VUXTL V%d.B8, V%d.H8", x[0], low)
		f.op("VUXTL2 V%d.B16, V%d.H8", x[0], high)
		for i, half := range []vector{low, high} {
			f.op("VUADDW V%d.H4, V%d.S4, V%d.S4", half, r.sums[2*i], r.sums[2*i])
			f.op("VUADDW2 V%d.H8, V%d.S4, V%d.S4", half, r.sums[2*i+1], r.sums[2*i+1])
		}
	}
	r.run()
}
