package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestPixels(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 1))
	for channels := 1; channels <= 6; channels++ {
		for _, pixels := range []int{1, 3, 15, 16, 17, 49, 64, 100, 1024, 1<<16 + 17} {
			planes := normals(random, channels*pixels)
			for _, stride := range []int{4, 16} {
				if stride < channels {
					continue
				}
				for _, isa := range Supported() {
					out := Floats((1 + pixels + 1) * stride)
					for i := range out {
						out[i] = 99
					}
					Pixels(isa, out[:(1+pixels)*stride], planes, channels, stride)
					for i, got := range out {
						pixel, lane := i/stride-1, i%stride
						want := float32(99)
						switch {
						case pixel < 0 || pixel == pixels:
						case lane < channels:
							want = planes[lane*pixels+pixel]
						case lane < 4:
							want = 0
						}
						if got != want {
							t.Fatalf("%s: lane %d of pixel %d of %d×%d is %v, want %v", isa, lane, pixel, channels, pixels, got, want)
						}
					}
				}
			}
		}
	}
}

func TestQuantizePixels(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 2))
	for channels := 1; channels <= 6; channels++ {
		for _, pixels := range []int{1, 3, 15, 16, 17, 49, 64, 100, 1024, 1<<16 + 17} {
			planes := normals(random, channels*pixels)
			planes[0], planes[len(planes)/2], planes[len(planes)-1] = float32(math.NaN()), float32(math.Inf(1)), -1e30
			q, limit := Affine{float32(math.Exp(random.NormFloat64() - 4)), uint8(random.IntN(256))}, uint8(random.IntN(256))
			stride := ChannelStride(channels)
			for _, isa := range Supported() {
				out := Bytes((1 + pixels + 1) * stride)
				for i := range out {
					out[i] = 99
				}
				QuantizePixels(isa, out[:(1+pixels)*stride], planes, channels, q, limit)
				for i, got := range out {
					pixel, lane := i/stride-1, i%stride
					want := uint8(99)
					if 0 <= pixel && pixel < pixels {
						if lane >= channels {
							continue
						}
						want = 0
						if x := planes[lane*pixels+pixel]; x == x {
							want = roundHalfEven(float32(float64(x)/float64(q.Scale)), q.Zero, 0, limit)
						}
					}
					if got != want {
						t.Fatalf("%s: lane %d of pixel %d of %d×%d is %d, want %d", isa, lane, pixel, channels, pixels, got, want)
					}
				}
			}
		}
	}
}
