package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCommitted checks that the assembly in the repository is what the generator writes.
func TestCommitted(t *testing.T) {
	f, g := generate(), gradients()
	for name, want := range map[string][]byte{
		"kernels_arm64.s": f.assembly(), "kernels_arm64.go": f.declarations(),
		"gradients_arm64.s": g.assembly(), "gradients_arm64.go": g.declarations(),
	} {
		committed, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(committed, want) {
			t.Errorf("%s is not what the generator writes: run go generate ./hw/kernel", name)
		}
	}
}

// TestRequirements checks that only the tiles meant for them use dot products, which the first
// 64-bit ARM processors lack.
func TestRequirements(t *testing.T) {
	name := regexp.MustCompile(`^TEXT ·(\w+)\(`)
	kernel, users := "", map[string]bool{}
	for line := range strings.Lines(string(generate().assembly())) {
		if m := name.FindStringSubmatch(line); m != nil {
			kernel = m[1]
		}
		if strings.Contains(line, "SDOT") || strings.Contains(line, "UDOT") {
			users[kernel] = true
		}
	}
	if len(users) != 6+4 {
		t.Errorf("%d kernels use dot products, want tiles of 6 heights for bytes and 4 for bits", len(users))
	}
	for user := range users {
		if !strings.HasPrefix(user, "dotTile") && !strings.HasPrefix(user, "bitTileNEONDot") {
			t.Errorf("%s uses dot products", user)
		}
	}
}
