package remote

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// socketPath is where the owner of a database serves it, by whatever name the database is
// reached. Systems limit the length of such paths to about 100 bytes: longer ones are
// replaced by a name made from the path in a folder of the user's own.
func socketPath(database string) (string, error) {
	path, err := resolved(database)
	if err != nil {
		return "", err
	}
	socket := path + ".sock"
	if len(socket) <= 100 {
		return socket, nil
	}
	folder, err := socketFolder()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(folder, "galen-"+hex.EncodeToString(sum[:8])+".sock"), nil
}

// socketFolder is $XDG_RUNTIME_DIR, or a folder made for temporary files. It must be private:
// names in it can be foretold, and somebody else could be listening there.
func socketFolder() (string, error) {
	if folder := os.Getenv("XDG_RUNTIME_DIR"); folder != "" && private(folder) == nil {
		return folder, nil
	}
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("galen-%d", os.Getuid()))
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return folder, private(folder)
}

// private checks that a path is a folder of this user's that no one else can write to.
func private(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if of, ok := info.Sys().(*syscall.Stat_t); !ok || int(of.Uid) != os.Getuid() || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is not a folder that you alone can write to; set XDG_RUNTIME_DIR to one", path)
	}
	return nil
}

// resolved is the path of a file without symbolic links, as far as the file and its folder
// exist: its owner has made both before it serves.
func resolved(file string) (string, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	if whole, err := filepath.EvalSymlinks(path); err == nil {
		return whole, nil
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(folder, filepath.Base(path)), nil
	}
	return path, nil
}
