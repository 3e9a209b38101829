package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors are the packages from the ground up: each may import those of floors below its own and no others.
var floors = [][]string{
	{"store", "agents", "hw/graph", "hw/kernel", "engine/wholefile", "engine/npy", "ui/plain"},
	{"hw/runtime", "hw/graph/reference"},
	{"hw"},
	{"engine/onnx", "engine/dataset", "engine/dataset/download", "engine/compress/structure", "engine/compress/refit"},
	{"engine/compress", "engine/compress/testnet"},
	{"engine/train", "engine/planner"},
	{"engine/demo", "engine/records"},
	{"engine/workload", "engine/steering"},
	{"engine/oneshot", "engine/demo/train"},
	{"engine"},
	{"engine/remote"},
	{"ui/shell", "ui/picture"},
	{"ui", "ui/report"},
	{"ui/headless"},
	{"ui/cli"},
	{"."},
}

// alone are packages that import nothing of ours, and whole wings that never import another.
var (
	alone   = []string{"store", "agents"}
	without = map[string][]string{
		"hw":             {"engine", "ui", "agents", "store"},
		"engine":         {"ui"},
		"engine/planner": {"store", "hw/runtime", "hw/kernel", "engine/onnx", "engine/dataset", "engine/workload"},
	}
)

// TestImportsPointDown holds every import of the tree against the floors.
func TestImportsPointDown(t *testing.T) {
	floor := map[string]int{}
	for i, packages := range floors {
		for _, p := range packages {
			floor[p] = i
		}
	}
	seen := map[string]bool{}
	for p, imports := range ownImports(t) {
		seen[p] = true
		at, known := floor[p]
		if !known {
			t.Errorf("package %s is on no floor: add it where it belongs", p)
			continue
		}
		for _, imported := range imports {
			if below, known := floor[imported]; known && below >= at {
				t.Errorf("%s imports %s, which is not below it", p, imported)
			}
			if slices.Contains(alone, p) {
				t.Errorf("%s imports %s, but is to know nothing of ours", p, imported)
			}
			for wing, banned := range without {
				if within(p, wing) && slices.ContainsFunc(banned, func(b string) bool { return within(imported, b) }) {
					t.Errorf("%s imports %s, which nothing of %s may", p, imported, wing)
				}
			}
		}
	}
	for p := range floor {
		if !seen[p] {
			t.Errorf("the floors list %s, which is not there", p)
		}
	}
}

// within tells whether a package is a folder or below it.
func within(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }

// ownImports are, for every package, those of this module that it imports, tests left out.
func ownImports(t *testing.T) map[string][]string {
	t.Helper()
	imports := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || path == filepath.Join("hw", "kernel", "gen")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		p := filepath.ToSlash(filepath.Dir(path))
		imports[p] = append(imports[p], nil...)
		for _, i := range file.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if own, ok := strings.CutPrefix(name, "galen/"); ok && !slices.Contains(imports[p], own) {
				imports[p] = append(imports[p], own)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}
