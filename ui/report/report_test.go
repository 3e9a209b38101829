package report

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"galen/engine"
	"galen/engine/oneshot"
	"galen/hw"
	"galen/store"
)

func TestVerifications(t *testing.T) {
	worst := 0.25
	results := []oneshot.Verification{
		{Case: "good", Status: oneshot.VerifyPassed, MaxError: new(float64)},
		{Case: "strange", Status: oneshot.VerifyRefused, Reason: "two\nlines"},
		{Case: "bad", Status: oneshot.VerifyFailed, MaxError: &worst, Reason: "differs"},
	}
	var text, lines bytes.Buffer
	asText, asJSON := Verifications{Out: &text}, Verifications{Out: &lines, JSON: true}
	for i, v := range results {
		for _, r := range []*Verifications{&asText, &asJSON} {
			if err := r.Add(v); err != nil {
				t.Fatal(err)
			}
			if err := r.Close(); (err != nil) != (i == 2) {
				t.Errorf("after %d cases: %v", i+1, err)
			}
		}
	}
	want := `{"case":"good","status":"pass","max_error":0,"reason":""}
{"case":"strange","status":"refused","max_error":null,"reason":"two\nlines"}
{"case":"bad","status":"fail","max_error":0.25,"reason":"differs"}
`
	if lines.String() != want {
		t.Errorf("JSON:\n%s", lines.String())
	}
	for _, line := range []string{"pass           0  good\n", "refused        –  strange  two lines\n", "fail        0.25  bad  differs\n", "1 passed, 1 failed, 1 refused\n"} {
		if !strings.Contains(text.String(), line) {
			t.Errorf("%q is missing in:\n%s", line, text.String())
		}
	}
}

func sampleBench() *oneshot.BenchResult {
	return &oneshot.BenchResult{
		Bench: &hw.Bench{
			Load: hw.Load{Threads: 1, Batch: 2},
			Devices: []hw.BenchDevice{
				{Name: "local", Fingerprint: hw.Fingerprint{Device: "local", CPU: "Z80"}, Latency: hw.Statistic{Median: 4, MAD: 0.5}, Samples: 30},
				{Name: "ort", Fingerprint: hw.Fingerprint{Device: "ort:lib.so", Runtime: "ONNX Runtime 9"}, Latency: hw.Statistic{Median: 8, MAD: 1}, Samples: 30, Flags: []string{"noisy"}},
			},
			Ratios: []hw.BenchRatio{{Device: "local", Other: "ort", Ratio: 0.5, Error: 0.01}},
			Layers: []hw.LayerSpeed{{LayerTime: hw.LayerTime{Layer: "conv1", Kernel: "int8", MS: 3}, MACs: 3e6, Share: 1, Rate: 2, PeakPart: 0.25}},
			Peak:   hw.Peak{Float: 4, Integer: 8},
		},
		Model: "net", Precision: "int8", OnNoise: true,
	}
}

func TestBenchJSON(t *testing.T) {
	var out bytes.Buffer
	if err := BenchJSON(&out, sampleBench()); err != nil {
		t.Fatal(err)
	}
	var file struct {
		Devices []map[string]any
		Ratio   map[string]float64
		Layers  []map[string]any
	}
	if err := json.Unmarshal(out.Bytes(), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Devices) != 2 || file.Devices[0]["device"] != "local" || file.Devices[0]["median_ms"] != 4.0 || file.Devices[0]["mad_ms"] != 0.5 || file.Devices[0]["samples"] != 30.0 {
		t.Errorf("devices %v", file.Devices)
	}
	if !maps.Equal(file.Ratio, map[string]float64{"local/ort": 0.5}) {
		t.Errorf("ratio %v", file.Ratio)
	}
	keys := slices.Sorted(maps.Keys(file.Layers[0]))
	if !slices.Equal(keys, []string{"gops", "kernel", "layer", "macs", "ms", "peak_fraction", "share"}) {
		t.Errorf("a layer has %v", keys)
	}
}

func TestBenchText(t *testing.T) {
	var out bytes.Buffer
	if err := Bench(&out, sampleBench()); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"net, int8, 2 images per run, 1 thread\n", "calibrated on noise", "500", "noisy", "ONNX Runtime 9",
		"local/ort  0.500× ± 0.010 (95 %)\n", "peak 4 GFLOP/s in fp32, 8 GOP/s in int8", "conv1", "25 %",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in:\n%s", part, out.String())
		}
	}
}

func TestAFailedRunSaysWhy(t *testing.T) {
	var out bytes.Buffer
	if err := Episode(&out, &engine.Snapshot{Run: &store.Run{}, State: engine.Failed, Problem: "no route\nto host"}, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "problem: no route to host\n") {
		t.Errorf("the problem is missing in:\n%s", out.String())
	}
}

func TestNamesCannotBreakTables(t *testing.T) {
	var out bytes.Buffer
	name := "\x1b[2Ja\tb\nc"
	if err := Runs(&out, []*store.Run{{ID: "r0001", Name: name, State: "paused"}}); err != nil {
		t.Fatal(err)
	}
	if err := Episode(&out, &engine.Snapshot{Run: &store.Run{ID: "r0001", Name: name}}, &store.Episode{Layers: []store.LayerResult{{Name: name}}}); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"r0001  [2Ja b c  paused  ", "run [2Ja b c (r0001)", "\n[2Ja b c  0/0  "} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in:\n%s", part, out.String())
		}
	}
}
