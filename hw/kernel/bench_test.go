package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// networkLayers are the convolutions of ResNet18 and ResNet20 on 32×32 images.
var networkLayers = []layer{
	square(3, 64, 32, 3, 1), square(64, 64, 32, 3, 1),
	square(64, 128, 32, 3, 2), square(64, 128, 32, 1, 2), square(128, 128, 16, 3, 1),
	square(128, 256, 16, 3, 2), square(256, 256, 8, 3, 1),
	square(256, 512, 8, 3, 2), square(512, 512, 4, 3, 1),
	square(3, 16, 32, 3, 1), square(16, 16, 32, 3, 1), square(32, 32, 16, 3, 1), square(64, 64, 8, 3, 1),
	square(512, 10, 1, 1, 1),
}

// prunedLayers are of networks that have lost most of their channels.
func prunedLayers() (layers []layer) {
	for _, channels := range []int{4, 8, 12, 16, 24} {
		layers = append(layers, square(channels, channels, 32, 3, 1), square(channels, channels, 16, 3, 1))
	}
	return append(layers, square(3, 8, 32, 3, 1), square(8, 16, 32, 3, 2), square(16, 32, 16, 3, 2), square(32, 32, 8, 3, 1))
}

func (l layer) macs() int { return l.OutH * l.OutW * l.weights() }

func (l layer) name() string {
	return fmt.Sprintf("%dx%dx%d-%d-k%ds%d", l.InC, l.InH, l.InW, l.OutC, l.Kernel[0], l.Stride[0])
}

// rate runs f and reports arithmetic operations, two per multiply-accumulate, at the speed
// of the fastest run: a shared machine disturbs the others.
func rate(b *testing.B, macs int, unit string, f func()) {
	fastest := time.Duration(math.MaxInt64)
	for b.Loop() {
		start := time.Now()
		f()
		fastest = min(fastest, time.Since(start))
	}
	b.ReportMetric(2*float64(macs)/float64(fastest.Nanoseconds()), unit)
}

func BenchmarkFloatConv(b *testing.B) {
	random := rand.New(rand.NewPCG(4, 1))
	for _, isa := range Supported() {
		if isa == AVX512VNNI || isa == NEONDot {
			continue // the same in float as the level below
		}
		for _, l := range networkLayers {
			b.Run(string(isa)+"/"+l.name(), func(b *testing.B) {
				c := newDirect(isa, l.Shape, normals(random, l.weights()), nil, 0, float32(math.Inf(1)))
				in, out := image(random, l.InH*l.InW, l.InC), Floats(l.outputs())
				rate(b, l.macs(), "GFLOP/s", func() { c.Run(out, in, nil, nil) })
			})
		}
	}
}

// BenchmarkWinograd counts the operations of direct convolution, so that it compares.
func BenchmarkWinograd(b *testing.B) {
	random := rand.New(rand.NewPCG(4, 5))
	for _, isa := range Supported() {
		if isa == AVX512VNNI || isa == NEONDot {
			continue // the same in float as the level below
		}
		for _, l := range networkLayers {
			tile := winogradTile(isa, l.Shape)
			if tile == 0 {
				continue
			}
			b.Run(fmt.Sprintf("%s/%s/F%d", isa, l.name(), tile), func(b *testing.B) {
				c := newWinogradTiles(isa, l.Shape, tile, normals(random, l.weights()), nil, 0, float32(math.Inf(1)))
				in, out := image(random, l.InH*l.InW, l.InC), Floats(l.outputs())
				scratch := Floats(winogradScratch(l.Shape, 1, tile))
				rate(b, l.macs(), "GFLOP/s", func() { c.Run(out, in, nil, scratch) })
			})
		}
	}
}

func BenchmarkIntConv(b *testing.B) {
	random := rand.New(rand.NewPCG(4, 2))
	for _, isa := range Supported() {
		if isa == AVX512 {
			continue // the same as AVX2 in integers
		}
		for _, l := range append(prunedLayers(), networkLayers...) {
			c := newIntConv(isa, l.Shape, integers[int8](random, l.weights()), nil, 0)
			in, out := integers[uint8](random, l.inputs()), Bytes(l.outputs())
			r := &Requantize{Scale: Floats(ChannelStride(l.OutC)), Hi: 255}
			b.Run(string(isa)+"/"+l.name(), func(b *testing.B) {
				rate(b, l.macs(), "GOP/s", func() { c.RunUint8(out, in, r) })
			})
			if l.InC != l.OutC {
				continue
			}
			b.Run(string(isa)+"/"+l.name()+"-add", func(b *testing.B) {
				r := *r
				r.Residual = &QuantAdd{Scale: 1, Input: out, InputScale: 1, OutScale: 1, OutHi: 255}
				rate(b, l.macs(), "GOP/s", func() { c.RunUint8(out, in, &r) })
			})
		}
	}
}

// BenchmarkBitConv packs and convolves, weights and activations of a few bits; it
// counts the operations of int8 convolution, so that it compares.
func BenchmarkBitConv(b *testing.B) {
	random := rand.New(rand.NewPCG(4, 6))
	for _, isa := range Supported() {
		for _, l := range networkLayers {
			if l.InC < 64 || l.InC != l.OutC {
				continue
			}
			weight := make([]int8, l.weights())
			for i := range weight {
				weight[i] = int8(2*random.IntN(2) - 1)
			}
			in, out := integers[uint8](random, l.inputs()), Bytes(l.outputs())
			r := &Requantize{Scale: Floats(ChannelStride(l.OutC)), Hi: 255}
			for _, bits := range [][2]int{{1, 1}, {2, 2}, {4, 1}} {
				b.Run(fmt.Sprintf("%s/%s/w%da%d", isa, l.name(), bits[0], bits[1]), func(b *testing.B) {
					packed := Bytes(PackedSize(l.Shape, bits[1]))
					c := newBitSerial(isa, l.Shape, weight, bits[0], bits[1], nil, 0)
					rate(b, l.macs(), "GOP/s", func() {
						PackBits(isa, l.Shape, packed, in, bits[1])
						c.RunUint8(out, packed, r)
					})
				})
			}
		}
	}
}

func BenchmarkDepthwise(b *testing.B) {
	random := rand.New(rand.NewPCG(4, 3))
	l := convolution(96, 96, 96, 16, 16, [2]int{3, 3}, [2]int{1, 1}, [2]int{1, 1}, [4]int{1, 1, 1, 1})
	for _, isa := range Supported() {
		b.Run(string(isa)+"/float", func(b *testing.B) {
			c := newDirect(isa, l.Shape, normals(random, l.weights()), nil, 0, 6)
			in, out := image(random, l.InH*l.InW, l.InC), Floats(l.outputs())
			rate(b, l.macs(), "GFLOP/s", func() { c.Run(out, in, nil, nil) })
		})
		b.Run(string(isa)+"/int", func(b *testing.B) {
			c := newIntConv(isa, l.Shape, integers[int8](random, l.weights()), nil, 0)
			in, out := integers[uint8](random, l.inputs()), Bytes(l.outputs())
			r := &Requantize{Scale: Floats(ChannelStride(l.OutC)), Hi: 255}
			rate(b, l.macs(), "GOP/s", func() { c.RunUint8(out, in, r) })
		})
	}
}

// BenchmarkPlan is the cost of compiling a layer, which a search pays for every candidate.
func BenchmarkPlan(b *testing.B) {
	random := rand.New(rand.NewPCG(4, 4))
	for _, l := range []layer{square(64, 64, 32, 3, 1), square(512, 512, 4, 3, 1)} {
		floats, ints := normals(random, l.weights()), integers[int8](random, l.weights())
		for _, isa := range Supported() {
			b.Run(string(isa)+"/float/"+l.name(), func(b *testing.B) {
				for b.Loop() {
					newDirect(isa, l.Shape, floats, nil, 0, 1)
				}
			})
			b.Run(string(isa)+"/int/"+l.name(), func(b *testing.B) {
				for b.Loop() {
					newIntConv(isa, l.Shape, ints, nil, 1)
				}
			})
		}
	}
}
