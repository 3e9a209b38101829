package store

import (
	"errors"
	"os"
	"testing"
)

func create(t *testing.T, db *DB, name string) *Run {
	t.Helper()
	run, err := db.CreateRun(Run{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestNamesAndIDs(t *testing.T) {
	db := newTestDB(t)
	for _, c := range []struct{ name, wantID, wantName string }{
		{"resnet", "r0001", "resnet"},
		{"resnet", "r0002", "resnet-2"},
		{"resnet", "r0003", "resnet-3"},
		{"", "r0004", "r0004"},
		{"résumé of 5", "r0005", "résumé of 5"},
	} {
		run := create(t, db, c.name)
		if run.ID != c.wantID || run.Name != c.wantName || run.Created.IsZero() {
			t.Errorf("%q became %+v, want %s %q", c.name, run, c.wantID, c.wantName)
		}
		for _, key := range []string{run.ID, run.Name} {
			if found, err := db.Run(key); err != nil || found.ID != run.ID {
				t.Errorf("look %q up: %+v, %v", key, found, err)
			}
		}
	}
	for _, name := range []string{"r0002", "r12345", "  "} {
		if _, err := db.CreateRun(Run{Name: name}); err == nil {
			t.Errorf("a run could be called %q", name)
		}
	}
	if run, err := db.CreateRun(Run{Name: "r18"}); err != nil || db.DeleteRun(run.ID) != nil {
		t.Errorf("no run can be called r18: %v", err) // as a ResNet18 might
	}
	runs, err := db.Runs()
	if err != nil || len(runs) != 5 {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	for i, run := range runs {
		if want := []string{"r0005", "r0004", "r0003", "r0002", "r0001"}[i]; run.ID != want {
			t.Errorf("run %d is %s, want %s", i, run.ID, want)
		}
	}
	if _, err := db.Run("nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown run: %v", err)
	}
}

func TestRename(t *testing.T) {
	db := newTestDB(t)
	a, b := create(t, db, "a"), create(t, db, "b")
	if name, err := db.RenameRun(a.ID, "b"); err != nil || name != "b-2" {
		t.Fatalf("rename to a taken name: %q, %v", name, err)
	}
	if name, err := db.RenameRun(b.ID, "b"); err != nil || name != "b" {
		t.Fatalf("rename to its own name: %q, %v", name, err)
	}
	a.State = "running"
	if err := db.UpdateRun(a); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Run(a.ID); err != nil || got.Name != "b-2" || got.State != "running" {
		t.Errorf("a search in progress undid a rename: %+v, %v", got, err)
	}
	if _, err := db.RenameRun("r0099", "c"); !errors.Is(err, ErrNotFound) {
		t.Errorf("rename of an unknown run: %v", err)
	}
	for _, name := range []string{" ", "-force", "r0007"} {
		if _, err := db.RenameRun(a.ID, name); err == nil {
			t.Errorf("a run can be called %q", name)
		}
	}
}

func TestDeleteFreesSpaceAndKeepsIDs(t *testing.T) {
	db := newTestDB(t)
	create(t, db, "stays")
	var size int64
	for range 10 {
		run := create(t, db, "goes")
		for n := 1; n <= 3; n++ {
			commit(t, db, run, n, testCheckpoint(n, 3<<20))
		}
		if err := db.DeleteRun(run.ID); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(db.Path())
		if err != nil {
			t.Fatal(err)
		}
		size = info.Size()
		if _, err := db.Run(run.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleted run: %v", err)
		}
	}
	if size > 64<<20 {
		t.Errorf("30 deleted checkpoints of 3 MB left a file of %d bytes", size)
	}
	if run := create(t, db, "next"); run.ID != "r0012" {
		t.Errorf("the next run is %s, want r0012", run.ID)
	}
	if runs, err := db.Runs(); err != nil || len(runs) != 2 {
		t.Errorf("%d runs, %v; want 2", len(runs), err)
	}
	if err := db.DeleteRun("r0099"); !errors.Is(err, ErrNotFound) {
		t.Errorf("delete of an unknown run: %v", err)
	}
}

func TestRecordsBeforeTheyAreStored(t *testing.T) {
	db := newTestDB(t)
	run := create(t, db, "new")
	if _, err := db.Reference(run.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("reference: %v", err)
	}
	if _, err := db.Layers(run.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("layers: %v", err)
	}
	if _, err := db.Checkpoint(run.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("checkpoint: %v", err)
	}
	if _, err := db.Episode(run.ID, 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("episode: %v", err)
	}
	if episodes, err := db.Episodes(run.ID); err != nil || len(episodes) != 0 {
		t.Errorf("episodes: %v, %v", episodes, err)
	}
	if journal, err := db.Journal(run.ID); err != nil || len(journal) != 0 {
		t.Errorf("journal: %v, %v", journal, err)
	}
	for name, err := range map[string]error{
		"update":    db.UpdateRun(&Run{ID: "r0099"}),
		"reference": db.SetReference("r0099", &Reference{}),
		"journal":   db.AppendJournal("r0099", JournalEntry{}),
		"episode":   db.CommitEpisode(&Run{ID: "r0099", Episodes: 1}, testEpisode(1, 1), nil),
		"empty ID":  db.UpdateRun(&Run{}),
		"layers":    db.SetLayers("r0099", nil),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s of an unknown run: %v", name, err)
		}
	}
}
