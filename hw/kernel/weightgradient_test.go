package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// batchOf is n images one after the other.
func batchOf(random *rand.Rand, n, pixels, channels int) []float32 {
	size := (1 + pixels) * ChannelStride(channels)
	x := Floats(n * size)
	for i := range n {
		copy(x[i*size:], image(random, pixels, channels))
	}
	return x
}

func trainedLayers(random *rand.Rand) []layer {
	cases := []layer{square(16, 8, 4, 3, 1), square(64, 48, 8, 3, 1), square(17, 33, 7, 3, 1), square(20, 40, 12, 3, 1)}
	for _, l := range slices.Concat(layers(random), winogradLayers(random)) {
		if l.Groups == 1 {
			cases = append(cases, l)
		}
	}
	return cases
}

func TestWeightGradient(t *testing.T) {
	const images, group = 5, 2 // the last group is not full
	random := rand.New(rand.NewPCG(9, 1))
	methods := map[string]int{}
	for _, l := range trainedLayers(random) {
		in, gradient := batchOf(random, images, l.InH*l.InW, l.InC), batchOf(random, images, l.OutH*l.OutW, l.OutC)
		want, power := make([]float64, l.weights()), make([]float64, l.weights())
		for i := range images {
			in, gradient := in[i*l.inputs():], gradient[i*l.outputs():]
			l.eachOutput(func(pixel, channel, at int) {
				l.visit(pixel, channel, func(w, i int) {
					product := float64(in[i]) * float64(gradient[at])
					want[w] += product
					power[w] += product * product
				})
			})
		}
		for _, isa := range Supported() {
			g := NewWeightGradient(isa, l.Shape, group)
			methods[g.Kernel()]++
			sums, scratch := Floats(g.Sums()), normals(random, g.Scratch())
			for first := 0; first < images; first += g.Group() {
				count := min(g.Group(), images-first)
				in, gradient := in[first*l.inputs():], gradient[first*l.outputs():]
				for i := range count {
					g.Transform(scratch, in[i*l.inputs():], gradient[i*l.outputs():], i)
				}
				for task := range g.Tasks() {
					g.Add(task, sums, scratch, in, gradient, count)
				}
			}
			got := normals(random, len(want))
			before := slices.Clone(got)
			for channel := range l.InC {
				g.Finish(channel, got, sums)
			}
			for w := range want {
				// A sum of products that are off by a few roundings each, and Winograd's by
				// some dozens.
				bound := 3e-5*math.Sqrt(power[w]) + 1e-6
				if d := math.Abs(float64(got[w]) - float64(before[w]) - want[w]); !(d <= bound) {
					t.Fatalf("%s %s %v: gradient %d is %v, want %v ± %v", isa, g.Kernel(), l, w, got[w]-before[w], want[w], bound)
				}
			}
		}
	}
	if methods["fp32"] == 0 || len(Supported()) > 1 && gradientsOf(Supported()[1]).winogradGradient != nil && methods["winograd"] == 0 {
		t.Errorf("methods tried: %v", methods)
	}
}

// A batch convolution must give what its two methods give, whose own tests these are not,
// for any number of images and after a change of weights.
func TestBatchConv(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 2))
	inf := float32(math.Inf(1))
	for _, l := range trainedLayers(random) {
		for _, isa := range Supported() {
			c := NewBatchConv(isa, l.Shape)
			for _, images := range []int{c.Images(), 1} {
				in, residual := batchOf(random, images, l.InH*l.InW, l.InC), batchOf(random, images, l.OutH*l.OutW, l.OutC)
				weight, bias := normals(random, l.weights()), normals(random, l.OutC)
				c.SetBias(bias)
				for block := range c.Blocks() {
					c.PackWeights(block, weight)
				}
				out := slices.Clone(residual)
				c.Run(images, out, in, out, normals(random, c.Scratch()))
				direct := newDirect(isa, l.Shape, weight, bias, -inf, inf)
				for i := range images {
					want := slices.Clone(residual[i*l.outputs():][:l.outputs()])
					direct.Run(want, in[i*l.inputs():], want, nil)
					for at, y := range want {
						if d := math.Abs(float64(out[i*l.outputs()+at] - y)); !(d <= 1e-4*math.Sqrt(float64(l.InC*l.Taps()))) {
							t.Fatalf("%s %v: image %d of %d: out[%d] = %v, want %v", isa, l, i, images, at, out[i*l.outputs()+at], y)
						}
					}
				}
			}
		}
	}
}
