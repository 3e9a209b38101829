package store

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// CreateRun adds a run and returns it with its ID, which names runs in order of
// creation: r0001, r0002, … A name that is taken gets a number appended; no name becomes
// the ID. A zero Created becomes now.
func (d *DB) CreateRun(r Run) (*Run, error) {
	err := d.update(func(tx *bbolt.Tx) error {
		_, err := addRun(tx, &r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create run: %w", err)
	}
	return &r, nil
}

// addRun gives a run its ID, a free name and a bucket.
func addRun(tx *bbolt.Tx, r *Run) (*bbolt.Bucket, error) {
	runs := tx.Bucket(runsBucket)
	number, err := runs.NextSequence()
	if err != nil {
		return nil, err
	}
	r.ID = runID(number)
	if r.Name == "" {
		r.Name = r.ID
	} else if err := checkName(r.Name); err != nil {
		return nil, err
	}
	if r.Name, err = freeName(runs, r.Name); err != nil {
		return nil, err
	}
	if r.Created.IsZero() {
		r.Created = time.Now()
	}
	bucket, err := runs.CreateBucket([]byte(r.ID))
	if err != nil {
		return nil, err
	}
	for _, name := range [][]byte{episodesBucket, checkpointBucket, journalBucket} {
		if _, err := bucket.CreateBucket(name); err != nil {
			return nil, err
		}
	}
	return bucket, putJSON(bucket, runKey, r)
}

// ForkRun adds run as a copy of the first run.Episodes episodes of another: with its reference
// and layers, the commands that those episodes followed and, if they are all there are, its
// checkpoint. It names the copy as [DB.CreateRun] does.
func (d *DB) ForkRun(from string, run Run) (*Run, error) {
	err := d.update(func(tx *bbolt.Tx) error {
		source := tx.Bucket(runsBucket).Bucket([]byte(from))
		if source == nil {
			return ErrNotFound
		}
		latest := latestNumber(source.Bucket(episodesBucket))
		if run.Episodes < 0 || uint64(run.Episodes) > latest {
			return fmt.Errorf("it has %d episodes", latest)
		}
		fork, err := addRun(tx, &run)
		if err != nil {
			return err
		}
		for _, key := range [][]byte{referenceKey, layersKey} {
			if value := source.Get(key); value != nil {
				if err := fork.Put(key, value); err != nil {
					return err
				}
			}
		}
		if err := copyBucket(fork, source, episodesBucket, func(number, _ []byte) (bool, error) {
			return binary.BigEndian.Uint64(number) <= uint64(run.Episodes), nil
		}); err != nil {
			return err
		}
		if err := copyBucket(fork, source, journalBucket, func(_, value []byte) (bool, error) {
			var entry JournalEntry
			err := decodeJSON(value, &entry)
			return entry.Episode <= run.Episodes, err
		}); err != nil || uint64(run.Episodes) < latest {
			return err
		}
		return copyBucket(fork, source, checkpointBucket, func(_, _ []byte) (bool, error) { return true, nil })
	})
	if err != nil {
		return nil, fmt.Errorf("fork run %q: %w", from, err)
	}
	return &run, nil
}

// copyBucket copies what is wanted of a bucket inside a run to another run.
func copyBucket(to, from *bbolt.Bucket, name []byte, want func(key, value []byte) (bool, error)) error {
	bucket := to.Bucket(name)
	return from.Bucket(name).ForEach(func(key, value []byte) error {
		if ok, err := want(key, value); err != nil || !ok {
			return err
		}
		return bucket.Put(key, value)
	})
}

// checkName refuses names that could be taken for an ID, or for a flag.
func checkName(name string) error {
	if strings.TrimSpace(name) == "" {
		return errors.New("a run's name cannot be blank")
	}
	if strings.HasPrefix(name, "-") {
		return fmt.Errorf("the name %q begins like a flag of a command: choose another", name)
	}
	if number, err := runNumber(name); err == nil && name == runID(number) {
		return fmt.Errorf("the name %q looks like the ID of a run: choose another", name)
	}
	return nil
}

// runID is the ID of the run of a number.
func runID(number uint64) string { return fmt.Sprintf("r%04d", number) }

func runNumber(id string) (uint64, error) {
	digits, ok := strings.CutPrefix(id, "r")
	if !ok {
		return 0, fmt.Errorf("%q is not an ID", id)
	}
	return strconv.ParseUint(digits, 10, 64)
}

// freeName returns name, with the first number appended that makes it free.
func freeName(runs *bbolt.Bucket, name string) (string, error) {
	taken := map[string]bool{}
	err := eachRun(runs, func(r *Run) { taken[r.Name] = true })
	if err != nil {
		return "", err
	}
	free := name
	for i := 2; taken[free]; i++ {
		free = fmt.Sprintf("%s-%d", name, i)
	}
	return free, nil
}

func eachRun(runs *bbolt.Bucket, visit func(*Run)) error {
	return runs.ForEachBucket(func(id []byte) error {
		r := new(Run)
		if err := getJSON(runs.Bucket(id), runKey, r); err != nil {
			return fmt.Errorf("run %s: %w", id, err)
		}
		visit(r)
		return nil
	})
}

// Runs returns all runs, the newest first.
func (d *DB) Runs() ([]*Run, error) {
	var all []*Run
	err := d.view(func(tx *bbolt.Tx) error {
		return eachRun(tx.Bucket(runsBucket), func(r *Run) { all = append(all, r) })
	})
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	slices.SortFunc(all, func(a, b *Run) int {
		x, _ := runNumber(a.ID)
		y, _ := runNumber(b.ID)
		return cmp.Compare(y, x)
	})
	return all, nil
}

// Run returns the run of an ID or name; [ErrNotFound].
func (d *DB) Run(idOrName string) (*Run, error) {
	var found *Run
	err := d.view(func(tx *bbolt.Tx) error {
		runs := tx.Bucket(runsBucket)
		if bucket := runs.Bucket([]byte(idOrName)); bucket != nil {
			found = new(Run)
			return getJSON(bucket, runKey, found)
		}
		return eachRun(runs, func(r *Run) {
			if r.Name == idOrName {
				found = r
			}
		})
	})
	if err == nil && found == nil {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("run %q: %w", idOrName, err)
	}
	return found, nil
}

// UpdateRun stores a run's record anew, by its ID. Its name stays as stored; see
// [DB.RenameRun].
func (d *DB) UpdateRun(r *Run) error {
	return d.inRun(r.ID, "update", func(bucket *bbolt.Bucket) error { return putRun(bucket, r) })
}

// putRun stores r under the name it is stored with.
func putRun(bucket *bbolt.Bucket, r *Run) error {
	var stored Run
	if err := getJSON(bucket, runKey, &stored); err != nil {
		return err
	}
	update := *r
	update.Name = stored.Name
	return putJSON(bucket, runKey, &update)
}

// RenameRun gives a run a name, with a number appended if another has it, and returns it.
func (d *DB) RenameRun(id, name string) (string, error) {
	err := d.inRun(id, "rename", func(bucket *bbolt.Bucket) error {
		if err := checkName(name); err != nil {
			return err
		}
		var r Run
		err := getJSON(bucket, runKey, &r)
		if err != nil || r.Name == name {
			return err
		}
		if name, err = freeName(bucket.Tx().Bucket(runsBucket), name); err != nil {
			return err
		}
		r.Name = name
		return putJSON(bucket, runKey, &r)
	})
	return name, err
}

// DeleteRun removes a run and all that belongs to it. Its ID is not given again.
func (d *DB) DeleteRun(id string) error {
	return d.inRun(id, "delete", func(bucket *bbolt.Bucket) error {
		return bucket.Tx().Bucket(runsBucket).DeleteBucket([]byte(id))
	})
}

// SetReference stores the uncompressed model's evaluation.
func (d *DB) SetReference(id string, r *Reference) error {
	return d.inRun(id, "store reference of", func(bucket *bbolt.Bucket) error {
		return putJSON(bucket, referenceKey, r)
	})
}

// Reference returns the uncompressed model's evaluation; [ErrNotFound] before it was stored.
func (d *DB) Reference(id string) (*Reference, error) {
	r := new(Reference)
	err := d.readRun(id, "reference of", func(bucket *bbolt.Bucket) error {
		return getJSON(bucket, referenceKey, r)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// SetLayers stores what was found out about the network's layers, in their order.
func (d *DB) SetLayers(id string, l []Layer) error {
	return d.inRun(id, "store layers of", func(bucket *bbolt.Bucket) error {
		return putJSON(bucket, layersKey, l)
	})
}

// Layers returns what was found out about the network's layers; [ErrNotFound] before
// it was stored.
func (d *DB) Layers(id string) ([]Layer, error) {
	var l []Layer
	err := d.readRun(id, "layers of", func(bucket *bbolt.Bucket) error {
		return getJSON(bucket, layersKey, &l)
	})
	return l, err
}

// inRun changes a run's bucket in one transaction.
func (d *DB) inRun(id, doing string, f func(*bbolt.Bucket) error) error {
	err := d.update(func(tx *bbolt.Tx) error { return withRun(tx, id, f) })
	if err != nil {
		return fmt.Errorf("%s run %q: %w", doing, id, err)
	}
	return nil
}

// readRun reads a run's bucket in one transaction.
func (d *DB) readRun(id, what string, f func(*bbolt.Bucket) error) error {
	err := d.view(func(tx *bbolt.Tx) error { return withRun(tx, id, f) })
	if err != nil {
		return fmt.Errorf("%s run %q: %w", what, id, err)
	}
	return nil
}

func withRun(tx *bbolt.Tx, id string, f func(*bbolt.Bucket) error) error {
	bucket := tx.Bucket(runsBucket).Bucket([]byte(id))
	if bucket == nil {
		return ErrNotFound
	}
	return f(bucket)
}

func putJSON(bucket *bbolt.Bucket, key []byte, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %T: %w", value, err)
	}
	return bucket.Put(key, data)
}

func getJSON(bucket *bbolt.Bucket, key []byte, value any) error {
	data := bucket.Get(key)
	if data == nil {
		return ErrNotFound
	}
	return decodeJSON(data, value)
}

func decodeJSON(data []byte, value any) error {
	if err := json.Unmarshal(data, value); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}
