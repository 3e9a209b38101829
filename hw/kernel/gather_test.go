package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestGather moves random scalars of several tensors to random places.
func TestGather(t *testing.T) {
	random := rand.New(rand.NewPCG(12, 1))
	for range 60 {
		testGather(t, random, 7, func(n int) []uint8 { return integers[uint8](random, n) })
		testGather(t, random, -0.5, func(n int) []float32 { return normals(random, n) })
	}
}

func testGather[T float32 | uint8](t *testing.T, random *rand.Rand, fill T, numbers func(n int) []T) {
	pixels, channels := 1+random.IntN(700), 1+random.IntN(200)
	var sources []Source
	var in [][]T
	byPixel := random.IntN(2) == 0 // sources share pixels out; else channels
	count := 1 + random.IntN(3)
	for i := range count {
		s := Source{Pixels: 1 + random.IntN(300), Channels: 1 + random.IntN(200)}
		s.Pixel, s.Channel = make([]int32, pixels), make([]int32, channels)
		permuted, from := random.IntN(2) == 0, random.IntN(s.Channels)
		for p := range s.Pixel {
			s.Pixel[p] = int32(random.IntN(s.Pixels))
			if byPixel && p*(count+1)/pixels != i {
				s.Pixel[p] = -1
			}
		}
		for c := range s.Channel {
			s.Channel[c] = int32(from)
			if from++; from >= s.Channels {
				from = 0
			}
			if permuted {
				from = random.IntN(s.Channels)
			}
			if !byPixel && c*(count+1)/channels != i {
				s.Channel[c] = -1
			}
		}
		sources = append(sources, s)
		in = append(in, numbers((1+s.Pixels)*ChannelStride(s.Channels)))
	}
	stride := ChannelStride(channels)
	for _, isa := range Supported() {
		out := numbers((1 + pixels + 1) * stride)
		before := slices.Clone(out)
		NewGather(isa, pixels, channels, fill, sources).Run(out, in)
		if !slices.Equal(out[:stride], before[:stride]) || !slices.Equal(out[(1+pixels)*stride:], before[(1+pixels)*stride:]) {
			t.Fatalf("%s: wrote outside the image", isa)
		}
		for p := range pixels {
			for lane, got := range out[(1+p)*stride:][:stride] {
				_, real := any(got).(float32)
				if lane >= channels && !real {
					continue
				}
				var want T
				if lane < channels {
					want = fill
					for i, s := range sources {
						if s.Pixel[p] >= 0 && s.Channel[lane] >= 0 {
							want = in[i][(1+int(s.Pixel[p]))*ChannelStride(s.Channels)+int(s.Channel[lane])]
						}
					}
				}
				if got != want {
					t.Fatalf("%s: pixel %d, lane %d of %d channels is %v, want %v of %+v", isa, p, lane, channels, got, want, sources)
				}
			}
		}
	}
}
