package compress_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"galen/engine/compress"
	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/engine/dataset"
	"galen/hw/graph"
)

var (
	figureNets  = flag.String("figures", "", "networks to measure quantization on, separated by commas: names of GALEN_SHARED/models without their -cifar10.onnx, or ONNX files")
	figureBits  = flag.String("figure-bits", "w8a8,w4a8,w4a4,w3a8,w2a8", "the bits to measure; the first and the last layer always have 8")
	figureImage = flag.Int("figure-images", 5000, "test images to score on")
	figureVar   = flag.String("figure-variants", "", "variants to measure, separated by semicolons, all if empty")
)

// variant is one row of a table of figures.
type variant struct {
	name    string
	options compress.Options
}

// among picks the variants that a flag names, separated by semicolons; all if it names none.
func among(all []variant, names string) []variant {
	if names == "" {
		return all
	}
	wanted := strings.Split(names, ";")
	return slices.DeleteFunc(slices.Clone(all), func(c variant) bool { return !slices.Contains(wanted, c.name) })
}

// quantizing are the settings the table compares.
var quantizing = []variant{
	{"nearest min-max", compress.Options{Calibration: refit.MinMax, WeightRange: refit.MinMax, Rounding: refit.Nearest, Uncorrected: true}},
	{"default", compress.Options{}},
	{"uncorrected", compress.Options{Uncorrected: true}},
	{"min-max", compress.Options{Calibration: refit.MinMax}},
	{"percentile", compress.Options{Calibration: refit.Percentile}},
	{"nearest", compress.Options{Rounding: refit.Nearest}},
	{"equalized by weights", compress.Options{Equalization: refit.EqualizeWeights}},
	{"equalized by activations", compress.Options{Equalization: refit.EqualizeActivations}},
	{"entropy", compress.Options{Calibration: refit.Entropy}},
}

// TestQuantizationFigures prints the top-1 accuracy of quantized networks under every
// variant, as docs/compression.md shows it. It takes minutes, so it runs on request:
//
//	go test ./engine/compress -run QuantizationFigures -figures resnet20,resnet56 -timeout 1h -v
func TestQuantizationFigures(t *testing.T) {
	if *figureNets == "" {
		t.Skip("on request: -figures resnet20,resnet56,resnet18")
	}
	shared := os.Getenv("GALEN_SHARED")
	if shared == "" {
		t.Skip("GALEN_SHARED does not name the folder with the CIFAR-10 models and data")
	}
	data, err := dataset.Open(filepath.Join(shared, "data", "cifar-10-batches-bin"))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := data.Split(1, dataset.Sizes{Calibration: 1024})
	if err != nil {
		t.Fatal(err)
	}
	test := parts.Test[:min(*figureImage, len(parts.Test))]
	images, labels := data.Test.Normalized(nil, test), data.Test.LabelsOf(test)
	calibration := data.Train.Normalized(nil, parts.Calibration)
	for _, name := range strings.Split(*figureNets, ",") {
		path := name
		if !strings.HasSuffix(path, ".onnx") {
			path = filepath.Join(shared, "models", name+"-cifar10.onnx")
		}
		g := load(t, path)
		bits := strings.Split(*figureBits, ",")
		fmt.Printf("| %s, float %.2f %% | %s | seconds to prepare, per policy |\n|---|%s---|\n", filepath.Base(name), top1(t, g, images, labels), strings.Join(bits, " | "), strings.Repeat("---|", len(bits)))
		for _, v := range among(quantizing, *figureVar) {
			began := time.Now()
			c, err := compress.New(g, calibration, len(parts.Calibration), v.options)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Printf("| %s |", v.name)
			prepared := time.Since(began)
			var spent time.Duration
			for _, b := range bits {
				var weights, activations int
				if _, err := fmt.Sscanf(b, "w%da%d", &weights, &activations); err != nil {
					t.Fatalf("%q are no bits: %v", b, err)
				}
				began := time.Now()
				r, err := c.Compress(context.Background(), inner(g, weights, activations))
				if err != nil {
					t.Fatal(err)
				}
				spent += time.Since(began)
				fmt.Printf(" %.2f |", top1(t, r.Graph, images, labels))
			}
			fmt.Printf(" %.1f, %.1f |\n", prepared.Seconds(), spent.Seconds()/float64(len(bits)))
		}
	}
}

// inner is the policy that gives all layers the same bits but for the first and the last,
// which have 8.
func inner(g *graph.Graph, weights, activations int) structure.Policy {
	p := structure.Uniform(g, 0, 8)
	for l := 1; l < len(p)-1; l++ {
		p[l].WeightBits, p[l].ActivationBits = weights, activations
	}
	return p
}
