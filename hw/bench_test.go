package hw

import (
	"context"
	"math"
	"testing"

	"galen/hw/graph"
)

func TestBenchTimesLayers(t *testing.T) {
	g := network(t, 64, 3, 8)
	b, err := RunBench(context.Background(), g, []string{"local"}, BenchOptions{Load: Load{Threads: 1, Batch: 1}, Layers: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Devices) != 1 || b.Devices[0].Name != "local" || b.Devices[0].Latency.Median <= 0 || b.Devices[0].Samples < enoughSamples/2 || len(b.Ratios) != 0 {
		t.Errorf("%+v", b)
	}
	share, macs := 0.0, int64(0)
	for _, l := range b.Layers {
		share += l.Share
		macs += l.MACs
		if !l.Integer || l.Kernel == "" || l.Rate <= 0 || l.PeakPart <= 0 || l.PeakPart > 2 {
			t.Errorf("layer %+v", l)
		}
	}
	if total, _, _ := g.Totals(); macs != total || math.Abs(share-1) > 1e-9 {
		t.Errorf("the layers have %d MACs of %d and share %v", macs, total, share)
	}
	if b.Peak.Float <= 0 || b.Peak.Integer <= 0 {
		t.Errorf("peak %+v", b.Peak)
	}
}

// Threads share out the images of a batch; the result must not depend on it.
func TestCompiledBatch(t *testing.T) {
	g := network(t, 8, 2, graph.FloatBits)
	want, err := compile(g, Load{Threads: 1, Batch: 5})
	if err != nil {
		t.Fatal(err)
	}
	got, err := compile(g, Load{Threads: 3, Batch: 5})
	if err != nil {
		t.Fatal(err)
	}
	if err := want.run(); err != nil {
		t.Fatal(err)
	}
	if err := got.run(); err != nil {
		t.Fatal(err)
	}
	moved := false
	for i, v := range want.output {
		if got.output[i] != v {
			t.Fatalf("output %d is %v on three threads, %v on one", i, got.output[i], v)
		}
		moved = moved || v != 0
	}
	if !moved {
		t.Error("all outputs are zero")
	}
}

func TestBenchRefuses(t *testing.T) {
	g := network(t, 8, 1, graph.FloatBits)
	one := Load{Threads: 1, Batch: 1}
	for _, c := range []struct {
		devices []string
		options BenchOptions
	}{
		{nil, BenchOptions{Load: one}},
		{[]string{"roofline:"}, BenchOptions{Load: one}},
		{[]string{"local", "local"}, BenchOptions{Load: one}},
		{[]string{"local", "ort:/nowhere/libonnxruntime.so"}, BenchOptions{Load: one}},
		{[]string{"local"}, BenchOptions{Load: Load{Threads: 0, Batch: 1}}},
		{[]string{"local"}, BenchOptions{Load: Load{Threads: 1, Batch: 1 << 30}}},
	} {
		if _, err := RunBench(context.Background(), g, c.devices, c.options); err == nil {
			t.Errorf("%v with %+v runs", c.devices, c.options)
		}
	}
}

func TestInverse(t *testing.T) {
	s := &samples{}
	for range 9 {
		s.add(2, 1, 1)
	}
	if r := s.inverse("a", "b"); r.Ratio != 0.5 || r.Error != 0 || r.Device != "a" || r.Other != "b" {
		t.Errorf("%+v", r)
	}
}
