// Package wholefile writes files as a whole or not at all.
package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// Check tells whether Write could put a file at path, without leaving anything there.
func Check(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("write %s: it is there already and no regular file", path)
	}
	temporary, err := beside(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return errors.Join(temporary.Close(), os.Remove(temporary.Name()))
}

// Write replaces the file at path through a temporary one in its folder: whatever happens,
// path holds the old content or the new, never a part. It may be read by whom the umask lets.
func Write(path string, content []byte) error {
	temporary, err := beside(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// beside makes a new file in the folder of another, with the permissions that files usually get:
// [os.CreateTemp] would give it fewer.
func beside(path string) (*os.File, error) {
	for {
		name := fmt.Sprintf(".%s-%08x", filepath.Base(path), rand.Uint32())
		file, err := os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
}

// Sweep removes what a pattern matches and was left more than an hour ago, by writers that were killed.
func Sweep(pattern string) {
	left, _ := filepath.Glob(pattern) // what a bad pattern would match stays
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.RemoveAll(path)
		}
	}
}
