package kernel

// The transforms of F(2×2, 3×3) and F(4×4, 3×3) with the interpolation points 0, ±1, ∞ and
// 0, ±1, ±2, ∞. Each is applied to the rows and then to the columns.

// weights2 writes G·w·Gᵀ into column o of planes. Like weights4 it rounds once, at the end.
func weights2(planes *[36][2 * lanes]float32, o int, w *[9]float32) {
	var half [4][3]float64
	for j := range 3 {
		a, b, c := float64(w[j]), float64(w[3+j]), float64(w[6+j])
		half[0][j], half[1][j], half[2][j], half[3][j] = a, (a+b+c)/2, (a-b+c)/2, c
	}
	for i := range half {
		a, b, c := half[i][0], half[i][1], half[i][2]
		p := planes[4*i : 4*i+4]
		p[0][o], p[1][o], p[2][o], p[3][o] = float32(a), float32((a+b+c)/2), float32((a-b+c)/2), float32(c)
	}
}

func weights4(planes *[36][2 * lanes]float32, o int, w *[9]float32) {
	var half [6][3]float64
	for j := range 3 {
		half[0][j], half[1][j], half[2][j], half[3][j], half[4][j], half[5][j] = weights4Row(float64(w[j]), float64(w[3+j]), float64(w[6+j]))
	}
	for i := range half {
		y0, y1, y2, y3, y4, y5 := weights4Row(half[i][0], half[i][1], half[i][2])
		p := planes[6*i : 6*i+6]
		p[0][o], p[1][o], p[2][o], p[3][o], p[4][o], p[5][o] = float32(y0), float32(y1), float32(y2), float32(y3), float32(y4), float32(y5)
	}
}

func weights4Row(a, b, c float64) (y0, y1, y2, y3, y4, y5 float64) {
	near, far := (a+c)*(-1./6), a*(1./24)+c*(1./6)
	return a / 4, near - b*(1./6), near + b*(1./6), far + b*(1./12), far - b*(1./12), c
}

// transformInput writes Bᵀ·x·B of every channel of a tile's window to its planes.
func transformInput(tile, channels int, planes []float32, plane int, in []float32, offsets []int32) {
	n := tile + 2
	var x [6][6]float32 // of which n×n are used
	for c := range channels {
		for i := range n {
			for j := range n {
				x[i][j] = in[int(offsets[i*n+j])+c]
			}
		}
		if tile == 2 {
			for i := range n {
				x[i][0], x[i][1], x[i][2], x[i][3] = input2(x[i][0], x[i][1], x[i][2], x[i][3])
			}
			for j := range n {
				x[0][j], x[1][j], x[2][j], x[3][j] = input2(x[0][j], x[1][j], x[2][j], x[3][j])
			}
		} else {
			for i := range n {
				x[i][0], x[i][1], x[i][2], x[i][3], x[i][4], x[i][5] = input4(x[i][0], x[i][1], x[i][2], x[i][3], x[i][4], x[i][5])
			}
			for j := range n {
				x[0][j], x[1][j], x[2][j], x[3][j], x[4][j], x[5][j] = input4(x[0][j], x[1][j], x[2][j], x[3][j], x[4][j], x[5][j])
			}
		}
		for i := range n {
			for j := range n {
				planes[(i*n+j)*plane+c] = x[i][j]
			}
		}
	}
}

func input2(a, b, c, d float32) (y0, y1, y2, y3 float32) { return a - c, b + c, c - b, b - d }

func input4(a, b, c, d, e, f float32) (y0, y1, y2, y3, y4, y5 float32) {
	even, odd := e-4*c, d-4*b
	wide, narrow := e-c, 2*(d-b)
	return 4*a - 5*c + e, even + odd, even - odd, wide + narrow, wide - narrow, 4*b - 5*d + f
}

// transformOutput writes clamp(Aᵀ·y·A + bias + residual) of a tile's products to its pixels.
func (c *winogradConv) transformOutput(out, planes, residual []float32, plane int, offsets []int32) {
	n, m := c.tile+2, c.tile
	var y [6][6]float32 // of which n×n are used
	for channel, bias := range c.bias {
		for i := range n {
			for j := range n {
				y[i][j] = planes[(i*n+j)*plane+channel]
			}
		}
		if m == 2 {
			for i := range n {
				y[i][0], y[i][1] = output2(y[i][0], y[i][1], y[i][2], y[i][3])
			}
			for j := range m {
				y[0][j], y[1][j] = output2(y[0][j], y[1][j], y[2][j], y[3][j])
			}
		} else {
			for i := range n {
				y[i][0], y[i][1], y[i][2], y[i][3] = output4(y[i][0], y[i][1], y[i][2], y[i][3], y[i][4], y[i][5])
			}
			for j := range m {
				y[0][j], y[1][j], y[2][j], y[3][j] = output4(y[0][j], y[1][j], y[2][j], y[3][j], y[4][j], y[5][j])
			}
		}
		for i := range m {
			for j := range m {
				offset := int(offsets[i*m+j])
				if offset < 0 {
					continue
				}
				sum := y[i][j] + bias
				if residual != nil {
					sum += residual[offset+channel]
				}
				out[offset+channel] = clamp(sum, c.lo, c.hi)
			}
		}
	}
}

func output2(a, b, c, d float32) (y0, y1 float32) { return a + b + c, b - c - d }

func output4(a, b, c, d, e, f float32) (y0, y1, y2, y3 float32) {
	near, far := b+c, d+e
	nearer, farther := b-c, d-e
	return a + near + far, nearer + 2*farther, near + 4*far, nearer + f + 8*farther
}
