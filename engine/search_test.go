package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"galen/engine/planner"
	"galen/engine/steering"
	"galen/engine/workload"
	"galen/hw/graph"
	"galen/store"
)

// smallWorkload is a random residual network of three convolutions and a classifier,
// with random images: enough for every part of a search to have something to do.
func smallWorkload(t *testing.T) *workload.Workload {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	numbers := func(n int, scale float64) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(scale * rng.NormFloat64())
		}
		return x
	}
	conv := func(in, out int) *graph.Conv {
		return &graph.Conv{
			Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 1,
			Weight: graph.Weight{Shape: []int{out, in, 3, 3}, Float: numbers(out*in*9, 0.2)}, Bias: numbers(out, 0.1),
		}
	}
	g := graph.NewGraph("small", "input", graph.Shape{3, 8, 8})
	add := func(name string, op graph.Op, inputs ...graph.ValueID) graph.ValueID {
		id, err := g.Append(name, op, name+".out", inputs...)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	stem := add("stem.relu", graph.Relu{}, add("stem", conv(3, 16), g.Input))
	inner := add("block.relu", graph.Relu{}, add("block.conv1", conv(16, 16), stem))
	sum := add("block.add", graph.Add{}, add("block.conv2", conv(16, 16), inner), stem)
	pooled := add("pool", graph.GlobalAveragePool{}, add("out.relu", graph.Relu{}, sum))
	add("fc", &graph.Gemm{Weight: graph.Weight{Shape: []int{4, 16}, Float: numbers(64, 0.3)}}, add("flatten", graph.Flatten{}, pooled))

	pictures := func(n int) workload.Images {
		m := workload.Images{Pixels: numbers(n*3*64, 1), Labels: make([]int, n)}
		for i := range m.Labels {
			m.Labels[i] = rng.IntN(4)
		}
		return m
	}
	return &workload.Workload{
		Graph: g, Model: store.Source{Name: "small"}, Data: store.Source{Name: "noise"},
		Validation: pictures(40), Reserve: pictures(60), Calibration: pictures(16), Sensitivity: pictures(8),
	}
}

func testSettings(agent string, episodes int) Settings {
	s := DefaultSettings()
	s.Demo, s.Agent, s.Device, s.Target, s.Episodes = true, agent, "roofline:", 0.4, episodes
	return s
}

// createRun stores a run with the settings in a new database.
func createRun(t *testing.T, s Settings) (*store.DB, string) {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "galen.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	settings, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	run, err := db.CreateRun(store.Run{Name: "test", Settings: settings, Budget: s.Episodes})
	if err != nil {
		t.Fatal(err)
	}
	return db, run.ID
}

// openSearch reads a stored run for working on it.
func openSearch(t *testing.T, db *store.DB, id string, w *workload.Workload) *Search {
	t.Helper()
	run, err := db.Run(id)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSearch(db, run, w, newMailbox(), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.round = round
	return s
}

// round is how many episodes a base of an iterative agent serves; 0: as usual.
var round int

// shortRounds lets several rounds fit into a few episodes.
func shortRounds(t *testing.T) {
	round = 4
	t.Cleanup(func() { round = 0 })
}

// search works on the stored run until ctx ends or it is through.
func search(t *testing.T, ctx context.Context, db *store.DB, id string, w *workload.Workload) *Search {
	t.Helper()
	search := openSearch(t, db, id, w)
	search.work(ctx)
	if search.state == Failed {
		t.Fatal(search.problem)
	}
	return search
}

// deterministic is what of a run's result follows from its seed.
func deterministic(t *testing.T, db *store.DB, id string) (episodes []store.Episode, checkpoint []byte) {
	t.Helper()
	stored, err := db.Episodes(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range stored {
		e.Seconds, e.Timing, e.Finished = 0, nil, time.Time{}
		episodes = append(episodes, *e)
	}
	if checkpoint, err = db.Checkpoint(id); err != nil {
		t.Fatal(err)
	}
	return episodes, checkpoint
}

func TestInterruptedSearchEqualsUninterrupted(t *testing.T) {
	for _, agent := range planner.Agents {
		t.Run(agent, func(t *testing.T) {
			settings := testSettings(agent, 14) // beyond the warm-up of 10
			if settings.Iterative() {
				shortRounds(t)
			}
			load := smallWorkload(t)
			whole, wholeID := createRun(t, settings)
			search(t, context.Background(), whole, wholeID, load)

			pieces, piecesID := createRun(t, settings)
			rng := rand.New(rand.NewPCG(7, 8))
			interruptions := 0
			for {
				ctx, cancel := context.WithCancel(context.Background())
				timer := time.AfterFunc(time.Duration(rng.IntN(120))*time.Millisecond, cancel)
				s := search(t, ctx, pieces, piecesID, load)
				timer.Stop()
				cancel()
				if s.state == Finished {
					break
				}
				if interruptions++; interruptions == 12 {
					search(t, context.Background(), pieces, piecesID, load)
					break
				}
			}
			wantEpisodes, wantAgent := deterministic(t, whole, wholeID)
			gotEpisodes, gotAgent := deterministic(t, pieces, piecesID)
			if len(wantEpisodes) != settings.Episodes || !reflect.DeepEqual(wantEpisodes, gotEpisodes) {
				t.Errorf("episodes differ after %d interruptions", interruptions)
			}
			if !bytes.Equal(wantAgent, gotAgent) {
				t.Errorf("the agent's state differs after %d interruptions", interruptions)
			}
			t.Logf("%d interruptions", interruptions)
		})
	}
}

func TestCommands(t *testing.T) {
	settings := testSettings("joint", 1000)
	db, id := createRun(t, settings)
	s := openSearch(t, db, id, smallWorkload(t))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	go s.work(context.Background())
	await := func(what string, ok func(*Snapshot) bool) *Snapshot {
		t.Helper()
		var version uint64
		for {
			snapshot, err := s.box.wait(ctx, version)
			if err != nil {
				t.Fatalf("waiting for %s: %v", what, err)
			}
			if version = snapshot.Version; ok(snapshot) {
				return snapshot
			}
		}
	}
	give := func(kind steering.Kind) {
		t.Helper()
		if err := s.send(ctx, steering.Command{Kind: kind, Who: "test"}); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
	}
	await("two episodes", func(x *Snapshot) bool { return len(x.Episodes) >= 2 })
	give(steering.Pause)
	paused := await("a pause", func(x *Snapshot) bool { return x.State == Paused })
	if err := s.send(ctx, steering.Command{Kind: steering.Pause}); err == nil {
		t.Error("pausing a paused search is acknowledged")
	}
	give(steering.Step)
	stepped := await("the step's end", func(x *Snapshot) bool { return x.State == Paused && len(x.Episodes) > len(paused.Episodes) })
	if n := len(stepped.Episodes) - len(paused.Episodes); n != 1 {
		t.Errorf("a step took %d episodes", n)
	}
	give(steering.Resume)
	await("going on", func(x *Snapshot) bool { return len(x.Episodes) > len(stepped.Episodes)+1 })
	give(steering.Stop)
	stopped := await("the end", func(x *Snapshot) bool { return !x.State.Live() })
	if stopped.State != Stopped {
		t.Errorf("a stopped search is %s", stopped.State)
	}
	if err := s.send(ctx, steering.Command{Kind: steering.Pause}); err == nil {
		t.Error("an ended search acknowledges a command")
	}
	var commands []string
	for _, e := range stopped.Journal {
		commands = append(commands, e.Command)
	}
	if want := []string{"pause", "step", "resume", "stop"}; !reflect.DeepEqual(commands, want) {
		t.Errorf("the journal holds %v, want %v", commands, want)
	}
}

// TestAFailedRunSaysWhyUntilItGoesOn fails for want of a device and then has one.
func TestAFailedRunSaysWhyUntilItGoesOn(t *testing.T) {
	settings := testSettings("uniform", 1)
	settings.Device = "ort:/nowhere/libonnxruntime.so"
	db, id := createRun(t, settings)
	s := openSearch(t, db, id, smallWorkload(t))
	s.work(context.Background())
	w := &Workbench{db: db, box: newMailbox()}
	viewed, err := w.View(id)
	if err != nil {
		t.Fatal(err)
	}
	if viewed.State != Failed || viewed.Problem == "" || viewed.Problem != s.problem {
		t.Errorf("the run is %s because of %q, want %q", viewed.State, viewed.Problem, s.problem)
	}
	fork, err := w.Fork(id, 0, "")
	if err != nil || fork.Problem != "" {
		t.Errorf("its fork has the problem %q, %v", fork.Problem, err)
	}
	run := *viewed.Run
	settings.Device = "roofline:"
	if run.Settings, err = json.Marshal(settings); err != nil {
		t.Fatal(err)
	}
	if err := db.UpdateRun(&run); err != nil {
		t.Fatal(err)
	}
	search(t, context.Background(), db, id, smallWorkload(t))
	if viewed, err = w.View(id); err != nil || viewed.State != Finished || viewed.Problem != "" {
		t.Errorf("the run that went on is %s because of %q, %v", viewed.State, viewed.Problem, err)
	}
}

func TestBestOf(t *testing.T) {
	episode := func(n int, accuracy, ratio float64) *store.Episode {
		return &store.Episode{Number: n, Accuracy: accuracy, LatencyRatio: ratio}
	}
	for _, c := range []struct {
		name     string
		episodes []*store.Episode
		want     int
	}{
		{"the most accurate that meets the target", []*store.Episode{episode(1, 0.9, 0.5), episode(2, 0.7, 0.29), episode(3, 0.8, 0.302)}, 3},
		{"the fastest if none does", []*store.Episode{episode(1, 0.9, 0.5), episode(2, 0.5, 0.4), episode(3, 0.8, 0.45)}, 2},
		{"the faster of equals", []*store.Episode{episode(1, 0.8, 0.2), episode(2, 0.8, 0.1)}, 2},
	} {
		if got := bestOf(c.episodes, 0.3); got.Number != c.want {
			t.Errorf("%s: episode %d, want %d", c.name, got.Number, c.want)
		}
	}
	if bestOf(nil, 0.3) != nil {
		t.Error("no episodes have a best one")
	}
}

func ExampleSettings_Check() {
	s := DemoSettings()
	s.Agent = "genius"
	fmt.Println(s.Check())
	// Output: agent "genius" is unknown; choose one of joint, prune, prune-iterative, quantize, quantize-iterative, quantize-3, uniform, random, evolution, dynamic
}

func TestPaperPresetStartsFromRandomActions(t *testing.T) {
	settings := testSettings("joint", 2)
	settings.Preset = planner.Paper
	db, id := createRun(t, settings)
	s := search(t, context.Background(), db, id, smallWorkload(t))
	if len(s.progress.Start.Trials) > 0 {
		t.Error("the paper's agent starts on the line")
	}
	settings.Agent = "evolution"
	if settings.Check() == nil {
		t.Error("evolution is given the hyperparameters of an agent that learns")
	}
}

// What a search finds does not depend on the layers other runs have left.
func TestSearchesShareLayersAndNothingElse(t *testing.T) {
	for repair, least := range map[string]int{"independent": 2, "sequential": 1} { // the curves are kept for all
		settings, load := testSettings("joint", 3), smallWorkload(t)
		settings.Repair = repair
		solved := filepath.Join(t.TempDir(), "layers")
		finish := func() (*store.DB, string) {
			db, id := createRun(t, settings)
			s := openSearch(t, db, id, load)
			s.solved = solved
			if s.work(context.Background()); s.state != Finished {
				t.Fatalf("the %s search is %s: %s", repair, s.state, s.problem)
			}
			return db, id
		}
		first, firstID := finish()
		files, err := os.ReadDir(solved)
		if err != nil || len(files) < least {
			t.Fatalf("the %s search left %d layers, %v", repair, len(files), err)
		}
		second, secondID := finish()
		want, _ := deterministic(t, first, firstID)
		if got, _ := deterministic(t, second, secondID); !reflect.DeepEqual(got, want) {
			t.Errorf("a %s search that finds its layers solved ends differently", repair)
		}
		again, err := os.ReadDir(solved)
		if err != nil || len(again) != len(files) {
			t.Errorf("the second %s search left %d layers, the first %d", repair, len(again), len(files))
		}
	}
}

func TestRunsRecordTheirNormalization(t *testing.T) {
	w, err := workload.Load(DemoSettings().workload())
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Data.Mean) != 3 || len(w.Data.Std) != 3 || w.Data.Std[0] <= 0 {
		t.Errorf("the demo's data is recorded with mean %v and std %v", w.Data.Mean, w.Data.Std)
	}
}
