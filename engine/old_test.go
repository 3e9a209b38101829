package engine

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"galen/store"
)

// TestOldRunIsViewedAndResumed goes on with a run of schema 1 that an older galen was
// interrupted in; store/schema_test.go tells what that store lacks.
func TestOldRunIsViewedAndResumed(t *testing.T) {
	content, err := os.ReadFile("../store/testdata/schema-1.db")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "galen.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	w := &Workbench{db: db, box: newMailbox()}
	before, err := w.View("old")
	if err != nil {
		t.Fatal(err)
	}
	if before.State != Paused || len(before.Episodes) != 4 || before.Best == nil || before.Settings.Agent != "uniform" || before.Reference == nil {
		t.Fatalf("the run is %s with %d episodes, best %v", before.State, len(before.Episodes), before.Best)
	}
	s := search(t, context.Background(), db, before.Run.ID, smallWorkload(t))
	after, err := w.View("old")
	if err != nil {
		t.Fatal(err)
	}
	if s.state != Finished || len(after.Episodes) != 8 || after.Best.Confirmed == nil {
		t.Errorf("the resumed run is %s with %d episodes, best %+v", s.state, len(after.Episodes), after.Best)
	}
	for i, e := range before.Episodes {
		got := *after.Episodes[i]
		got.Confirmed = nil
		if !reflect.DeepEqual(got, *e) {
			t.Errorf("episode %d changed", e.Number)
		}
	}
}
