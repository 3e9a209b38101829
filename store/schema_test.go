package store

import (
	"os"
	"path/filepath"
	"testing"
)

// oldStore is a copy of a store that a galen of schema 1 left before runs had a progress,
// episodes a timing and journal entries a step: an interrupted run of 4 of 8 episodes.
func oldStore(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("testdata/schema-1.db")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "galen.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOldStoreOpens(t *testing.T) {
	db, err := Open(oldStore(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	runs, err := db.Runs()
	if err != nil || len(runs) != 1 || runs[0].Name != "old" || runs[0].State != "paused" || runs[0].Episodes != 4 || runs[0].Best == nil {
		t.Fatalf("runs %+v, %v", runs, err)
	}
	episodes, err := db.Episodes(runs[0].ID)
	if err != nil || len(episodes) != 4 {
		t.Fatalf("%d episodes, %v", len(episodes), err)
	}
	for i, e := range episodes {
		if e.Number != i+1 || len(e.Layers) != 4 || e.LatencyRatio <= 0 || e.Timing != nil || e.Confirmed != nil {
			t.Errorf("episode %d is %+v", i+1, e)
		}
	}
	journal, err := db.Journal(runs[0].ID)
	if err != nil || len(journal) != 2 || journal[0].Command != "pause" || journal[1].Who != "ada" {
		t.Errorf("journal %+v, %v", journal, err)
	}
}
