package hw

import (
	"context"
	"runtime"
	"testing"

	"galen/hw/graph"
)

func TestLayerCostsTimeEveryChoice(t *testing.T) {
	g, err := peakNetwork(false)
	if err != nil {
		t.Fatal(err)
	}
	node := g.Layers()[1]
	bits := []int{graph.FloatBits, 8, 4, 1}
	collections := collected()
	costs, err := LayerCosts(context.Background(), g, node, []int{256, 32}, bits)
	if err != nil {
		t.Fatal(err)
	}
	if n := collected() - collections; n < 8 {
		t.Errorf("garbage was collected %d times for 8 forms", n)
	}
	if len(costs) != 8 {
		t.Fatalf("%d costs", len(costs))
	}
	for i, c := range costs {
		if c.Bits != bits[i%4] || c.Kept != []int{256, 32}[i/4] || !(c.MS > 0) || (c.Bits == graph.FloatBits) != (c.Kernel == "fp32") {
			t.Errorf("cost %d is %+v", i, c)
		}
	}
	if whole, eighth := costs[0].MS, costs[4].MS; eighth > whole/2 {
		t.Errorf("256 channels take %v ms, 32 take %v", whole, eighth)
	}
	if _, err := layerAlone(g, node, 256, 3); err != nil {
		t.Error(err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := LayerCosts(canceled, g, node, []int{256}, bits); err == nil {
		t.Error("goes on though it should not")
	}
}

// collected is how often garbage has been collected so far.
func collected() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumGC
}
