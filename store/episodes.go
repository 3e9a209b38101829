package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
)

// CommitEpisode stores a finished episode, the run's record and the checkpoint to go on
// from, all or nothing. Episodes are numbered from 1 without gaps; run.Episodes must be
// the episode's number. The checkpoint replaces the run's former one.
func (d *DB) CommitEpisode(run *Run, e *Episode, checkpoint []byte) error {
	return d.inRun(run.ID, fmt.Sprintf("store episode %d of", e.Number), func(bucket *bbolt.Bucket) error {
		if run.Episodes != e.Number {
			return fmt.Errorf("the run counts %d episodes", run.Episodes)
		}
		episodes := bucket.Bucket(episodesBucket)
		if latest := latestNumber(episodes); uint64(e.Number) != latest+1 {
			return fmt.Errorf("the latest stored episode is %d", latest)
		}
		episodes.FillPercent = 1 // episodes are only ever appended
		if err := putJSON(episodes, numberKey(uint64(e.Number)), e); err != nil {
			return err
		}
		if err := putRun(bucket, run); err != nil {
			return err
		}
		return putCheckpoint(bucket, checkpoint)
	})
}

// Confirm adds a confirmation to a stored episode and stores the run's record with it, all or
// nothing.
func (d *DB) Confirm(run *Run, number int, c *Confirmation) error {
	return d.inRun(run.ID, fmt.Sprintf("confirm episode %d of", number), func(bucket *bbolt.Bucket) error {
		episodes, key := bucket.Bucket(episodesBucket), numberKey(uint64(number))
		var e Episode
		if err := getJSON(episodes, key, &e); err != nil {
			return err
		}
		e.Confirmed = c
		if err := putJSON(episodes, key, &e); err != nil {
			return err
		}
		return putRun(bucket, run)
	})
}

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// latestNumber is the largest number in a bucket; 0 if it is empty.
func latestNumber(bucket *bbolt.Bucket) uint64 {
	key, _ := bucket.Cursor().Last()
	if len(key) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key)
}

// Episode returns episode n, from 1; [ErrNotFound].
func (d *DB) Episode(id string, n int) (*Episode, error) {
	e := new(Episode)
	err := d.readRun(id, fmt.Sprintf("episode %d of", n), func(bucket *bbolt.Bucket) error {
		return getJSON(bucket.Bucket(episodesBucket), numberKey(uint64(n)), e)
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Episodes returns all finished episodes, by number.
func (d *DB) Episodes(id string) ([]*Episode, error) {
	var all []*Episode
	err := d.readRun(id, "episodes of", func(bucket *bbolt.Bucket) error {
		var values [][]byte
		err := bucket.Bucket(episodesBucket).ForEach(func(_, value []byte) error {
			values = append(values, value)
			return nil
		})
		if err != nil {
			return err
		}
		all = make([]*Episode, len(values))
		return decodeEpisodes(all, values)
	})
	return all, err
}

// decodeEpisodes decodes on all cores: long runs take seconds on one.
func decodeEpisodes(episodes []*Episode, values [][]byte) error {
	workers := min(runtime.GOMAXPROCS(0), len(values))
	failures := make([]error, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			defer guard(&failures[w])
			defer faultsPanic()()
			var fast decoder
			for i := w; i < len(values); i += workers {
				e := new(Episode)
				if !fast.episode(values[i], e) {
					e = new(Episode)
					if err := decodeJSON(values[i], e); err != nil {
						failures[w] = err
						return
					}
				}
				episodes[i] = e
			}
		})
	}
	group.Wait()
	return errors.Join(failures...)
}

// Checkpoint returns the latest checkpoint; [ErrNotFound] before there is one.
func (d *DB) Checkpoint(id string) ([]byte, error) {
	var checkpoint []byte
	err := d.readRun(id, "checkpoint of", func(bucket *bbolt.Bucket) error {
		pieces := bucket.Bucket(checkpointBucket)
		if first, _ := pieces.Cursor().First(); first == nil {
			return ErrNotFound
		}
		return pieces.ForEach(func(_, piece []byte) error {
			checkpoint = append(checkpoint, piece...)
			return nil
		})
	})
	return checkpoint, err
}

// checkpointPiece is how much of a checkpoint lies under one key. A value needs a run of
// adjacent pages; the free ones that former checkpoints leave are soon scattered too
// much for a whole one, and the file would grow for ever.
const checkpointPiece = 32 << 10

func putCheckpoint(bucket *bbolt.Bucket, checkpoint []byte) error {
	if err := bucket.DeleteBucket(checkpointBucket); err != nil {
		return err
	}
	pieces, err := bucket.CreateBucket(checkpointBucket)
	if err != nil {
		return err
	}
	number := uint64(0)
	for piece := range slices.Chunk(checkpoint, checkpointPiece) {
		if err := pieces.Put(numberKey(number), piece); err != nil {
			return err
		}
		number++
	}
	return nil
}

// AppendJournal adds a command to the run's journal.
func (d *DB) AppendJournal(id string, entry JournalEntry) error {
	return d.inRun(id, "write journal of", func(bucket *bbolt.Bucket) error {
		journal := bucket.Bucket(journalBucket)
		return putJSON(journal, numberKey(latestNumber(journal)+1), entry)
	})
}

// Journal returns the run's commands in the order they were given.
func (d *DB) Journal(id string) ([]JournalEntry, error) {
	var entries []JournalEntry
	err := d.readRun(id, "journal of", func(bucket *bbolt.Bucket) error {
		return bucket.Bucket(journalBucket).ForEach(func(_, value []byte) error {
			var entry JournalEntry
			if err := decodeJSON(value, &entry); err != nil {
				return err
			}
			entries = append(entries, entry)
			return nil
		})
	})
	return entries, err
}
