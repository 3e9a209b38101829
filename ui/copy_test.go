package ui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandsAreCopied(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want string
	}{
		{[]string{"[", "y"}, "galen export demo --episode 135 --onnx demo-135.onnx --policy demo-135.json --db '/tmp/my runs.db'"},
		{[]string{"e", "y"}, "galen export demo --episode 136 --onnx demo-136.onnx --policy demo-136.json --db '/tmp/my runs.db'"},
		{[]string{"J", "down", "down", "down", "y"}, "galen steer demo 'pin layer1.0.conv1 sparsity=0.5 weights=4 activations=8' --db '/tmp/my runs.db'"},
		{[]string{"esc", "y"}, "galen demo --target 0.2 --reward r6 --beta -5 --episodes 410 --round-to 8 --db '/tmp/my runs.db'"},
	} {
		s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
		s.model.session.database = "/tmp/my runs.db"
		var copied string
		s.model.copy = func(text string) { copied = text }
		s.openLive(sampleSteered())
		s.press(c.keys...)
		if copied != c.want {
			t.Errorf("%v copied\n%q, want\n%q", c.keys, copied, c.want)
		}
		s.sees("copied the command")
	}
}

func TestTheScreenIsSavedAsText(t *testing.T) {
	t.Chdir(t.TempDir())
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	want := s.text() + "\n"
	s.press("ctrl+s")
	s.sees("saved as ")
	s.press("x", "ctrl+s") // with a box in front
	for path, text := range map[string]string{"galen-20260314-140210.txt": want, "galen-20260314-140210-2.txt": "Stop demo?"} {
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(got), text) {
			t.Errorf("%s holds\n%s", path, got)
		}
	}
	gone := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(gone)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	s.press("n", "ctrl+s")
	s.sees("save the screen")
}
