package remote

import (
	"context"
	"errors"
	"math"
	"net"
	"net/rpc"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"galen/engine"
	"galen/engine/steering"
)

// served is a workbench that this process owns, and a way to reach it.
func served(t *testing.T) (database string, w *engine.Workbench, s *Server) {
	t.Helper()
	database = filepath.Join(t.TempDir(), "galen.db")
	w, err := engine.Open(database)
	if err != nil {
		t.Fatal(err)
	}
	s, err = Listen(database, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		w.Close()
	})
	return database, w, s
}

func dial(t *testing.T, database string) *Client {
	t.Helper()
	c, err := Dial(database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func demo(episodes int) engine.Settings {
	s := engine.DemoSettings()
	s.Device, s.Episodes = "roofline:", episodes
	return s
}

// await follows a search until ok says so.
func await(t *testing.T, w interface {
	Wait(context.Context, uint64) (*engine.Snapshot, error)
}, what string, ok func(*engine.Snapshot) bool) *engine.Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	var version uint64
	for {
		s, err := w.Wait(ctx, version)
		if err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		if s.State == engine.Failed {
			t.Fatal(s.Problem)
		}
		if version = s.Version; ok(s) {
			return s
		}
	}
}

func give(t *testing.T, c *Client, text string) {
	t.Helper()
	command, err := steering.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	command.Who = "tester"
	if err := c.Send(context.Background(), command); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func TestWindowsSeeAndSteerOneSearch(t *testing.T) {
	database, w, _ := served(t)
	if info, err := os.Stat(database + ".sock"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v; want it for its user alone", info.Mode(), err)
	}
	first, second := dial(t, database), dial(t, database)
	if first.PID() != os.Getpid() {
		t.Errorf("process %d answers", first.PID())
	}
	id, err := first.Start(demo(3))
	if err != nil {
		t.Fatal(err)
	}
	if second.Active() != id {
		t.Errorf("the second window finds %q being searched, not %q", second.Active(), id)
	}
	await(t, second, "an episode", func(s *engine.Snapshot) bool { return len(s.Episodes) > 0 })
	give(t, second, "pause")
	if run, err := first.Find(id); err != nil || run.State != string(engine.Paused) {
		t.Errorf("the paused run is found to be %+v, %v", run, err)
	}
	give(t, first, "target 0.4")
	give(t, second, "resume")
	end := func(s *engine.Snapshot) bool { return !s.State.Live() }
	own, one, two := await(t, w, "the end", end), await(t, first, "the end", end), await(t, second, "the end", end)
	for _, got := range []*engine.Snapshot{one, two} {
		if !reflect.DeepEqual(got.Episodes, own.Episodes) || !reflect.DeepEqual(got.Layers, own.Layers) ||
			!reflect.DeepEqual(got.Journal, own.Journal) || !reflect.DeepEqual(got.Settings, own.Settings) ||
			!reflect.DeepEqual(got.Run, own.Run) || !reflect.DeepEqual(got.Device, own.Device) || !reflect.DeepEqual(got.Reference, own.Reference) {
			t.Errorf("a window sees\n%+v, the owner\n%+v", got, own)
		}
		if got.Best == nil || got.Best != got.Episodes[own.Best.Number-1] {
			t.Error("the best episode is not one of the episodes")
		}
	}
	if own.Best.Confirmed == nil {
		t.Error("the best episode is not confirmed at the end")
	}
	if len(own.Journal) != 3 || own.Journal[1].Who != "tester" || own.Journal[1].Effect != "0.45 → 0.4" {
		t.Errorf("the journal holds %+v", own.Journal)
	}
	if err := first.Send(context.Background(), steering.Command{Kind: steering.Pause}); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("a command to a search that has ended: %v", err)
	}
}

func TestStoredRunsAreReachedThroughTheOwner(t *testing.T) {
	database, w, _ := served(t)
	c := dial(t, database)
	id, err := c.Start(demo(2))
	if err != nil {
		t.Fatal(err)
	}
	await(t, c, "the end", func(s *engine.Snapshot) bool { return !s.State.Live() })

	view, err := c.View(id)
	if err != nil {
		t.Fatal(err)
	}
	want, err := w.View(id)
	if err != nil || !reflect.DeepEqual(view, want) {
		t.Errorf("the run is seen as\n%+v, want\n%+v, %v", view, want, err)
	}
	folder := t.TempDir()
	t.Chdir(folder)
	if _, err := c.Export(context.Background(), "demo", 2, "small.onnx", "policy.json"); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"small.onnx", "policy.json"} {
		if _, err := os.Stat(filepath.Join(folder, file)); err != nil {
			t.Errorf("the export is not where this process is: %v", err)
		}
	}
	fork, err := c.Fork("demo", 2, "other")
	if err != nil || fork.Name != "other" || fork.Episodes != 2 {
		t.Errorf("forked %+v, %v", fork, err)
	}
	if log, err := c.Log(); err != nil || len(log) == 0 {
		t.Errorf("the log is %q, %v", log, err)
	}
	if name, err := c.Rename("other", "another"); err != nil || name != "another" {
		t.Errorf("renamed to %q, %v", name, err)
	}
	if err := c.Delete("another"); err != nil {
		t.Error(err)
	}
	runs, err := c.Runs()
	if err != nil || len(runs) != 1 || runs[0].ID != id {
		t.Errorf("runs %+v, %v", runs, err)
	}
	if _, _, err := c.Episode("nobody", 0); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("a run that does not exist: %v", err)
	}
}

func TestNobodyServes(t *testing.T) {
	if _, err := Dial(filepath.Join(t.TempDir(), "galen.db")); !errors.Is(err, ErrNobody) {
		t.Errorf("error %v", err)
	}
	database, w, s := served(t)
	c := dial(t, database)
	lost := make(chan error)
	go func() {
		_, err := c.Wait(context.Background(), math.MaxUint64)
		lost <- err
	}()
	time.Sleep(50 * time.Millisecond) // the request is under way
	s.Close()
	err := <-lost
	if err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("a lost owner: %v", err)
	}
	if _, again := c.Wait(context.Background(), 0); again == nil || again.Error() != err.Error() {
		t.Errorf("a lost owner, asked again: %v, at first %v", again, err)
	}
	if _, err := Dial(database); !errors.Is(err, ErrNobody) {
		t.Errorf("after the owner has gone: %v", err)
	}
	// A socket that was left lying, as by a process that was killed, is no obstacle.
	if err := os.WriteFile(database+".sock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Listen(database, w)
	if err != nil {
		t.Fatal(err)
	}
	dial(t, database)
	again.Close()
}

// TestSilentOwner reaches a process that is suspended: the system accepts for it.
func TestSilentOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	connection, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{rpc: rpc.NewClient(connection), database: "galen.db"}
	defer c.Close()
	if err := c.greet(connection, 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), "galen.db does not answer") {
		t.Errorf("error %v", err)
	}
}

// TestAnotherOwnersSocketStays closes a server whose folder was deleted under it and made again by the next.
func TestAnotherOwnersSocketStays(t *testing.T) {
	database, w, first := served(t)
	if err := os.Remove(database + ".sock"); err != nil {
		t.Fatal(err)
	}
	second, err := Listen(database, w)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	dial(t, database)
	second.Close()
	if _, err := os.Lstat(database + ".sock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its own socket stays behind: %v", err)
	}
}

func TestAllNamesOfAStoreReachItsOwner(t *testing.T) {
	database, _, _ := served(t)
	names := t.TempDir()
	folder, file := filepath.Join(names, "folder"), filepath.Join(names, "other.db")
	for link, to := range map[string]string{folder: filepath.Dir(database), file: database} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	dial(t, filepath.Join(folder, filepath.Base(database)))
	dial(t, file)
}

func TestLongPathsCanBeServed(t *testing.T) {
	folder := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(folder, "galen.db")
	w, err := engine.Open(database)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s, err := Listen(database, w)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dial(t, database)
}

func TestSocketsLieWhereNobodyElseCanMakeThem(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	folder, err := socketFolder()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(folder); err != nil || filepath.Dir(folder) != temporary || info.Mode().Perm() != 0o700 {
		t.Errorf("%s is %v, %v", folder, info.Mode(), err)
	}
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := socketFolder(); err == nil {
		t.Error("a folder that others write to is used")
	}
	if err := errors.Join(os.Remove(folder), os.Symlink(t.TempDir(), folder)); err != nil {
		t.Fatal(err)
	}
	if _, err := socketFolder(); err == nil {
		t.Error("a folder that somebody links to is used")
	}
}

func TestIdleServerEnds(t *testing.T) {
	database, _, s := served(t)
	c := dial(t, database)
	if _, err := c.Start(demo(1000)); err != nil {
		t.Fatal(err)
	}
	await(t, c, "the search", func(s *engine.Snapshot) bool { return s.State == engine.Running })
	idle := make(chan error, 1)
	go func() { idle <- s.Idle(context.Background(), 100*time.Millisecond) }()
	still := func(why string) {
		t.Helper()
		select {
		case <-idle:
			t.Fatalf("the server ends though %s", why)
		case <-time.After(400 * time.Millisecond):
		}
	}
	c.Close()
	still("it searches")
	c = dial(t, database)
	give(t, c, "pause")
	still("a client is there")
	paused := await(t, c, "the pause", func(s *engine.Snapshot) bool { return s.State == engine.Paused })
	waiting := make(chan error, 1)
	go func() {
		_, err := c.Wait(context.Background(), paused.Version)
		waiting <- err
	}()
	still("a client waits for news")
	c.Close()
	if err := <-waiting; err == nil {
		t.Error("a search that is paused has news")
	}
	select {
	case err := <-idle:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the server goes on though nobody needs it")
	}
}
