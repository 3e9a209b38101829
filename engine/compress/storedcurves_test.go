package compress

import (
	"context"
	"os"
	"reflect"
	"slices"
	"testing"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/engine/compress/testnet"
	"galen/hw/graph"
)

// Curves are measured once for all that they follow from, whatever happens to the database.
func TestCurvesAreMeasuredOnce(t *testing.T) {
	g, d := testnet.Networks(t)["residual A"], database(t, 0)
	pixels := testnet.Images(g, 4)
	pieces := 0
	calibration := testnet.Images(g, 48)
	measure := func(g *graph.Graph, o Options, pixels []float32, maxBits int) []Curve {
		t.Helper()
		pieces = 0
		c, err := New(g, calibration, 48, o)
		if err != nil {
			t.Fatal(err)
		}
		curves, err := c.Sensitivity(context.Background(), pixels, 4, maxBits, func(int, int) error {
			pieces++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return curves
	}
	stored := Options{Database: d}
	want := measure(g, Options{}, pixels, 6)
	for _, state := range []struct {
		name    string
		prepare func(path string) error
		found   bool
	}{
		{"fresh", nil, false},
		{"filled", nil, true},
		{"changed", func(path string) error {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content[len(content)/2] ^= 1
			return os.WriteFile(path, content, 0o644)
		}, false},
		{"cut off", func(path string) error { return os.Truncate(path, 30) }, false},
		{"removed", func(string) error { return os.RemoveAll(d.dir) }, false},
		{"filled anew", nil, true},
	} {
		if state.prepare != nil {
			if err := state.prepare(d.entries()[0].path); err != nil {
				t.Fatal(err)
			}
		}
		if got := measure(g, stored, pixels, 6); !reflect.DeepEqual(got, want) {
			t.Errorf("other curves come from a database that is %s", state.name)
		}
		if found := pieces == 0; found != state.found {
			t.Errorf("with a database that is %s, %d pieces were measured", state.name, pieces)
		}
		if n := len(d.entries()); n != 1 {
			t.Fatalf("the database holds %d entries", n)
		}
	}

	others := slices.Clone(pixels)
	others[0]++
	changed := g.Clone()
	layer := &changed.Nodes[changed.Layers()[0]]
	weight := *layer.Weight()
	weight.Float = slices.Clone(weight.Float)
	weight.Float[0]++
	layer.Op = layer.WithWeight(weight, layer.Bias())
	for name, again := range map[string]func(){
		"images":      func() { measure(g, stored, others, 6) },
		"bits":        func() { measure(g, stored, pixels, 5) },
		"round-to":    func() { measure(g, Options{Database: d, RoundTo: 2}, pixels, 6) },
		"importance":  func() { measure(g, Options{Database: d, Importance: structure.RootL1}, pixels, 6) },
		"calibration": func() { measure(g, Options{Database: d, Calibration: refit.MinMax}, pixels, 6) },
		"model":       func() { measure(changed, stored, pixels, 6) },
	} {
		if again(); pieces == 0 {
			t.Errorf("other %s are given the same curves", name)
		}
	}
	calibration[0]++
	if measure(g, stored, pixels, 6); pieces == 0 {
		t.Error("other calibration images are given the same curves")
	}
	calibration = testnet.Images(g, 48)
	if measure(g, Options{Database: d, Workers: 1}, pixels, 6); pieces != 0 {
		t.Error("curves depend on the number of workers")
	}
	if measure(g, Options{Database: d, Repair: Independent}, pixels, 6); pieces != 0 {
		t.Error("curves depend on the repair")
	}
}
