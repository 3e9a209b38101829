package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"galen/engine"
	"galen/engine/remote"
	"galen/engine/steering"
	"galen/store"
)

// TestTerminatedServerEnds sends the process in the background SIGTERM in whatever state it may
// be, and reads from the store what it left.
func TestTerminatedServerEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts several processes that search")
	}
	galen := program(t)
	model, data := smallModel(t)
	during := func(activity string) func(*engine.Snapshot) bool {
		return func(s *engine.Snapshot) bool { return s.Activity == activity }
	}
	searching := func(s *engine.Snapshot) bool { return len(s.Episodes) > 0 }
	const many = 10000
	for name, situation := range map[string]struct {
		episodes  int
		reached   func(*engine.Snapshot) bool
		meanwhile func(*background)
	}{
		"preparing":           {many, during("sensitivity"), nil},
		"measuring":           {many, during("measuring"), nil},
		"confirming":          {1, during("confirming the best"), nil},
		"paused":              {many, searching, (*background).pause},
		"paused, client gone": {many, searching, func(b *background) { b.pause(); b.client.Close() }},
		"disk full":           {many, searching, (*background).fillDisk},
		"folder deleted":      {many, searching, (*background).deleteFolder},
		"client frozen":       {many, searching, (*background).freezeClient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, galen)
			s := engine.DefaultSettings()
			s.Model, s.Data, s.Name, s.Target, s.Episodes = model, data, "victim", 0.6, situation.episodes
			if _, err := b.client.Start(s); err != nil {
				t.Fatal(err)
			}
			b.until(situation.reached)
			if situation.meanwhile != nil {
				situation.meanwhile(b)
			}
			b.terminate()
			if name == "folder deleted" {
				return
			}
			db, err := store.Open(b.database)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			run, err := db.Run("victim")
			if err != nil {
				t.Fatal(err)
			}
			if seen := len(b.latest.Episodes); run.Episodes < seen {
				t.Errorf("%d episodes are stored, %d had been seen", run.Episodes, seen)
			}
			if state := engine.State(run.State); state != engine.Paused && state != engine.Finished && name != "disk full" {
				t.Errorf("it left the run %s", state)
			}
		})
	}
}

// TestTerminatedServerDoesNotWaitForFiles terminates the process in the background as it reads a
// model that does not come.
func TestTerminatedServerDoesNotWaitForFiles(t *testing.T) {
	b := serve(t, program(t))
	s := engine.DefaultSettings()
	s.Model, s.Data = filepath.Join(t.TempDir(), "pipe.onnx"), t.TempDir()
	if err := syscall.Mkfifo(s.Model, 0o600); err != nil {
		t.Fatal(err)
	}
	go b.client.Start(s)
	writer := make(chan *os.File, 1)
	go func() {
		f, err := os.OpenFile(s.Model, os.O_WRONLY, 0) // once there is a reader
		if err != nil {
			t.Error(err)
		}
		writer <- f
	}()
	select {
	case f := <-writer:
		defer f.Close()
	case <-time.After(time.Minute):
		t.Fatal("nobody reads the model")
	}
	b.terminate()
}

// TestSearchThatGaveWay begins another search in the process of one that is reported as text.
func TestSearchThatGaveWay(t *testing.T) {
	galen, path := program(t), filepath.Join(t.TempDir(), "galen.db")
	first := exec.Command(galen, append(shortSearch(t), "--episodes", "100000", "--db", path)...)
	var says bytes.Buffer
	first.Stderr = &says
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	b := &background{t: t, database: path, process: first, ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		_ = first.Wait() // its status is looked at below
	}()
	b.reach()
	b.until(func(s *engine.Snapshot) bool { return len(s.Episodes) > 0 })
	s := b.latest.Settings
	s.Name, s.Episodes = "other", 100000
	if _, err := b.client.Start(s); err != nil {
		t.Fatal(err)
	}
	b.until(func(s *engine.Snapshot) bool { return s.Run.Name == "other" && len(s.Episodes) > 10 })
	if err := b.client.Send(t.Context(), steering.Command{Kind: steering.Stop}); err != nil {
		t.Fatal(err)
	}
	b.client.Close()
	select {
	case <-b.ended:
	case <-time.After(time.Minute):
		t.Fatal("it stays for ever")
	}
	if want := "galen: run r0001 gave way to run other; go on with it by: galen resume r0001 --db "; first.ProcessState.ExitCode() != 1 || !strings.Contains(says.String(), want) {
		t.Errorf("it ends with %d and says\n%s", first.ProcessState.ExitCode(), says.String())
	}
}

// background is a galen that serves a store, with a client of it.
type background struct {
	t        *testing.T
	database string
	process  *exec.Cmd
	ended    chan struct{}
	client   *remote.Client
	latest   *engine.Snapshot
}

func serve(t *testing.T, galen string) *background {
	t.Helper()
	b := &background{t: t, database: filepath.Join(t.TempDir(), "store", "galen.db"), ended: make(chan struct{})}
	b.process = exec.Command(galen, "serve", "--db", b.database)
	if err := b.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(b.ended)
		_ = b.process.Wait() // whatever its status
	}()
	b.reach()
	return b
}

// reach makes a client of the process, and ends both with the test.
func (b *background) reach() {
	b.t.Helper()
	b.t.Cleanup(func() {
		_ = b.process.Process.Kill()
		<-b.ended
	})
	var err error
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if b.client, err = remote.Dial(b.database); err == nil {
			break
		}
		if !errors.Is(err, remote.ErrNobody) || time.Now().After(deadline) {
			b.t.Fatal(err)
		}
	}
	b.t.Cleanup(func() { b.client.Close() })
}

// until follows the search to a state.
func (b *background) until(reached func(*engine.Snapshot) bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	for b.latest == nil || !reached(b.latest) {
		var version uint64
		if b.latest != nil {
			version = b.latest.Version
		}
		s, err := b.client.Wait(ctx, version)
		if err != nil {
			b.t.Fatal(err)
		}
		if b.latest = s; !s.State.Live() {
			b.t.Fatalf("the search is %s: %s", s.State, s.Problem)
		}
	}
}

// terminate sends SIGTERM and waits for the end, with a client that waits for news.
func (b *background) terminate() {
	b.t.Helper()
	go func() {
		var version uint64
		if b.latest != nil {
			version = b.latest.Version
		}
		for {
			s, err := b.client.Wait(context.Background(), version)
			if err != nil {
				return
			}
			version = s.Version
		}
	}()
	time.Sleep(50 * time.Millisecond) // until the process has heard of it
	began := time.Now()
	if err := b.process.Process.Signal(syscall.SIGTERM); err != nil {
		b.t.Fatal(err)
	}
	select {
	case <-b.ended:
		b.t.Logf("it ended after %v", time.Since(began))
	case <-time.After(10 * time.Second):
		b.t.Fatal("10 s after SIGTERM it is still there")
	}
}

func (b *background) pause() {
	b.t.Helper()
	if err := b.client.Send(b.t.Context(), steering.Command{Kind: steering.Pause}); err != nil {
		b.t.Fatal(err)
	}
	b.until(func(s *engine.Snapshot) bool { return s.State == engine.Paused })
}

// fillDisk lets none of the process's files grow, until the search is held up by that.
func (b *background) fillDisk() {
	b.t.Helper()
	out, err := exec.Command("prlimit", "--fsize=4096", "--pid", fmt.Sprint(b.process.Process.Pid)).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		b.t.Skip("prlimit is not installed: no disk was full")
	}
	if err != nil {
		b.t.Fatalf("%v\n%s", err, out)
	}
	b.until(func(s *engine.Snapshot) bool { return s.Problem != "" })
}

func (b *background) deleteFolder() {
	b.t.Helper()
	if err := os.RemoveAll(filepath.Dir(b.database)); err != nil {
		b.t.Fatal(err)
	}
}

// freezeClient adds a client that asks for more than the connection holds, and reads none of it.
func (b *background) freezeClient() {
	b.t.Helper()
	c, err := net.Dial("unix", b.database+".sock")
	if err != nil {
		b.t.Fatal(err)
	}
	client := rpc.NewClient(frozen{c})
	for range 5000 {
		client.Go("Galen.Runs", struct{}{}, new([]*store.Run), nil)
	}
}

// frozen is a connection that nothing is read from.
type frozen struct{ net.Conn }

func (frozen) Read([]byte) (int, error) { select {} }
