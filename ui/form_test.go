package ui

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen/engine"
)

// openForm shows the form of a new run beside a model and a data folder that exist.
func openForm(t *testing.T) *stage {
	t.Helper()
	folder := t.TempDir()
	t.Chdir(folder)
	if err := os.WriteFile(filepath.Join(folder, "network.onnx"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "images"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.send(runsMsg{})
	s.press("n")
	s.sees("new run", "no model")
	return s
}

// TestTheChosenAgentIsSeen goes through more agents than fit in a line.
func TestTheChosenAgentIsSeen(t *testing.T) {
	s := openForm(t)
	s.press("tab", "tab", "tab")
	for _, agent := range append(slices.Clone(engine.Agents[1:]), engine.Agents[0]) {
		s.press("right")
		s.sees("[" + agent + "]")
	}
}

func TestNewRun(t *testing.T) {
	s := openForm(t)
	s.press("n", "tab") // completes the name
	s.sees("network.onnx", "no data")
	s.press("tab")
	s.press("i", "m", "tab", "tab")
	s.sees("images/", "$ galen search --model network.onnx --data images/")
	s.press("backspace", "backspace", "backspace", "9")
	s.sees("target 9")
	s.press("backspace", "0", ".", "3", "tab", "right")
	s.sees("--agent prune", "--target 0.3")
	s.press("enter")
	s.sees("net classifies 91.8 % of 1000 validation images right", "Cortex-A72", "20 layers, of which 19 can lose channels", "fc   the classifier keeps its classes", "enter start")
	s.press("up", "backspace", "4")
	s.misses("validation images right")
	s.press("enter", "enter")
	want := []string{"check network.onnx", "check network.onnx", "start demo=false"}
	if !slices.Equal(s.bench.asked, want) {
		t.Errorf("asked for %q, want %q", s.bench.asked, want)
	}
}

func TestFormChoosesRepairAndPreset(t *testing.T) {
	s := openForm(t)
	s.press("n", "tab", "tab", "i", "tab")
	s.misses("--repair", "--preset")
	for range 9 {
		s.press("down")
	}
	s.press("right", "right")
	s.sees("[independent]", "--repair independent")
	s.press("down", "right")
	s.sees("[paper]", "--preset paper")
	s.press("right", "up", "left", "left")
	s.sees("[galen]", "[automatic]")
	s.misses("--preset")
	f := s.model.top().(*form)
	if f.settings.Preset != "" || f.settings.Repair != "automatic" || f.problem != nil {
		t.Errorf("preset %q, repair %q, %v", f.settings.Preset, f.settings.Repair, f.problem)
	}
}

func TestFormRefusesWhatCannotWork(t *testing.T) {
	s := openForm(t)
	s.press("enter")
	s.sees("! no model")
	s.press(append(typed("nowhere.onnx"), "tab", "i", "tab", "enter")...)
	s.sees("there is no nowhere.onnx")
	if len(s.bench.asked) != 0 {
		t.Errorf("asked for %q", s.bench.asked)
	}
	s = openForm(t)
	s.bench.refusal = errors.New("the model tells 10 classes apart, the data has 100")
	s.press("n", "tab", "tab", "i", "tab", "enter")
	s.sees("10 classes apart")
	s.press("esc")
	s.sees("galen   runs")
}

func TestTheCommandOfTheFormIsCopied(t *testing.T) {
	s := openForm(t)
	var copied string
	s.model.copy = func(text string) { copied = text }
	s.press("n", "tab", "tab", "i", "tab", "ctrl+y")
	if !strings.HasPrefix(copied, "galen search --model network.onnx --data images/") {
		t.Errorf("copied %q", copied)
	}
	s.sees("copied the command")
}

func TestRunsAreForkedRenamedAndDeleted(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.send(runsMsg{runs: sampleRuns()})
	s.press("down", "F")
	s.sees("fork as board-night-from-310_")
	s.press("esc", "F", "ctrl+w", "enter") // neither makes one
	s.press("F", "ctrl+u", "f", "9", "enter")
	s.sees("made fork")
	s.press("N", "backspace", "backspace", "s", "enter")
	s.press("X")
	s.sees("Delete this run?")
	s.press("n", "X", "y")
	id := sampleRuns()[1].ID
	want := []string{"fork " + id + " at 0 as \"f9\"", "rename " + id + " to board-nigs", "delete " + id}
	if !slices.Equal(s.bench.asked, want) {
		t.Errorf("asked for %q, want %q", s.bench.asked, want)
	}
}

func TestARefusedForkIsShown(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns(), refusal: errors.New("no space left")})
	s.send(runsMsg{runs: sampleRuns()})
	s.press("F", "enter")
	s.sees("! no space left")
}
