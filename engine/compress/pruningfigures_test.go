package compress_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"galen/engine/compress"
	"galen/engine/compress/structure"
	"galen/engine/dataset"
	"galen/hw/graph"
)

var (
	prunedNets    = flag.String("pruning", "", "networks to measure pruning on, separated by commas: names of GALEN_SHARED/models without their -cifar10.onnx")
	prunedImages  = flag.Int("pruning-images", 5000, "test images to score on")
	prunedOptions = flag.String("pruning-options", "", "which of the options to measure, separated by semicolons, all if empty")
	prunedBits    = flag.Bool("pruning-int8", false, "score at 8 bits, too")
)

// prunings are the policies the table compares: a quarter or half of the channels, exactly, of the
// groups of one layer (inside residual blocks) or of all.
var prunings = []struct {
	name     string
	sparsity float64
	all      bool
}{{"25 % inner", 0.255, false}, {"50 % inner", 0.505, false}, {"25 % all", 0.255, true}, {"50 % all", 0.505, true}}

// pruning are the settings the table compares.
var pruning = []variant{
	{"root-l1, unrepaired", compress.Options{Importance: structure.RootL1, Uncorrected: true}},
	{"energy, unrepaired", compress.Options{Importance: structure.Energy, Uncorrected: true}},
	{"root-l1, statistics", compress.Options{Importance: structure.RootL1, Repair: compress.Statistics}},
	{"root-l1", compress.Options{Importance: structure.RootL1}},
	{"group-l2", compress.Options{Importance: structure.GroupL2}},
	{"energy", compress.Options{Importance: structure.Energy}},
	{"reconstruction", compress.Options{Importance: structure.Reconstruction}},
	{"energy, independent", compress.Options{Importance: structure.Energy, Repair: compress.Independent}},
}

// shared opens a network and the CIFAR-10 images, with n for calibration and the first of the test
// set.
func shared(t testing.TB, network string, n, tests int) (g *graph.Graph, calibration, images []float32, labels []int) {
	t.Helper()
	folder := os.Getenv("GALEN_SHARED")
	if folder == "" {
		t.Skip("GALEN_SHARED does not name the folder with the CIFAR-10 models and data")
	}
	g = load(t, filepath.Join(folder, "models", network+"-cifar10.onnx"))
	data, err := dataset.Open(filepath.Join(folder, "data", "cifar-10-batches-bin"))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := data.Split(1, dataset.Sizes{Calibration: n})
	if err != nil {
		t.Fatal(err)
	}
	test := parts.Test[:min(tests, len(parts.Test))]
	return g, data.Train.Normalized(nil, parts.Calibration), data.Test.Normalized(nil, test), data.Test.LabelsOf(test)
}

// pruned is the policy that takes a share of the channels.
func pruned(c *compress.Compressor, sparsity float64, all bool, bits int) structure.Policy {
	p := c.Structure().Uniform(0, bits)
	for l, info := range c.Layers() {
		if info.Prunable && (all || !info.Coupled) {
			p[l].Sparsity = sparsity
		}
	}
	return p
}

// TestPruningFigures prints the points of top-1 accuracy that pruned networks lose, as
// docs/compression.md shows them. It takes long, so it runs on request:
//
//	go test ./engine/compress -run PruningFigures -pruning resnet20,resnet56 -timeout 2h -v
func TestPruningFigures(t *testing.T) {
	if *prunedNets == "" {
		t.Skip("on request: -pruning resnet20,resnet56,resnet18")
	}
	const calibrated = 1024
	bits := []int{graph.FloatBits}
	if *prunedBits {
		bits = append(bits, 8)
	}
	for _, name := range strings.Split(*prunedNets, ",") {
		g, calibration, images, labels := shared(t, name, calibrated, *prunedImages)
		reference := top1(t, g, images, labels)
		fmt.Printf("| %s, %.2f %% |", name, reference)
		for _, p := range prunings {
			fmt.Printf(" %s |", p.name)
		}
		fmt.Printf(" seconds to prepare, per policy |\n|---|%s---|\n", strings.Repeat("---|", len(prunings)))
		for _, with := range among(pruning, *prunedOptions) {
			o := with.options
			if o.Repair == compress.Independent {
				var err error
				if o.Database, err = compress.OpenDatabase(t.TempDir(), 0); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			c, err := compress.New(g, calibration, calibrated, o)
			if err != nil {
				t.Fatal(err)
			}
			prepared := time.Since(began)
			var spent time.Duration
			fmt.Printf("| %s |", with.name)
			for _, p := range prunings {
				var losses []string
				for _, b := range bits {
					began := time.Now()
					r, err := c.Compress(context.Background(), pruned(c, p.sparsity, p.all, b))
					if err != nil {
						t.Fatal(err)
					}
					spent += time.Since(began)
					losses = append(losses, fmt.Sprintf("%.2f", reference-top1(t, r.Graph, images, labels)))
				}
				fmt.Printf(" %s |", strings.Join(losses, " / "))
			}
			fmt.Printf(" %.1f, %.1f |\n", prepared.Seconds(), spent.Seconds()/float64(len(prunings)*len(bits)))
		}
	}
}

// TestRepairedResNet20 guards what repair saves of a trained network that loses channels.
func TestRepairedResNet20(t *testing.T) {
	g, calibration, images, labels := shared(t, "resnet20", 256, 1000)
	reference := top1(t, g, images, labels)
	c, err := compress.New(g, calibration, 256, compress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, limit := range map[string]float64{"50 % inner": 13, "25 % all": 11} {
		for _, p := range prunings {
			if p.name != name {
				continue
			}
			r, err := c.Compress(context.Background(), pruned(c, p.sparsity, p.all, graph.FloatBits))
			if err != nil {
				t.Fatal(err)
			}
			loss := reference - top1(t, r.Graph, images, labels)
			t.Logf("%s: %.1f points lost", name, loss)
			if loss > limit {
				t.Errorf("%s: %.1f points lost, at most %.0f are expected", name, loss, limit)
			}
		}
	}
}

// BenchmarkAssembly times the compression of a ResNet18 whose layers are all in the database.
func BenchmarkAssembly(b *testing.B) {
	const calibrated = 32 // what is assembled does not depend on it
	g, calibration, _, _ := shared(b, "resnet18", calibrated, 1)
	database, err := compress.OpenDatabase(b.TempDir(), 0)
	if err != nil {
		b.Fatal(err)
	}
	c, err := compress.New(g, calibration, calibrated, compress.Options{Repair: compress.Independent, Database: database})
	if err != nil {
		b.Fatal(err)
	}
	for _, bits := range []int{graph.FloatBits, 8, 4} {
		p := pruned(c, 0.3, true, bits)
		b.Run(fmt.Sprintf("%d bits", bits), func(b *testing.B) {
			best := time.Duration(math.MaxInt64) // what a busy machine disturbs least
			for b.Loop() {
				began := time.Now()
				if _, err := c.Compress(context.Background(), p); err != nil {
					b.Fatal(err)
				}
				best = min(best, time.Since(began))
			}
			b.ReportMetric(float64(best.Microseconds())/1000, "best-ms")
		})
	}
}
