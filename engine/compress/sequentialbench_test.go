package compress_test

import (
	"context"
	"fmt"
	"testing"

	"galen/engine/compress"
)

// BenchmarkSequential times the compression of a ResNet20 all of whose layers are refitted.
func BenchmarkSequential(b *testing.B) {
	const calibrated = 1024
	g, calibration, images, labels := shared(b, "resnet20", calibrated, 1000)
	c, err := compress.New(g, calibration, calibrated, compress.Options{RoundTo: 4})
	if err != nil {
		b.Fatal(err)
	}
	for _, sparsity := range []float64{0, 0.3, 0.6} {
		p := pruned(c, sparsity, true, 8)
		b.Run(fmt.Sprintf("sparsity %v", sparsity), func(b *testing.B) {
			for b.Loop() {
				r, err := c.Compress(context.Background(), p)
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				b.ReportMetric(top1(b, r.Graph, images, labels), "top1")
				b.StartTimer()
			}
		})
	}
}
