package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// minimalFiltering are the matrices of F(m×m, 3×3) as Lavin and Gray (2016) print them.
type minimalFiltering struct{ aT, bT, g [][]float64 }

var minimalFilterings = map[int]minimalFiltering{
	2: {
		aT: [][]float64{{1, 1, 1, 0}, {0, 1, -1, -1}},
		bT: [][]float64{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}},
		g:  [][]float64{{1, 0, 0}, {1. / 2, 1. / 2, 1. / 2}, {1. / 2, -1. / 2, 1. / 2}, {0, 0, 1}},
	},
	4: {
		aT: [][]float64{{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}},
		bT: [][]float64{{4, 0, -5, 0, 1, 0}, {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0}, {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}},
		g: [][]float64{{1. / 4, 0, 0}, {-1. / 6, -1. / 6, -1. / 6}, {-1. / 6, 1. / 6, -1. / 6},
			{1. / 24, 1. / 12, 1. / 6}, {1. / 24, -1. / 12, 1. / 6}, {0, 0, 1}},
	},
}

// magnitudes is |T|·|x|·|T|ᵀ, x a square matrix.
func magnitudes(t [][]float64, x func(i, j int) float64) [][]float64 {
	y := make([][]float64, len(t))
	for i := range t {
		y[i] = make([]float64, len(t))
		for j := range t {
			for k, a := range t[i] {
				for l, b := range t[j] {
					y[i][j] += math.Abs(a * x(k, l) * b)
				}
			}
		}
	}
	return y
}

// winogradSizes is, for every output, what the error of F(m×m, 3×3) is relative to.
func winogradSizes(l layer, tile int, in, weight []float32) []float64 {
	f, n := minimalFilterings[tile], tile+2
	sizes := make([]float64, l.outputs())
	weights := make([][][]float64, l.OutC*l.InC)
	for i := range weights {
		weights[i] = magnitudes(f.g, func(y, x int) float64 { return float64(weight[i*9+y*3+x]) })
	}
	for y := 0; y < l.OutH; y += tile {
		for x := 0; x < l.OutW; x += tile {
			inputs := make([][][]float64, l.InC)
			for k := range inputs {
				inputs[k] = magnitudes(f.bT, func(i, j int) float64 {
					if i, j = y-l.Top+i, x-l.Left+j; i < 0 || j < 0 || i >= l.InH || j >= l.InW {
						return 0
					} else {
						return float64(in[(1+i*l.InW+j)*ChannelStride(l.InC)+k])
					}
				})
			}
			for o := range l.OutC {
				products := make([]float64, n*n)
				for k := range inputs {
					for p := range products {
						products[p] += weights[o*l.InC+k][p/n][p%n] * inputs[k][p/n][p%n]
					}
				}
				size := magnitudes(f.aT, func(i, j int) float64 { return products[i*n+j] })
				for i := range min(tile, l.OutH-y) {
					for j := range min(tile, l.OutW-x) {
						sizes[(1+(y+i)*l.OutW+x+j)*ChannelStride(l.OutC)+o] = size[i][j]
					}
				}
			}
		}
	}
	return sizes
}

func winogradLayers(random *rand.Rand) []layer {
	three, one := [2]int{3, 3}, [2]int{1, 1}
	cases := []layer{
		square(16, 16, 8, 3, 1), square(64, 64, 4, 3, 1), square(3, 40, 9, 3, 1), square(130, 36, 7, 3, 1),
		square(1, 1, 1, 3, 1), square(2, 5, 2, 3, 1),
		square(3, 5, 44, 3, 1), // more than one batch of tiles
		convolution(8, 16, 1, 3, 3, three, one, one, [4]int{0, 0, 0, 0}),
		convolution(8, 16, 1, 5, 12, three, one, one, [4]int{2, 0, 1, 5}),
	}
	count := 24
	if testing.Short() {
		count = 14
	}
	for len(cases) < count {
		h, w := 3+random.IntN(12), 3+random.IntN(12)
		pads := [4]int{random.IntN(4), random.IntN(4), random.IntN(4), random.IntN(4)}
		cases = append(cases, convolution(1+random.IntN(40), 1+random.IntN(50), 1, h, w, three, one, one, pads))
	}
	return cases
}

// newWinogradTiles plans a convolution by tiles of a given size, whether they are the fastest or not.
func newWinogradTiles(isa ISA, s Shape, tile int, weight, bias []float32, lo, hi float32) FloatConv {
	return FloatPlan{isa, s, winograd, tile}.New(weight, bias, lo, hi)
}

func TestWinograd(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 1))
	for i, l := range winogradLayers(random) {
		in, weight := image(random, l.InH*l.InW, l.InC), normals(random, l.weights())
		bias, residual := normals(random, l.OutC), image(random, l.OutH*l.OutW, l.OutC)
		if i%4 == 3 {
			bias = make([]float32, l.OutC)
		}
		if i%3 == 0 {
			clear(residual)
		}
		lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
		switch i % 5 {
		case 0:
			lo = 0
		case 1:
			lo, hi = 0.25, 6
		}
		want, ends := make([]float64, l.outputs()), make([]float64, l.outputs())
		l.eachOutput(func(pixel, channel, at int) {
			sum := float64(bias[channel]) + float64(residual[at])
			ends[at] = math.Abs(float64(bias[channel])) + math.Abs(float64(residual[at]))
			l.visit(pixel, channel, func(w, i int) { sum += float64(weight[w]) * float64(in[i]) })
			want[at] = max(float64(lo), min(float64(hi), sum))
		})
		added := residual
		if i%3 == 0 {
			added = nil
		}
		if i%4 == 3 {
			bias = nil
		}
		for _, tile := range []int{2, 4} {
			sizes := winogradSizes(l, tile, in, weight)
			for _, isa := range Supported() {
				out := normals(random, l.outputs())
				padding := slices.Clone(out[:ChannelStride(l.OutC)])
				scratch := normals(random, winogradScratch(l.Shape, 1, tile))
				newWinogradTiles(isa, l.Shape, tile, weight, bias, lo, hi).Run(out, in, added, scratch)
				if !slices.Equal(out[:len(padding)], padding) {
					t.Fatalf("%s %d %v: wrote the padding pixel", isa, tile, l)
				}
				for at := ChannelStride(l.OutC); at < len(out); at++ {
					bound := float64(roundUp(l.InC, 4)+16) * unitRoundoff * (sizes[at] + ends[at])
					if d := math.Abs(float64(out[at]) - want[at]); !(d <= bound) {
						t.Fatalf("%s %d %v: out[%d] = %v, want %v ± %v", isa, tile, l, at, out[at], want[at], bound)
					}
				}
			}
		}
	}
}

// TestWinogradAccuracy states what the transforms cost on data like a network's, where the bound
// of the worst case says little.
func TestWinogradAccuracy(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 2))
	l := square(256, 32, 8, 3, 1)
	in, weight := image(random, 64, l.InC), normals(random, l.weights())
	for i, x := range in {
		in[i] = max(x, 0)
	}
	want := make([]float64, l.outputs())
	power := 0.0
	l.eachOutput(func(pixel, channel, at int) {
		l.visit(pixel, channel, func(w, i int) { want[at] += float64(weight[w]) * float64(in[i]) })
		power += want[at] * want[at]
	})
	for _, isa := range Supported() {
		out, none := Floats(l.outputs()), float32(math.Inf(1))
		err := func() float64 { // relative to the outputs, root mean square
			sum := 0.0
			l.eachOutput(func(_, _, at int) { sum += (float64(out[at]) - want[at]) * (float64(out[at]) - want[at]) })
			return math.Sqrt(sum / power)
		}
		newDirect(isa, l.Shape, weight, nil, -none, none).Run(out, in, nil, nil)
		direct := err()
		for tile, limit := range map[int]float64{2: 1e-6, 4: 4e-6} {
			newWinogradTiles(isa, l.Shape, tile, weight, nil, -none, none).Run(out, in, nil, Floats(winogradScratch(l.Shape, 1, tile)))
			if e := err(); e > limit {
				t.Errorf("%s: tiles of %d have a relative error of %.2g (direct: %.2g), at most %g is expected", isa, tile, e, direct, limit)
			} else {
				t.Logf("%s: tiles of %d have a relative error of %.2g (direct: %.2g)", isa, tile, e, direct)
			}
		}
	}
}
