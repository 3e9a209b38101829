package train

import (
	"testing"

	"galen/hw/graph"
)

// residual builds a CIFAR residual network with blocks of two convolutions per
// resolution: three make ResNet-20.
func residual(t testing.TB, blocks int) *graph.Graph {
	b := newBuilder(t, 1, 3, 32, 32)
	one := [2]int{1, 1}
	b.conv3(16)
	b.norm()
	b.op(graph.Relu{})
	for stage, width := range []int{16, 32, 64} {
		for block := range blocks {
			in, stride := b.last, one
			if stage > 0 && block == 0 {
				stride = [2]int{2, 2}
			}
			b.conv(width, [2]int{3, 3}, stride, one, [4]int{1, 1, 1, 1}, false)
			b.norm()
			b.op(graph.Relu{})
			b.conv3(width)
			x := b.norm()
			if stride != one {
				b.last = in
				b.conv(width, one, stride, one, [4]int{}, false)
				in = b.norm()
			}
			b.op(graph.Add{}, x, in)
			b.op(graph.Relu{})
		}
	}
	b.op(graph.GlobalAveragePool{})
	return b.head(10)
}

func BenchmarkStep(b *testing.B) {
	for name, blocks := range map[string]int{"resnet8": 1, "resnet20": 3} {
		b.Run(name, func(b *testing.B) {
			const n = 128
			g := residual(b, blocks)
			t, err := New(g, Options{Batch: n})
			if err != nil {
				b.Fatal(err)
			}
			_, images, labels := batch(g, n)
			for b.Loop() {
				if _, _, err := t.Step(images, labels); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
