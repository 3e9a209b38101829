package main

// gradients are the kernels of training. They make a file of their own.
func gradients() *file {
	f := new(file)
	outerTile(f)
	return f
}

// outerTile adds to four rows × sixteen columns of c the outer products of n runs of a with n
// runs of b, which start at pairs of offsets counted in floats. stride is in bytes.
func outerTile(f *file) {
	const rows = 4
	t := beginFunction(f, "outerTileNEON4x16", "n int, a, b, c *float32, offsets *int32, stride int")
	var sums [rows][]vector
	for r := range sums {
		sums[r] = t.group(vectors)
		for _, sum := range sums[r] {
			t.op("VEOR V%d.B16, V%d.B16, V%d.B16", sum, sum, sum)
		}
	}
	x, w := t.vector(), t.group(vectors)
	n, a, b, offsets := t.parameter("n"), t.parameter("a"), t.parameter("b"), t.parameter("offsets")
	i, j := t.general(), t.general()
	t.label("loop")
	t.op("MOVW.P 4(%v), %v", offsets, i)
	t.op("MOVW.P 4(%v), %v", offsets, j)
	t.op("ADD %v<<2, %v, %v", i, a, i)
	t.op("ADD %v<<2, %v, %v", j, b, j)
	t.load(x, i, 0)
	for k := range w {
		t.load(w[k], j, 16*k)
	}
	for k := range w {
		for r := range rows {
			t.fmla(sums[r][k], w[k], x, r)
		}
	}
	t.countDown(n, 1, "loop")
	c, stride := t.parameter("c"), t.parameter("stride")
	for r := range rows {
		for k, sum := range sums[r] {
			t.load(w[k], c, 16*k)
			t.fadd(sum, sum, w[k])
			t.store(sum, c, 16*k)
		}
		t.op("ADD %v, %v", stride, c)
	}
	t.end()
}
