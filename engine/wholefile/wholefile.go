// Package wholefile writes files as a whole or not at all.
package wholefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Check tells whether Write could put a file at path, without leaving anything there.
func Check(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("write %s: it is there already and no regular file", path)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return errors.Join(temporary.Close(), os.Remove(temporary.Name()))
}

// Write replaces the file at path, readable by all, through a temporary one in its folder:
// whatever happens, path holds the old content or the new, never a part.
func Write(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
