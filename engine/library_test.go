package engine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galen/engine/compress/structure"
	"galen/engine/workload"
	"galen/hw/graph"
	"galen/store"
)

// A run measured on a library that has moved can be looked at, taken away and copied, only not gone on with.
func TestRunWhoseLibraryIsGone(t *testing.T) {
	settings := DemoSettings()
	settings.Device = "ort:/nowhere/libonnxruntime.so"
	load, err := workload.Load(settings.workload())
	if err != nil {
		t.Fatal(err)
	}
	db, id := createRun(t, settings)
	run, err := db.Run(id)
	if err != nil {
		t.Fatal(err)
	}
	e := &store.Episode{Number: 1, Accuracy: 0.5, LatencyRatio: 0.4}
	for _, l := range structure.Uniform(load.Graph, 0, graph.FloatBits) {
		e.Layers = append(e.Layers, store.LayerResult{Name: l.Layer, WeightBits: l.WeightBits, ActivationBits: l.ActivationBits})
	}
	run.State, run.Model, run.Data, run.Episodes = string(Paused), load.Model, load.Data, 1
	if err := db.CommitEpisode(run, e, nil); err != nil {
		t.Fatal(err)
	}
	w := &Workbench{db: db, box: newMailbox()}

	if s, err := w.View(id); err != nil || len(s.Episodes) != 1 {
		t.Errorf("viewing: %v", err)
	}
	file := filepath.Join(t.TempDir(), "net.onnx")
	if _, err := w.Export(context.Background(), id, 1, file, ""); err != nil {
		t.Errorf("exporting: %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	if _, err := w.Fork(id, 0, ""); err != nil {
		t.Errorf("forking: %v", err)
	}
	if err := w.Resume(id); err == nil || !strings.Contains(err.Error(), "there is no ONNX Runtime") {
		t.Errorf("resuming: %v, want that there is no ONNX Runtime", err)
	}
	if w.search != nil {
		t.Error("a search began all the same")
	}
	if _, err := settings.Resolved(); err == nil {
		t.Error("another run may begin on it")
	}
}
