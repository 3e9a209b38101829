package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"galen/engine/onnx"
	"galen/engine/remote"
	"galen/hw/graph"
	"galen/store"
)

// program builds galen for a test to run.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "galen")
	if out, err := exec.Command("go", "build", "-o", path, "galen").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// shortSearch is the command of a search that takes a second, in which all but time follows from
// the seed.
func shortSearch(t *testing.T) []string {
	t.Helper()
	model, data := smallModel(t)
	return []string{
		"search", "--headless", "--model", model, "--data", data,
		"--device", "roofline:", "--target", "0.6", "--episodes", "12", "--name", "victim",
	}
}

// smallModel makes a file of a small random network, and a folder of random images in CIFAR-10's
// layout.
func smallModel(t *testing.T) (path, data string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	g := graph.NewGraph("small", "input", graph.Shape{3, 32, 32})
	last := g.Input
	add := func(name string, op graph.Op) {
		var err error
		if last, err = g.Append(name, op, name+".out", last); err != nil {
			t.Fatal(err)
		}
	}
	weight := func(shape ...int) graph.Weight {
		w := graph.Weight{Shape: shape}
		for range w.Elements() {
			w.Float = append(w.Float, float32(0.3*rng.NormFloat64()))
		}
		return w
	}
	conv := func(in, out, stride int) *graph.Conv {
		return &graph.Conv{
			Kernel: [2]int{3, 3}, Stride: [2]int{stride, stride}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 1,
			Weight: weight(out, in, 3, 3), Bias: make([]float32, out),
		}
	}
	add("conv1", conv(3, 8, 4))
	add("relu1", graph.Relu{})
	add("conv2", conv(8, 8, 2))
	add("relu2", graph.Relu{})
	add("pool", graph.GlobalAveragePool{})
	add("flatten", graph.Flatten{})
	add("fc", &graph.Gemm{Weight: weight(10, 8)})
	model, err := onnx.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	images := make([]byte, 1800*(1+3*32*32))
	for i := range images {
		images[i] = byte(rng.IntN(256))
	}
	for i := 0; i < len(images); i += 1 + 3*32*32 {
		images[i] %= 10
	}
	for name, content := range map[string][]byte{"small.onnx": model, "data_batch_1.bin": images} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "small.onnx"), folder
}

// outcome is what of a finished run follows from its seed.
func outcome(t *testing.T, path string) (run store.Run, episodes []*store.Episode) {
	t.Helper()
	db, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stored, err := db.Run("victim")
	if err != nil {
		t.Fatal(err)
	}
	if episodes, err = db.Episodes(stored.ID); err != nil {
		t.Fatal(err)
	}
	for _, e := range episodes {
		e.Seconds, e.Timing, e.Finished = 0, nil, time.Time{}
	}
	run = *stored
	run.Created, run.Elapsed = time.Time{}, 0
	return run, episodes
}

// TestKilledSearchEndsAsIfItHadNotBeen kills galen again and again as it searches, and resumes
// the run each time.
func TestKilledSearchEndsAsIfItHadNotBeen(t *testing.T) {
	if testing.Short() {
		t.Skip("it searches for several seconds")
	}
	galen, folder, search := program(t), t.TempDir(), shortSearch(t)
	whole := filepath.Join(folder, "whole.db")
	began := time.Now()
	if out, err := exec.Command(galen, slices.Concat(search, []string{"--db", whole})...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(began)
	wantRun, want := outcome(t, whole)

	const kills = 20
	rng := rand.New(rand.NewPCG(1, 2))
	for killed, round := 0, 0; killed < kills; round++ {
		pieces := filepath.Join(folder, fmt.Sprintf("pieces-%d.db", round))
		killed += searchKilled(t, galen, search, pieces, took/2, rng)
		gotRun, got := outcome(t, pieces)
		if len(want) != 12 || !reflect.DeepEqual(got, want) {
			t.Errorf("%d episodes after %d kills differ from the %d of a run that was left alone", len(got), killed, len(want))
		}
		if !reflect.DeepEqual(gotRun, wantRun) {
			t.Errorf("the run's record is %+v after %d kills, %+v without", gotRun, killed, wantRun)
		}
		t.Logf("round %d: %d kills; the uninterrupted search took %v", round, killed, took)
	}
}

// searchKilled searches to the end, killed at up to a dozen random instants no further apart
// than span, and tells how often.
func searchKilled(t *testing.T, galen string, search []string, path string, span time.Duration, rng *rand.Rand) (killed int) {
	t.Helper()
	arguments := slices.Concat(search, []string{"--db", path})
	for {
		command := exec.Command(galen, arguments...)
		var out bytes.Buffer
		command.Stdout, command.Stderr = &out, &out
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- command.Wait() }()
		if killed == 12 {
			span = time.Hour
		}
		var err error
		select {
		case err = <-ended:
		case <-time.After(time.Duration(rng.Int64N(int64(span)))):
			if err := command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			err = <-ended
			killed++
		}
		switch {
		case err == nil, strings.Contains(out.String(), "is finished"): // its last kill came too late
			return killed
		case killed > 0 && strings.Contains(out.String(), "victim is finished"):
			return killed // the last kill came between the end of the search and that of the process
		case command.ProcessState.ExitCode() >= 0:
			t.Fatalf("after %d kills: %v\n%s", killed, err, out.String())
		case begun(t, path):
			arguments = []string{"resume", "victim", "--headless", "--db", path}
		}
	}
}

// begun tells whether the run is in the store yet.
func begun(t *testing.T, path string) bool {
	t.Helper()
	db, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Run("victim")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// TestSecondSearchIsToldWhoHoldsTheStore starts a search where another one is under way.
func TestSecondSearchIsToldWhoHoldsTheStore(t *testing.T) {
	galen, path := program(t), filepath.Join(t.TempDir(), "galen.db")
	first := exec.Command(galen, "demo", "--json", "--device", "roofline:", "--db", path)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = first.Process.Kill()
		_ = first.Wait()
	}()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if c, err := remote.Dial(path); err == nil {
			active := c.Active()
			c.Close()
			if active != "" {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the first search does not begin")
		}
	}
	out, err := exec.Command(galen, "demo", "--headless", "--db", path).CombinedOutput()
	if err == nil {
		t.Fatalf("a second search begins:\n%s", out)
	}
	for _, part := range []string{fmt.Sprintf("process %d", first.Process.Pid), "run demo", "galen steer demo stop", "--db FILE"} {
		if !strings.Contains(string(out), part) {
			t.Errorf("%q is not in %q", part, out)
		}
	}
	var runs []store.Run
	if out, err = exec.Command(galen, "runs", "--json", "--db", path).Output(); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &runs); err != nil || len(runs) != 1 {
		t.Errorf("%d runs in the store, %v", len(runs), err)
	}
}
