package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"galen/engine/oneshot"
	"galen/hw"
)

func sampleCompressed() *oneshot.Compressed {
	return &oneshot.Compressed{
		Model: "net", Data: "pictures", Validation: 1000, Output: "out.onnx", PolicyOut: "p.json",
		Original: oneshot.Quality{Validation: 0.9, Bytes: 4_000_000, MACs: 2e6, BOPs: 2e9, Parameters: 1e6},
		Result:   oneshot.Quality{Validation: 0.875, Bytes: 1_000_000, MACs: 1e6, BOPs: 1e8, Parameters: 5e5},
		Layers: []oneshot.CompressedLayer{
			{Name: "conv1", Kept: 12, Channels: 16, WeightBits: 8, ActivationBits: 4, MACs: 1e6, OriginalMACs: 2e6},
			{Name: "fc", Kept: 10, Channels: 10, WeightBits: 8, ActivationBits: 8, MACs: 10, OriginalMACs: 10, Why: "output"},
		},
	}
}

func TestCompressedText(t *testing.T) {
	c := sampleCompressed()
	var out bytes.Buffer
	if err := Compressed(&out, c); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"90.00 %    87.50 %     -2.50", "4.00 MB    1.00 MB     25.0 %", "12/16", "25 %", "output", "wrote out.onnx\nwrote p.json\n"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in:\n%s", part, out.String())
		}
	}
	for _, part := range []string{"test", "latency", "measured"} {
		if strings.Contains(out.String(), part) {
			t.Errorf("%q stands in:\n%s", part, out.String())
		}
	}
	c.Test, c.Latency = 500, &hw.Measurement{Ratio: 0.4, RatioError: 0.01, Flags: []string{"noisy"}}
	out.Reset()
	if err := Compressed(&out, c); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"500 test images", "40.0 % ± 1.0", "was noisy"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in:\n%s", part, out.String())
		}
	}
}

func TestCompressedJSON(t *testing.T) {
	c := sampleCompressed()
	c.Latency = &hw.Measurement{Ratio: 0.4}
	var out bytes.Buffer
	if err := CompressedJSON(&out, c); err != nil {
		t.Fatal(err)
	}
	var file struct {
		Compressed map[string]float64
		Latency    map[string]any
		Layers     []map[string]any
	}
	if err := json.Unmarshal(out.Bytes(), &file); err != nil {
		t.Fatal(err)
	}
	if _, tested := file.Compressed["test_top1"]; tested || file.Compressed["validation_top1"] != 0.875 || file.Compressed["bytes"] != 1e6 {
		t.Errorf("compressed %v", file.Compressed)
	}
	if file.Latency["ratio"] != 0.4 || len(file.Layers) != 2 || file.Layers[0]["kept"] != 12.0 || file.Layers[1]["frozen"] != "output" {
		t.Errorf("latency %v, layers %v", file.Latency, file.Layers)
	}
}
