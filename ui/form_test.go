package ui

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
	"galen/engine/planner"
	"galen/store"
)

// openForm shows the form of a new run beside a model and a data folder that exist.
func openForm(t *testing.T) *stage {
	t.Helper()
	makeFiles(t)
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.send(runsMsg{})
	s.press("n")
	s.sees("new run", "no model: name an ONNX file\n")
	return s
}

// makeFiles makes a new folder with a model and data the current one.
func makeFiles(t testing.TB) {
	t.Helper()
	folder := t.TempDir()
	t.Chdir(folder)
	if err := os.WriteFile(filepath.Join(folder, "network.onnx"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "images"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// fillForm opens the form and enters model and data.
func fillForm(t testing.TB, s *stage) {
	t.Helper()
	makeFiles(t)
	s.press("n", "n", "tab", "tab", "i", "tab")
}

// TestTheChosenAgentIsSeen goes through more agents than fit in a line.
func TestTheChosenAgentIsSeen(t *testing.T) {
	s := openForm(t)
	s.press("tab", "tab", "tab")
	for _, agent := range append(slices.Clone(planner.Agents[1:]), planner.Agents[0]) {
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

func TestLinksToFoldersAreCompletedAsFolders(t *testing.T) {
	s := openForm(t)
	if err := os.Symlink("images", "linked"); err != nil {
		t.Fatal(err)
	}
	s.press("tab")
	for typed, want := range map[string]string{"l": "linked/_", "i": "images/_", "n": "network.onnx_"} {
		s.press("ctrl+u", typed, "tab")
		s.sees(want)
	}
}

func TestFormChoosesRepairAndPreset(t *testing.T) {
	s := openForm(t)
	s.press("n", "tab", "tab", "i", "tab")
	s.misses("--repair", "--preset")
	for range 10 {
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

// withPrunedRuns lists runs of the model beside the form, of which one can be started from and one
// has the same name of another model.
func withPrunedRuns(t testing.TB, s *stage) {
	t.Helper()
	content, err := os.ReadFile("network.onnx")
	if err != nil {
		t.Fatal(err)
	}
	s.bench.views = map[string]*engine.Snapshot{}
	for n, name := range []string{"pruned", "pruned-more", "elsewhere"} {
		id, snap := fmt.Sprintf("p%d", n+1), sampleSnapshot(20, 30)
		snap.Run.ID, snap.Run.Name = id, name
		snap.Run.Model = store.Source{Name: "network", SHA256: fmt.Sprintf("%x", sha256.Sum256(content))}
		if name == "elsewhere" {
			snap.Run.Model = store.Source{Name: "network", SHA256: strings.Repeat("0", 64)}
		}
		s.bench.views[id] = snap
		s.bench.runs = append(s.bench.runs, snap.Run)
	}
	s.send(runsMsg{runs: s.bench.runs})
}

func TestFormStartsFromAnotherRun(t *testing.T) {
	s := openForm(t)
	withPrunedRuns(t, s)
	s.press("n", "tab", "tab", "i", "tab", "tab", "tab", "tab")
	f := s.model.top().(*form)
	best := s.bench.views["p1"].Best.Number
	s.sees("from       _   one of pruned, pruned-more, elsewhere")
	s.misses("--from", "board-night") // of another model
	s.press("p", "tab")
	s.sees("from       pruned_", "the joint agent decides about channels and bits of every layer")
	s.press("up", "right", "right", "right") // quantize
	s.sees("[quantize]", fmt.Sprintf("--agent quantize --from pruned:%d", best))
	if f.settings.Base == nil || len(f.settings.Base.Policy) != 20 {
		t.Errorf("the base is %v", f.settings.Base)
	}
	s.press("down")
	s.press(typed(":12")...)
	s.sees("--from pruned:12")
	s.press("0")
	s.sees("from: run pruned has no episode 120; it has 30 so far")
	s.press("ctrl+w")
	s.press(typed("prunes")...)
	s.sees("from: there is no run prunes")
	s.press("enter")
	s.sees("! from: there is no run prunes")
	s.press("ctrl+u")
	s.press(typed("elsewhere")...)
	s.sees("from: run elsewhere searched another model")
	s.press("ctrl+u")
	s.misses("--from", "from:")
	if f.problem != nil || f.settings.Base != nil {
		t.Errorf("an empty entry leaves %v, %v", f.problem, f.settings.Base)
	}
	if err := os.WriteFile("network.onnx", []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.press(typed("pruned:13")...)
	s.sees("from: run pruned searched another model")
}

// TestWhatIsFoundLateCountsOnlyIfItIsStillWanted lets the answer to an earlier question arrive
// after the one to a later question was asked for.
func TestWhatIsFoundLateCountsOnlyIfItIsStillWanted(t *testing.T) {
	s := openForm(t)
	withPrunedRuns(t, s)
	s.press("n", "tab", "tab", "i", "tab", "tab", "tab", "right", "tab")
	f := s.model.top().(*form)
	var lookups []tea.Cmd
	for _, k := range typed("pruned:12") {
		_, command := s.model.Update(keyPress(k))
		lookups = append(lookups, command)
	}
	s.sees("looking it up")
	for _, n := range []int{5, 8, 7, 6} { // pruned, pruned:12, pruned:1, pruned:
		s.run(lookups[n])
	}
	s.sees("--from pruned:12")
	if f.problem != nil {
		t.Error(f.problem)
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
	s.model.session.database = "my runs.db"
	s.press("n", "tab", "tab", "i", "tab", "ctrl+y")
	if !strings.HasPrefix(copied, "galen search --model network.onnx --data images/") || !strings.HasSuffix(copied, " --db 'my runs.db'") {
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

func TestARunIsForkedAtAnEpisode(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 136))
	s.press("e", "down", "F")
	s.sees("fork at episode 135 as demo-from-135_")
	s.press("enter")
	s.sees("made fork")
	if want := []string{`fork r1 at 135 as "demo-from-135"`}; !slices.Equal(s.bench.asked, want) {
		t.Errorf("asked for %q, want %q", s.bench.asked, want)
	}
}

func TestARefusedForkIsShown(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns(), refusal: errors.New("no space left")})
	s.send(runsMsg{runs: sampleRuns()})
	s.press("F", "enter")
	s.sees("! no space left")
}
