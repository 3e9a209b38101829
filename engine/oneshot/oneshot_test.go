package oneshot

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen/engine/onnx"
	"galen/engine/workload"
)

// A network compressed once is the one its policy file gives again, and what was said about it
// holds for the file.
func TestCompress(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	first, err := Compress(context.Background(), Compression{
		Model: workload.Demo, Data: workload.Demo, Uniform: "sparsity=0.2,bits=8", RoundTo: 4, Output: at("a.onnx"), PolicyOut: at("a.json"), Device: "roofline:",
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Evaluate(context.Background(), "local", at("a.onnx"), workload.Demo, "validation", workload.DataOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Top1 != first.Result.Validation || e.Images != first.Validation {
		t.Errorf("the file reaches %v on %d images, reported were %v on %d", e.Top1, e.Images, first.Result.Validation, first.Validation)
	}
	info, err := os.Stat(at("a.onnx"))
	if err != nil || int(info.Size()) != first.Result.Bytes || first.Result.Bytes > first.Original.Bytes/2 {
		t.Errorf("file sizes %d → %d, really %v %v", first.Original.Bytes, first.Result.Bytes, info, err)
	}
	if n, err := onnx.LoadNormalization(at("a.onnx")); err != nil || len(n.Mean) == 0 || len(n.Std) == 0 {
		t.Errorf("the file tells of its images %+v, %v", n, err)
	}
	if r := first.Latency.Ratio; !(r > 0 && r < 1) {
		t.Errorf("latency ratio %v", r)
	}
	g, _, err := workload.LoadModel(at("a.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if macs, bops, parameters := g.Totals(); macs != first.Result.MACs || bops != first.Result.BOPs || parameters != first.Result.Parameters || macs >= first.Original.MACs {
		t.Errorf("%d MACs, %d BOPs, %d parameters; reported were %+v of %+v", macs, bops, parameters, first.Result, first.Original)
	}
	second, err := Compress(context.Background(), Compression{Model: workload.Demo, Data: workload.Demo, Policy: at("a.json"), RoundTo: 1, Output: at("b.onnx")})
	if err != nil {
		t.Fatal(err)
	}
	a, err := os.ReadFile(at("a.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(at("b.onnx")); err != nil || !bytes.Equal(a, b) {
		t.Errorf("the policy that was written gives another network: %+v, then %+v (%v)", first.Result, second.Result, err)
	}
}

func TestCompressOnceRefuses(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	for name, content := range map[string]string{
		"other.json": `[{"layer":"conv1","sparsity":0.5,"weight_bits":8,"activation_bits":8}]`,
		"bad.json":   `[{"layer":`,
	} {
		if err := os.WriteFile(at(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := Compression{Model: workload.Demo, Data: workload.Demo, Uniform: "bits=8", RoundTo: 1, Output: at("out.onnx")}
	for _, c := range []struct {
		change func(*Compression)
		says   string
	}{
		{func(o *Compression) { o.Uniform = "" }, "--policy file, or --uniform"},
		{func(o *Compression) { o.Policy = at("other.json") }, "one of them"},
		{func(o *Compression) { o.Output = "" }, "--output"},
		{func(o *Compression) { o.Output = at("missing/out.onnx") }, "no such file or directory"},
		{func(o *Compression) { o.Output = folder }, "no regular file"},
		{func(o *Compression) { o.PolicyOut = at("missing/p.json") }, "no such file or directory"},
		{func(o *Compression) { o.PolicyOut = folder + "/./out.onnx" }, "two outputs"},
		{func(o *Compression) { o.Data, o.Output = at("bad.json"), at("bad.json") }, "would replace"},
		{func(o *Compression) { o.Uniform, o.Policy, o.PolicyOut = "", at("other.json"), at("other.json") }, "would replace"},
		{func(o *Compression) { o.RoundTo = 0 }, "round-to"},
		{func(o *Compression) { o.Device = "abacus" }, "abacus"},
		{func(o *Compression) { o.Uniform, o.Policy = "", at("other.json") }, "the policy has 1 layers, the model"},
		{func(o *Compression) { o.Uniform, o.Policy = "", at("bad.json") }, "bad.json"},
		{func(o *Compression) { o.Uniform, o.Policy = "", at("none.json") }, "none.json"},
		{func(o *Compression) { o.Data = at("none") }, "none"},
		{func(o *Compression) { o.Model = os.DevNull }, "not a regular file"},
		{func(o *Compression) { o.Uniform = "sparse=0.3" }, "sparsity, bits, weight-bits or activation-bits"},
	} {
		o := good
		c.change(&o)
		if _, err := Compress(context.Background(), o); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want something about %q", o, err, c.says)
		}
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestParseUniform(t *testing.T) {
	for text, want := range map[string]Uniform{
		"sparsity=0.3,bits=8":               {0.3, 8, 8},
		"sparsity=0":                        {0, 32, 32},
		"bits=4, sparsity=0.5":              {0.5, 4, 4},
		"weight-bits=4,activation-bits=8":   {0, 4, 8},
		"bits=8,weight-bits=2,sparsity=.25": {0.25, 2, 8},
	} {
		if got, err := ParseUniform(text); err != nil || got != want {
			t.Errorf("%q is %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, says := range map[string]string{
		"":                   "give sparsity",
		"depth=3":            `no "depth"`,
		"sparsity":           "from 0 to below 1",
		"sparsity=1":         "from 0 to below 1",
		"sparsity=NaN":       "from 0 to below 1",
		"bits=9":             "1 to 8",
		"bits=0":             "1 to 8",
		"bits=x":             "1 to 8",
		"weight-bits=4":      "give both",
		"activation-bits=32": "",
	} {
		if _, err := ParseUniform(text); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want something about %q", text, err, says)
		}
	}
}
