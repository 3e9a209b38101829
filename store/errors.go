package store

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	bolterrors "go.etcd.io/bbolt/errors"
)

var (
	// ErrLocked means that another process has the store open.
	ErrLocked = errors.New("another galen is using this store: quit it first, or choose another store")
	// ErrForeign means that the file is not a store.
	ErrForeign = errors.New("this file is not a galen store; it was not changed")
	// ErrDamaged means that the file is a store but parts of it are missing or make no sense.
	ErrDamaged = errors.New("this store is damaged; it was not changed")
	// ErrNewer means that a newer galen wrote the store.
	ErrNewer = errors.New("this store was written by a newer galen: use that one; it was not changed")
	// ErrNotFound means that there is no such run, episode or record.
	ErrNotFound = errors.New("not found")
	// ErrFull means that the disk has no room for what was to be written. The store is as
	// it was before; the same call succeeds once there is room.
	ErrFull = errors.New("no space left for the store: make room, then go on")
	// ErrReadOnly means that the store, or the disk it lies on, cannot be written.
	ErrReadOnly = errors.New("the store cannot be written")
)

// openError classifies an error of opening a bbolt file.
func openError(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return ErrLocked
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch):
		return ErrForeign
	case errors.Is(err, bolterrors.ErrChecksum), strings.HasPrefix(err.Error(), "file size too small"):
		return ErrDamaged
	}
	return writeError(err)
}

// noRoom are the ways of a system to say that a file cannot grow.
var noRoom = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

// writeError classifies an error of a write.
func writeError(err error) error {
	if err == nil {
		return nil
	}
	for _, errno := range noRoom {
		// bbolt passes on the text alone of some errors.
		if errors.Is(err, errno) || strings.HasSuffix(err.Error(), ": "+errno.Error()) {
			return fmt.Errorf("%w (%w)", ErrFull, err)
		}
	}
	if errors.Is(err, bolterrors.ErrMaxSizeReached) {
		return fmt.Errorf("%w (%w)", ErrFull, err)
	}
	if errors.Is(err, bolterrors.ErrDatabaseReadOnly) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("%w (%w)", ErrReadOnly, err)
	}
	return err
}
