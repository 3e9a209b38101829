package engine

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"galen/engine/steering"
	"galen/store"
)

// fullDisk names the test binary that it is the child of TestSearchOnFullDisk.
const fullDisk = "GALEN_ENGINE_TEST_FULL_DISK"

// TestSearchOnFullDisk searches in a child under a limit on the size of its files, which a
// file system answers like a full disk.
func TestSearchOnFullDisk(t *testing.T) {
	if os.Getenv(fullDisk) != "" {
		searchOnFullDisk(t)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestSearchOnFullDisk$")
	child.Env = append(os.Environ(), fullDisk+"=1")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func searchOnFullDisk(t *testing.T) {
	load, settings := smallWorkload(t), testSettings("joint", 12)
	whole, wholeID := createRun(t, settings)
	search(t, context.Background(), whole, wholeID, load)
	want, wantAgent := deterministic(t, whole, wholeID)

	signal.Ignore(syscall.SIGXFSZ)
	db, id := createRun(t, settings)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	setLimit := func(bytes uint64) {
		tight := limit
		tight.Cur = min(bytes, limit.Max)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &tight); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(db.Path())
	if err != nil {
		t.Fatal(err)
	}
	setLimit(uint64(info.Size())) // room for the reference, none for an agent
	s := openSearch(t, db, id, load)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go s.work(ctx)
	paused := await(t, ctx, s, func(x *Snapshot) bool { return x.Problem != "" })
	if paused.State != Paused || !strings.Contains(paused.Problem, "no space left") || len(paused.Episodes) > 0 {
		t.Fatalf("on a full disk the search is %s after %d episodes: %s", paused.State, len(paused.Episodes), paused.Problem)
	}
	if err := s.send(ctx, steering.Command{Kind: steering.Pause}); err == nil {
		t.Error("pausing a search that a full disk paused is acknowledged")
	}
	setLimit(limit.Cur)
	if err := s.send(ctx, steering.Command{Kind: steering.Resume}); err != nil {
		t.Fatal(err)
	}
	if ended := await(t, ctx, s, func(x *Snapshot) bool { return !x.State.Live() }); ended.State != Finished || ended.Problem != "" {
		t.Fatalf("once there is room the search is %s: %s", ended.State, ended.Problem)
	}
	<-s.done
	got, gotAgent := deterministic(t, db, id)
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(gotAgent, wantAgent) {
		t.Error("the run differs from one with room from the beginning")
	}
}

// await waits until a search's snapshot is as wanted.
func await(t *testing.T, ctx context.Context, s *Search, wanted func(*Snapshot) bool) *Snapshot {
	t.Helper()
	for version := uint64(0); ; {
		snapshot, err := s.box.wait(ctx, version)
		if err != nil {
			t.Fatal(err)
		}
		if version = snapshot.Version; wanted(snapshot) {
			return snapshot
		}
	}
}

// TestSearchOnReadOnlyStore begins to commit where nothing can be written.
func TestSearchOnReadOnlyStore(t *testing.T) {
	load, settings := smallWorkload(t), testSettings("uniform", 6)
	db, id := createRun(t, settings)
	s := openSearch(t, db, id, load)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s.clock.start()
	if err := s.prepare(ctx); err != nil {
		t.Fatal(err)
	}
	copied, err := os.ReadFile(db.Path())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, copied, 0o400); err != nil {
		t.Fatal(err)
	}
	readOnly, err := store.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	s.db = readOnly
	ended := make(chan error, 1)
	go func() { ended <- s.nextEpisode(ctx) }()
	paused := await(t, ctx, s, func(x *Snapshot) bool { return x.Problem != "" })
	if paused.State != Paused || !strings.Contains(paused.Problem, store.ErrReadOnly.Error()) || len(paused.Episodes) > 0 {
		t.Fatalf("the search is %s after %d episodes: %s", paused.State, len(paused.Episodes), paused.Problem)
	}
	cancel() // as if the program were left
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	search(t, context.Background(), db, id, load)
	if episodes, err := db.Episodes(id); err != nil || len(episodes) != settings.Episodes {
		t.Errorf("%d episodes in the store that can be written, %v", len(episodes), err)
	}
}
