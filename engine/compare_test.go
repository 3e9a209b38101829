package engine

import (
	"context"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"galen/engine/records"
	"galen/engine/workload"
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

func TestSequencesAreCompared(t *testing.T) {
	load := smallWorkload(t)
	settings := testSettings("joint", 19)
	settings.Target, settings.Beta = 0.36, -2
	c := Comparison{Settings: settings, Agents: []string{"prune>quantize", "quantize>prune"}, Seeds: 1}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	w, err := Open(filepath.Join(t.TempDir(), "galen.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	budgets := map[string]int{}
	compared, err := w.compare(context.Background(), c, load, func(run string, episodes, budget int) {
		budgets[run] = budget
		if episodes > budget {
			t.Errorf("run %s has %d of %d episodes", run, episodes, budget)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(budgets) != 4 {
		t.Errorf("the runs are %v, want 4", budgets)
	}
	for _, sequence := range compared.Agents {
		result := sequence.Runs[0]
		second, err := w.View(result.Run)
		if err != nil {
			t.Fatal(err)
		}
		first, err := w.View(second.Settings.Base.Run)
		if err != nil {
			t.Fatal(err)
		}
		if got := first.Settings.Agent + ">" + second.Settings.Agent; got != sequence.Agent {
			t.Errorf("%s was %s", sequence.Agent, got)
		}
		if first.Settings.Target != 0.6 || len(first.Episodes) != 9 || second.Settings.Target != 0.36 || len(second.Episodes) != 10 || len(result.Rewards) != 19 {
			t.Errorf("%s: %d episodes for %v, then %d for %v; %d rewards", sequence.Agent, len(first.Episodes), first.Settings.Target,
				len(second.Episodes), second.Settings.Target, len(result.Rewards))
		}
		if second.Settings.Base.Episode != first.Best.Number || !reflect.DeepEqual(second.Settings.Base.Policy, records.PolicyOf(first.Best)) {
			t.Errorf("%s starts from %s, the first found episode %d", sequence.Agent, second.Settings.Base, first.Best.Number)
		}
		// The first one's episodes count by the last one's target.
		e := first.Episodes[0]
		if want := e.Accuracy - 2*math.Abs(e.LatencyRatio/0.36-1); math.Abs(result.Rewards[0]-want) > 1e-12 {
			t.Errorf("%s: the first reward is %v, want %v", sequence.Agent, result.Rewards[0], want)
		}
	}
	c.Settings.Episodes = 1
	if c.Check() == nil {
		t.Error("two agents share one episode")
	}
}

// TestComparedRunsAreOpenedWithTheirImages splits the data of every run as the comparison did.
func TestComparedRunsAreOpenedWithTheirImages(t *testing.T) {
	w, err := Open(filepath.Join(t.TempDir(), "galen.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := Comparison{Settings: testSettings("joint", 1), Agents: []string{"uniform"}, Seeds: 2}
	want, err := workload.Load(c.Settings.workload())
	if err != nil {
		t.Fatal(err)
	}
	compared, err := w.compare(context.Background(), c, want, func(string, int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range compared.Agents[0].Runs {
		run, err := w.Find(result.Run)
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := reload(run)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Calibration.Pixels, want.Calibration.Pixels) {
			t.Errorf("the run with seed %d is opened with other calibration images", result.Seed)
		}
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
		compared, err := w.compare(context.Background(), c, load, func(string, int, int) {})
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
	_, err := pieces.compare(ctx, c, load, func(_ string, episodes, _ int) {
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
