package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary runs itself as a child that does what childEnv says to the store at
// the path that follows.
const childEnv = "GALEN_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if task, path, ok := strings.Cut(os.Getenv(childEnv), " "); ok {
		if err := child(task, path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func child(task, path string) error {
	switch task {
	case "commit":
		return commitForever(path)
	case "fill":
		return fillDisk(path)
	}
	return fmt.Errorf("unknown task %q", task)
}

func childCommand(task, path string) *exec.Cmd {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childEnv+"="+task+" "+path)
	return command
}

const killCheckpoint = 300_000

// commitForever commits one episode after the other and prints a line for each that
// the store acknowledged.
func commitForever(path string) error {
	db, err := Open(path)
	if err != nil {
		return err
	}
	run, err := db.Run("victim")
	if errors.Is(err, ErrNotFound) {
		run, err = db.CreateRun(Run{Name: "victim"})
	}
	if err != nil {
		return err
	}
	for {
		run.Episodes++
		if err := db.CommitEpisode(run, testEpisode(run.Episodes, 3), testCheckpoint(run.Episodes, killCheckpoint)); err != nil {
			return err
		}
		fmt.Println(run.Episodes)
	}
}

// TestKilledAtAnyInstant kills a writer again and again: all it acknowledged is there,
// and an episode never without its checkpoint.
func TestKilledAtAnyInstant(t *testing.T) {
	path := filepath.Join(t.TempDir(), "galen.db")
	rng := rand.New(rand.NewPCG(1, 2))
	acknowledged, kills := 0, 200
	if testing.Short() {
		kills = 30
	}
	for kill := range kills {
		command := childCommand("commit", path)
		command.Stderr = os.Stderr
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		lines, begun := make(chan int), make(chan struct{})
		go func() {
			last := 0
			scanner := bufio.NewScanner(out)
			for scanner.Scan() {
				if n, err := strconv.Atoi(scanner.Text()); err == nil {
					if last == 0 {
						close(begun)
					}
					last = n
				}
			}
			lines <- last
		}()
		// Every third kill may fall into opening or creating the store, the others into commits,
		// however slow the machine is.
		if kill%3 > 0 {
			<-begun
		}
		time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
		if err := command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		acknowledged = max(acknowledged, <-lines)
		err = command.Wait()
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("kill %d: the writer ended by itself: %v", kill, err)
		}
		inspect(t, path, kill, &acknowledged)
	}
	if acknowledged < 10 {
		t.Errorf("only %d episodes were committed: the kills came too early to mean much", acknowledged)
	}
	t.Logf("%d episodes committed in %d lives", acknowledged, kills)
}

// inspect checks a store after a kill and counts what it holds as acknowledged.
func inspect(t *testing.T, path string, kill int, acknowledged *int) {
	t.Helper()
	db, err := Open(path)
	if err != nil {
		t.Fatalf("kill %d: %v", kill, err)
	}
	defer db.Close()
	run, err := db.Run("victim")
	if errors.Is(err, ErrNotFound) && *acknowledged == 0 {
		return
	}
	if err != nil {
		t.Fatalf("kill %d: %v", kill, err)
	}
	if run.Episodes < *acknowledged {
		t.Fatalf("kill %d: %d episodes were acknowledged, %d are there", kill, *acknowledged, run.Episodes)
	}
	episodes, err := db.Episodes(run.ID)
	if err != nil || len(episodes) != run.Episodes {
		t.Fatalf("kill %d: the run counts %d episodes, %d are there, %v", kill, run.Episodes, len(episodes), err)
	}
	for i, e := range episodes {
		if want := testEpisode(i+1, 3); e.Number != want.Number || e.Reward != want.Reward {
			t.Fatalf("kill %d: episode %d is %+v", kill, i+1, e)
		}
	}
	if run.Episodes > 0 {
		checkpoint, err := db.Checkpoint(run.ID)
		if err != nil || !bytes.Equal(checkpoint, testCheckpoint(run.Episodes, killCheckpoint)) {
			t.Fatalf("kill %d: the checkpoint is not that of episode %d, %v", kill, run.Episodes, err)
		}
	}
	*acknowledged = run.Episodes
}
