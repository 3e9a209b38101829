package ui

import (
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"testing"

	"github.com/muesli/termenv"

	"galen/engine"
	"galen/ui/picture"
)

// demoSnapshot is a search of the demo as it stood in a real run, after 159 episodes.
func demoSnapshot(t *testing.T) *engine.Snapshot {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "demo.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := new(engine.Snapshot)
	if err := json.NewDecoder(z).Decode(s); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Episodes {
		if e.Number == s.Best.Number {
			s.Best = e
		}
	}
	return s
}

// TestPicture draws the dashboard of the README; -update writes it anew.
func TestPicture(t *testing.T) {
	const width, height = 120, 36
	s := newStage(t, &fakeWorkbench{}, testLook(termenv.ANSI256, true, false), width, height)
	snap := demoSnapshot(t)
	for i := range snap.Journal {
		snap.Journal[i].Who = "you"
	}
	s.openLive(snap)
	s.press("b", "down")
	got := picture.Still(s.model.View(), width, height)
	path := filepath.Join("..", "docs", "dashboard.svg")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with go test ./ui -run TestPicture -update", err)
	}
	if got != string(want) {
		t.Error("docs/dashboard.svg is not what the dashboard looks like; write it anew with go test ./ui -run TestPicture -update")
	}
	if len(got) > 100<<10 {
		t.Errorf("the picture takes %d bytes", len(got))
	}
	var any struct{}
	if err := xml.Unmarshal([]byte(got), &any); err != nil {
		t.Error(err)
	}
}
