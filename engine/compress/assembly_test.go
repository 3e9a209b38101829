package compress

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"galen/engine/compress/structure"
	"galen/engine/compress/testnet"
	"galen/hw/graph"
)

func database(t testing.TB, limit int64) *Database {
	t.Helper()
	d, err := OpenDatabase(filepath.Join(t.TempDir(), "layers"), limit)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestIndependentRepairLosesNothingThatIsRedundant(t *testing.T) {
	g := doubled(t)
	held := testnet.Images(g, 60)[48*g.Values[g.Input].Shape.Elements():]
	want := testnet.Outputs(t, g, held, 12)
	c := newCompressor(t, g, Options{Importance: structure.Reconstruction, Repair: Independent, Database: database(t, 0)})
	for bits, limit := range map[int]float64{graph.FloatBits: 0.01, 8: 0.05} {
		p := c.structure.Uniform(0, bits)
		p[0].Sparsity = 0.55
		if off := testnet.RelativeError(testnet.Outputs(t, compressed(t, c, p).Graph, held, 12), want); off > limit {
			t.Errorf("%d bits: outputs are off by %.4f though nothing was lost", bits, off)
		}
	}
}

// Whatever happens to the database, results are those of a fresh one.
func TestNoResultDependsOnTheDatabase(t *testing.T) {
	for _, name := range []string{"residual A", "mobile"} {
		g, d := testnet.Networks(t)[name], database(t, 0)
		var want []*Result
		check := func(state string, workers int) {
			t.Helper()
			c := newCompressor(t, g, Options{Repair: Independent, Database: d, Workers: workers})
			for i, p := range []structure.Policy{c.structure.Uniform(0.3, graph.FloatBits), c.structure.Uniform(0.6, 4), c.structure.Uniform(0, 8)} {
				r := compressed(t, c, p)
				if len(want) <= i {
					want = append(want, r)
				} else if !reflect.DeepEqual(r, want[i]) {
					t.Errorf("%s: policy %d gives another graph from a database that %s", name, i, state)
				}
			}
		}
		check("is fresh", 2)
		check("is filled", 2)
		check("is filled", 1)
		for i, e := range d.entries() {
			content, err := os.ReadFile(e.path)
			if err != nil {
				t.Fatal(err)
			}
			switch i % 4 {
			case 0:
				content[len(content)-1] ^= 1
			case 1:
				content = content[:len(content)/2]
			case 2:
				content = nil
			}
			if err := os.WriteFile(e.path, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		check("is damaged", 2)
		c := newCompressor(t, g, Options{Repair: Independent, Database: d})
		if err := os.RemoveAll(d.dir); err != nil {
			t.Fatal(err)
		}
		if r := compressed(t, c, c.structure.Uniform(0.3, graph.FloatBits)); !reflect.DeepEqual(r, want[0]) {
			t.Errorf("%s: another graph when the database was removed", name)
		}
		d.limit = 4000
		check("holds next to nothing", 2)
		size := int64(0)
		for _, e := range d.entries() {
			size += e.size
		}
		if size > d.limit {
			t.Errorf("%s: the database has %d bytes, at most %d are allowed", name, size, d.limit)
		}
	}
}

func TestDatabaseKeepsWhatIsUsed(t *testing.T) {
	d := database(t, 4000)
	key := func(i int) entryKey { return entryKey{byte(i)} }
	for i := range 20 {
		d.put(key(i), make([]byte, 500))
		if _, ok := d.get(key(0)); !ok {
			t.Fatalf("the entry in use went with entry %d", i)
		}
	}
	if _, ok := d.get(key(1)); ok {
		t.Error("an entry that was never used outlived the limit")
	}
	half := filepath.Join(d.dir, ".abc"+entrySuffix+"-123")
	if err := os.WriteFile(half, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(half, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	reopened, err := OpenDatabase(d.dir, 4000)
	if err != nil {
		t.Fatal(err)
	}
	if content, ok := reopened.get(key(19)); !ok || len(content) != 500 {
		t.Error("the last entry is not found by another process")
	}
	if _, err := os.Stat(half); err == nil {
		t.Error("what a killed writer left is still there")
	}
}

func TestOtherModelsAndImagesHaveOtherEntries(t *testing.T) {
	g, d := testnet.Plain(t), database(t, 0)
	key := func(g *graph.Graph, calibration []float32, n int) entryKey {
		c, err := New(g, calibration, n, Options{Repair: Independent, Database: d})
		if err != nil {
			t.Fatal(err)
		}
		return c.solver.key("solution", 1, []int{0, 2}, 8)
	}
	calibration := testnet.Images(g, 5)
	same := key(g, calibration, 5)
	if key(g, calibration, 5) != same {
		t.Error("the same model and images have other entries")
	}
	if key(g, calibration[:len(calibration)/5*4], 4) == same {
		t.Error("fewer images have the same entries")
	}
	other := g.Clone()
	n := &other.Nodes[other.Layers()[0]]
	w := *n.Weight()
	w.Float = append([]float32{w.Float[0] + 1}, w.Float[1:]...)
	n.Op = n.WithWeight(w, n.Bias())
	if key(other, calibration, 5) == same {
		t.Error("other weights have the same entries")
	}
}
