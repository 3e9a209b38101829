package remote

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
)

// socketPath is where the owner of a database serves it, by whatever name the database is
// reached. Systems limit the length of such paths to about 100 bytes: longer ones are
// replaced by a name made from the path in the directory for temporary files.
func socketPath(database string) (string, error) {
	path, err := resolved(database)
	if err != nil {
		return "", err
	}
	socket := path + ".sock"
	if len(socket) > 100 {
		sum := sha256.Sum256([]byte(path))
		socket = filepath.Join(os.TempDir(), "galen-"+hex.EncodeToString(sum[:8])+".sock")
	}
	return socket, nil
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
