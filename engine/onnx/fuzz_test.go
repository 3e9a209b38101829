package onnx

import "testing"

// FuzzDecode feeds damaged models to the importer: it must refuse or import them, and what it
// imports must be valid and survive an export.
func FuzzDecode(f *testing.F) {
	for _, g := range append(exampleGraphs(f), breadthGraph(f, 0), breadthGraph(f, 8)) {
		data, err := Encode(g)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, m := range exampleModels() {
		f.Add(m.model.append(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := Decode(data)
		if err != nil {
			return
		}
		if err := g.Validate(); err != nil {
			t.Fatalf("imported an invalid graph: %v", err)
		}
		encoded, err := Encode(g)
		if err != nil {
			t.Fatalf("cannot export what was imported: %v", err)
		}
		if _, err := Decode(encoded); err != nil {
			t.Fatalf("cannot import what was exported: %v", err)
		}
	})
}
