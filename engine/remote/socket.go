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

	"galen/store"
)

// socketPath is where the owner of a database serves it, by whatever name the database is
// reached. Systems limit the length of such paths to about 100 bytes: longer ones are
// replaced by a name made from the path in a folder of the user's own.
func socketPath(database string) (string, error) {
	path, err := store.RealPath(database)
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

// socketFolder is made among temporary files; $XDG_RUNTIME_DIR goes when its user logs out, and
// searches stay. It must be private: names in it can be foretold, and somebody else could be
// listening there.
func socketFolder() (string, error) {
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
		return fmt.Errorf("%s is not a folder that you alone can write to: remove it, set TMPDIR, or give the store a shorter path", path)
	}
	return nil
}
