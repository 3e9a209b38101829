package engine

import (
	"context"
	"math"
	"path/filepath"
	"reflect"
	"testing"

	"galen/store"
)

func TestHypervolume(t *testing.T) {
	episodes := []*store.Episode{
		{Accuracy: 0.5, LatencyRatio: 0.2},
		{Accuracy: 0.9, LatencyRatio: 0.6},
		{Accuracy: 0.4, LatencyRatio: 0.5},  // dominated
		{Accuracy: 0.95, LatencyRatio: 1.2}, // slower than the original
	}
	if got, want := Hypervolume(episodes), 0.5*0.4+0.9*0.4; math.Abs(got-want) > 1e-12 {
		t.Errorf("the volume is %v, want %v", got, want)
	}
	if got := Hypervolume(nil); got != 0 {
		t.Errorf("the volume of nothing is %v", got)
	}
}

// TestCompareGoesOn interrupts a comparison and compares its report with that of one that
// was left alone.
func TestCompareGoesOn(t *testing.T) {
	load := smallWorkload(t)
	c := Comparison{Settings: testSettings("joint", 4), Agents: []string{"random", "uniform"}, Seeds: 1}
	open := func(path string) *Workbench {
		w, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	report := func(w *Workbench) []AgentResults {
		compared, err := w.compare(context.Background(), c, load, func(string, int) {})
		if err != nil {
			t.Fatal(err)
		}
		for _, agent := range compared.Agents {
			for i := range agent.Runs {
				agent.Runs[i].Elapsed = 0
			}
		}
		return compared.Agents
	}
	whole := open(filepath.Join(t.TempDir(), "whole.db"))
	defer whole.Close()
	want := report(whole)

	path := filepath.Join(t.TempDir(), "pieces.db")
	pieces := open(path)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := pieces.compare(ctx, c, load, func(_ string, episodes int) {
		if episodes == 1 {
			cancel()
		}
	})
	if err == nil {
		t.Fatal("an interrupted comparison reports")
	}
	if err := pieces.Close(); err != nil {
		t.Fatal(err)
	}
	pieces = open(path)
	defer pieces.Close()
	if got := report(pieces); !reflect.DeepEqual(got, want) {
		t.Errorf("an interrupted comparison found\n%+v, an uninterrupted one\n%+v", got, want)
	}
	runs, err := pieces.Runs()
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 2 {
		t.Errorf("the comparison made %d runs, want 2", len(runs))
	}
}
