// Package store keeps runs in one bbolt file: settings, evaluations, episodes, the
// latest checkpoint and the journal of each. It knows records, not searches.
//
// Every exported method is one transaction: it happened whole, and is on disk, when the
// method returns nil; otherwise it did not happen.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
)

// DB is an open store. It is safe for concurrent use.
type DB struct {
	bolt *bbolt.DB
	path string
}

// schema is the version of the layout:
//
//	meta          schema: the version, in decimal
//	runs          one bucket per run, by ID; its sequence numbers the IDs
//	  run, reference, layers: JSON
//	  episodes    big-endian number → Episode as JSON
//	  checkpoint  big-endian number → piece of the latest one, bytes of the engine's; apart,
//	              so that nothing else rewrites it
//	  journal     big-endian number → JournalEntry as JSON
const schema = 1

var (
	metaBucket       = []byte("meta")
	schemaKey        = []byte("schema")
	runsBucket       = []byte("runs")
	runKey           = []byte("run")
	referenceKey     = []byte("reference")
	layersKey        = []byte("layers")
	episodesBucket   = []byte("episodes")
	checkpointBucket = []byte("checkpoint")
	journalBucket    = []byte("journal")
)

// lockTimeout is how long to wait for another process to let go of the file.
const lockTimeout = time.Second

// DefaultPath is $XDG_DATA_HOME/galen/galen.db, with ~/.local/share where that is unset.
func DefaultPath() (string, error) {
	data := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(data) { // the XDG specification has relative ones ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the store: %w; set XDG_DATA_HOME", err)
		}
		data = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(data, "galen", "galen.db"), nil
}

// RealPath is the path of a store by whatever name it is reached: absolute, and without symbolic
// links as far as the file and its folder exist. What lies beside a store is found by it.
func RealPath(name string) (string, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("locate the store %s: %w", name, err)
	}
	if whole, err := filepath.EvalSymlinks(path); err == nil {
		return whole, nil
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(folder, filepath.Base(path)), nil
	}
	return path, nil
}

// Open opens the store at path to read and write, and creates it, readable by its owner
// only, where there is none. Nobody else can open it until it is closed. A file that is
// not a store this galen understands is refused and left as it is: [ErrForeign],
// [ErrDamaged], [ErrNewer]; one that another process holds is [ErrLocked].
func Open(path string) (*DB, error) {
	db, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return db, nil
}

func open(path string) (*DB, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case info.Size() > 0:
		// bbolt writes as it opens, so a file is looked at before.
		checked, err := openReadOnly(path, true)
		if err != nil {
			return nil, err
		}
		if err := checked.Close(); err != nil {
			return nil, err
		}
	}
	db, err := openBolt(path, false)
	if err != nil {
		return nil, err
	}
	if err := db.update(initialize); err != nil {
		db.bolt.Close()
		return nil, err
	}
	return db, nil
}

// initialize lays a new store out.
func initialize(tx *bbolt.Tx) error {
	if tx.Bucket(metaBucket) != nil {
		return nil
	}
	meta, err := tx.CreateBucket(metaBucket)
	if err != nil {
		return err
	}
	if _, err := tx.CreateBucket(runsBucket); err != nil {
		return err
	}
	return meta.Put(schemaKey, fmt.Append(nil, schema))
}

// OpenReadOnly opens the store at path to read it. It changes nothing, and fails as
// [Open] does; a missing file is an [fs.ErrNotExist]. A store that a search is writing
// is [ErrLocked] too.
func OpenReadOnly(path string) (*DB, error) {
	db, err := openReadOnly(path, false)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return db, nil
}

// openReadOnly opens and inspects a store. A bbolt file without any bucket, left by a
// process that was killed as it created the store, passes if fresh.
func openReadOnly(path string, fresh bool) (*DB, error) {
	db, err := openBolt(path, true)
	if err != nil {
		return nil, err
	}
	err = db.view(func(tx *bbolt.Tx) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: %d of %d bytes are there", ErrDamaged, info.Size(), tx.Size())
		}
		if first, _ := tx.Cursor().First(); first == nil && fresh {
			return nil
		}
		return checkSchema(tx)
	})
	if err != nil {
		db.bolt.Close()
		return nil, err
	}
	return db, nil
}

func checkSchema(tx *bbolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if meta == nil || tx.Bucket(runsBucket) == nil {
		return ErrForeign
	}
	var version int
	if err := json.Unmarshal(meta.Get(schemaKey), &version); err != nil || version < 1 {
		return ErrForeign
	}
	if version > schema {
		return fmt.Errorf("%w (its schema is %d, this galen knows %d)", ErrNewer, version, schema)
	}
	return nil
}

func openBolt(path string, readOnly bool) (db *DB, err error) {
	defer guard(&err)
	defer faultsPanic()()
	bolt, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:      lockTimeout,
		ReadOnly:     readOnly,
		FreelistType: bbolt.FreelistMapType,
	})
	if err != nil {
		return nil, openError(err)
	}
	return &DB{bolt: bolt, path: path}, nil
}

// Path is where the store lies.
func (d *DB) Path() string { return d.path }

// Close releases the file.
func (d *DB) Close() error {
	if err := d.bolt.Close(); err != nil {
		return fmt.Errorf("close store %s: %w", d.path, err)
	}
	return nil
}

func (d *DB) view(f func(*bbolt.Tx) error) (err error) {
	defer guard(&err)
	defer faultsPanic()()
	return d.bolt.View(f)
}

func (d *DB) update(f func(*bbolt.Tx) error) (err error) {
	defer guard(&err)
	defer faultsPanic()()
	return writeError(d.bolt.Update(f))
}

// guard turns into ErrDamaged what bbolt does on pages that make no sense: it panics, or
// reads outside the file.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", ErrDamaged, p)
	}
}

// faultsPanic makes a read outside the file a panic instead of the end of the process;
// the returned function undoes it.
func faultsPanic() func() {
	before := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(before) }
}

// Optional turns a record that was not stored yet into its zero value.
func Optional[T any](record T, err error) (T, error) {
	if errors.Is(err, ErrNotFound) {
		var none T
		return none, nil
	}
	return record, err
}
