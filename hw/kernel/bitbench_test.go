package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// BenchmarkBitsAgainstInt8 runs layers by both kernels in turn and reports how many times as fast counting
// bits is, packing included, the fastest run of each; "chosen" is how many of the precisions
// [bitsFaster] counts bits for, "wrong" how many of all lose more than a twentieth by what it chooses.
func BenchmarkBitsAgainstInt8(b *testing.B) {
	random := rand.New(rand.NewPCG(4, 7))
	precisions := [][2]int{{1, 1}, {1, 2}, {1, 3}, {1, 4}, {2, 1}, {2, 2}, {3, 1}, {4, 1}, {2, 3}, {3, 2}, {2, 4}, {5, 1}, {1, 5}, {4, 2}}
	isa, err := Default()
	if err != nil {
		b.Fatal(err)
	}
	for _, channels := range []int{64, 128, 256, 512} {
		for _, side := range []int{32, 16, 8, 4} {
			for _, geometry := range [][2]int{{3, 1}, {3, 2}, {1, 1}, {1, 2}} {
				l := square(channels, channels, side, geometry[0], geometry[1])
				b.Run(string(isa)+"/"+l.name(), func(b *testing.B) {
					compareBits(b, random, isa, l, precisions)
				})
			}
		}
	}
}

func compareBits(b *testing.B, random *rand.Rand, isa ISA, l layer, precisions [][2]int) {
	in, out := integers[uint8](random, l.inputs()), Bytes(l.outputs())
	weight := make([]int8, l.weights())
	for i := range weight {
		weight[i] = int8(2*random.IntN(2) - 1)
	}
	r := &Requantize{Scale: Floats(ChannelStride(l.OutC)), Hi: 255}
	whole := newIntConv(isa, l.Shape, weight, nil, 0)
	runs := []func(){func() { whole.RunUint8(out, in, r) }}
	for _, bits := range precisions {
		packed := Bytes(PackedSize(l.Shape, bits[1]))
		counted := newBitSerial(isa, l.Shape, weight, bits[0], bits[1], nil, 0)
		runs = append(runs, func() {
			PackBits(isa, l.Shape, packed, in, bits[1])
			counted.RunUint8(out, packed, r)
		})
	}
	fastest := make([]time.Duration, len(runs))
	for i := range fastest {
		fastest[i] = math.MaxInt64
	}
	for b.Loop() {
		for i, run := range runs {
			run() // a run right before has filled the caches for this one
			start := time.Now()
			run()
			fastest[i] = min(fastest[i], time.Since(start))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(fastest[0].Nanoseconds())/1e3, "int8-µs")
	chosen, wrong := 0, 0
	for i, bits := range precisions {
		ratio := float64(fastest[0]) / float64(fastest[i+1])
		b.ReportMetric(ratio, fmt.Sprintf("w%da%d", bits[0], bits[1]))
		if bitsFaster(isa, l.Shape, bits[0], bits[1]) {
			chosen++
			ratio = 1 / ratio
		}
		if ratio > 1.05 {
			wrong++
		}
	}
	b.ReportMetric(float64(chosen), "chosen")
	b.ReportMetric(float64(wrong), "wrong")
}
