package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// generated are the files that the generator writes, without their endings, and what asks it to.
var generated = map[string][]string{
	"kernels_amd64": nil, "dots_amd64": {"-dots"}, "pixellanes_amd64": {"-pixels"},
	"operators_amd64": {"-operators"}, "gradients_amd64": {"-gradients"},
}

// TestCommitted checks that the assembly in the repository is what the generator writes.
func TestCommitted(t *testing.T) {
	for name, arguments := range generated {
		base := filepath.Join(t.TempDir(), name)
		arguments = append([]string{"run", ".", "-out", base + ".s", "-stubs", base + ".go", "-pkg", "kernel"}, arguments...)
		if output, err := exec.Command("go", arguments...).CombinedOutput(); err != nil {
			t.Fatalf("running the generator: %v\n%s", err, output)
		}
		for _, ending := range []string{".s", ".go"} {
			committed := filepath.Join("..", name+ending)
			if !bytes.Equal(body(t, base+ending), body(t, committed)) {
				t.Errorf("%s is not what the generator writes: run go generate ./hw/kernel", committed)
			}
		}
	}
}

// body is a generated file without its first line, which quotes the command.
func body(t *testing.T, path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(data, []byte("\n"))
	return rest
}

// TestRequirements checks that no kernel uses instructions its ISA does not promise: this
// machine may well have them where another faults.
func TestRequirements(t *testing.T) {
	var assembly []byte
	for name := range generated {
		text, err := os.ReadFile(filepath.Join("..", name+".s"))
		if err != nil {
			t.Fatal(err)
		}
		assembly = append(assembly, text...)
	}
	promised := map[string]string{
		"AVX2":   "AVX AVX2 FMA3",
		"AVX512": "AVX AVX2 FMA3 AVX512F AVX512BW AVX512DQ AVX512VL",
	}
	checked := map[string]string{ // before these are used
		"binaryTileAVX512":  "AVX512VPOPCNTDQ",
		"ternaryTileAVX512": "AVX512VPOPCNTDQ",
		"dotTileAVX512":     "AVX512VNNI",
		"pixelTileAVX512":   "AVX512VNNI",
		"lookupAVX512":      "AVX512VBMI",
	}
	header := regexp.MustCompile(`(?m)^// Requires: (.*)\nTEXT ·([a-zA-Z0-9]+?)(AVX2|AVX512)`)
	kernels := header.FindAllSubmatch(assembly, -1)
	if n := bytes.Count(assembly, []byte("\nTEXT ")); len(kernels) != n {
		t.Fatalf("%d of %d kernels say what they require", len(kernels), n)
	}
	for _, k := range kernels {
		isa := string(k[3])
		allowed := append(strings.Fields(promised[isa]), checked[string(k[2])+isa])
		for _, feature := range strings.Split(string(k[1]), ", ") {
			if !slices.Contains(allowed, feature) {
				t.Errorf("%s%s requires %s", k[2], k[3], feature)
			}
		}
	}
}
