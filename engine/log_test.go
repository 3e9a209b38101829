package engine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheLogKeepsItsLatestLines(t *testing.T) {
	database := filepath.Join(t.TempDir(), "galen.db")
	if lines, err := ReadLog(database); err != nil || lines != nil {
		t.Fatalf("a store without a log has %q, %v", lines, err)
	}
	for range 2 { // it goes on
		log := openLog(database)
		log.note(logError, "demo", "it broke\n%s", "here")
		if err := log.close(); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := ReadLog(database)
	if err != nil || len(lines) != 4 || !strings.HasSuffix(lines[0], " error   demo: it broke") || lines[3] != "    here" {
		t.Fatalf("the log is %q, %v", lines, err)
	}

	if err := os.WriteFile(LogPath(database), []byte(strings.Repeat("an old line\n", maxLog/10)+"the latest\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log := openLog(database)
	log.note(logInfo, "demo", "goes on")
	if info, err := os.Stat(LogPath(database)); err != nil || info.Size() > latestLog+100 {
		t.Errorf("a long log still takes %d bytes, %v", info.Size(), err)
	}
	lines, err = ReadLog(database)
	if n := len(lines); err != nil || n < 100 || lines[0] != "an old line" || lines[n-2] != "the latest" || !strings.HasSuffix(lines[n-1], "demo: goes on") {
		t.Errorf("a long log ends with %q, %v", lines[max(0, len(lines)-3):], err)
	}
}

func TestALogThatCannotBeWrittenIsDoneWithout(t *testing.T) {
	log := openLog(filepath.Join(t.TempDir(), "missing", "galen.db"))
	log.note(logInfo, "demo", "goes on")
	if err := log.close(); err != nil {
		t.Error(err)
	}
}

func TestARenamedSearchKnowsItsName(t *testing.T) {
	db, id := createRun(t, testSettings("joint", 1000))
	run, err := db.Run(id)
	if err != nil {
		t.Fatal(err)
	}
	w := &Workbench{db: db, box: newMailbox()}
	if err := w.startSearch(run.ID, smallWorkload(t)); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if name, err := w.Rename("test", "other"); err != nil || name != "other" {
		t.Fatalf("it is called %q, %v", name, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for version := uint64(0); ; {
		s, err := w.Wait(ctx, version)
		if err != nil {
			t.Fatal("its snapshots keep the old name: ", err)
		}
		if version = s.Version; s.Run.Name == "other" {
			return
		}
	}
}
