package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestCommitted checks that the assembly in the repository is what the generator writes.
func TestCommitted(t *testing.T) {
	dir := t.TempDir()
	assembly, stubs := filepath.Join(dir, "kernels_amd64.s"), filepath.Join(dir, "kernels_amd64.go")
	command := exec.Command("go", "run", ".", "-out", assembly, "-stubs", stubs, "-pkg", "kernel")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("running the generator: %v\n%s", err, output)
	}
	for _, path := range []string{assembly, stubs} {
		committed := filepath.Join("..", filepath.Base(path))
		if !bytes.Equal(body(t, path), body(t, committed)) {
			t.Errorf("%s is not what the generator writes: run go generate ./hw/kernel", committed)
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
