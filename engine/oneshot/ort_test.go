package oneshot

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen/engine/demo"
	"galen/engine/onnx"
	"galen/hw"
)

// ortLibrary is the ONNX Runtime that GALEN_ORT names.
func ortLibrary(t *testing.T) string {
	library := os.Getenv("GALEN_ORT")
	if library == "" {
		t.Skip("GALEN_ORT does not name ONNX Runtime's shared library")
	}
	return library
}

func TestORTMeasures(t *testing.T) {
	library := ortLibrary(t)
	g, err := demo.Model()
	if err != nil {
		t.Fatal(err)
	}
	d, err := hw.Open("ort:"+library, g, hw.Options{EncodeONNX: onnx.Encode})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if f := d.Fingerprint(); f.Device != "ort:"+library || !strings.HasPrefix(f.Runtime, "ONNX Runtime 1.") {
		t.Errorf("fingerprint %+v", f)
	}
	same, err := d.Measure(context.Background(), g)
	if err != nil {
		t.Fatal(err)
	}
	// Wide, as tests run beside others.
	if !(math.Abs(same.Ratio-1) < 0.2) || !(same.Candidate.Median > 0) {
		t.Errorf("the reference takes %.3f× its own time: %+v", same.Ratio, same)
	}
	t.Logf("%s: %.3f ms, ratio %.4f ± %.4f from %d samples, %v", d.Fingerprint(), same.Reference.Median, same.Ratio, same.RatioError, len(same.Samples), same.Flags)
	small, err := precise(context.Background(), g, "int8")
	if err != nil {
		t.Fatal(err)
	}
	quick, err := d.Measure(context.Background(), small)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("int8 takes %.3f×", quick.Ratio)
}

func TestORTRefusesOtherFiles(t *testing.T) {
	g, err := demo.Model()
	if err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(text, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"ort:":                    "name ONNX Runtime's shared library",
		"ort:/nowhere/libort.so":  "no such file",
		"ort:" + t.TempDir():      "is a folder",
		"ort:" + text:             "the library cannot be loaded",
		"ort:libgalen-missing.so": "the library cannot be loaded",
	} {
		_, err := hw.Open(name, g, hw.Options{EncodeONNX: onnx.Encode})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, want)
		}
	}
}
