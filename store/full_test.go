package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

// TestDiskFull lets a child run into a limit on the size of its files, which a file
// system answers like a full disk.
func TestDiskFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "galen.db")
	out, err := childCommand("fill", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func fillDisk(path string) error {
	db, err := Open(path)
	if err != nil {
		return err
	}
	run, err := db.CreateRun(Run{Name: "x"})
	if err != nil {
		return err
	}
	run.Episodes = 1
	if err := db.CommitEpisode(run, testEpisode(1, 3), testCheckpoint(1, 1000)); err != nil {
		return err
	}

	signal.Ignore(syscall.SIGXFSZ)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	tight := limit
	tight.Cur = uint64(info.Size()) + 8192
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &tight); err != nil {
		return err
	}
	run.Episodes = 2
	big := testCheckpoint(2, 20<<20)
	for range 2 {
		if err := db.CommitEpisode(run, testEpisode(2, 3), big); !errors.Is(err, ErrFull) {
			return fmt.Errorf("on a full disk: %v, want ErrFull", err)
		}
	}
	if got, err := db.Run("x"); err != nil || got.Episodes != 1 {
		return fmt.Errorf("the failed commit left %+v, %v", got, err)
	}
	if checkpoint, err := db.Checkpoint(run.ID); err != nil || !bytes.Equal(checkpoint, testCheckpoint(1, 1000)) {
		return fmt.Errorf("the failed commit left another checkpoint, %v", err)
	}

	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if err := db.CommitEpisode(run, testEpisode(2, 3), big); err != nil {
		return fmt.Errorf("once there is room: %w", err)
	}
	if err := db.Close(); err != nil {
		return err
	}
	db, err = Open(path)
	if err != nil {
		return err
	}
	if checkpoint, err := db.Checkpoint(run.ID); err != nil || !bytes.Equal(checkpoint, big) {
		return fmt.Errorf("the commit after the failed one is not there, %v", err)
	}
	return db.Close()
}

func TestFullDiskIsRecognized(t *testing.T) {
	for _, errno := range noRoom {
		for _, err := range []error{
			&os.PathError{Op: "write", Path: "x", Err: errno},
			fmt.Errorf("file resize error: %s", &os.PathError{Op: "truncate", Path: "x", Err: errno}),
		} {
			if !errors.Is(writeError(err), ErrFull) {
				t.Errorf("%v is not recognized", err)
			}
		}
	}
	if errors.Is(writeError(syscall.EIO), ErrFull) {
		t.Error("a broken disk is taken for a full one")
	}
}
