package store

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestEpisodesFollowEachOther(t *testing.T) {
	db := newTestDB(t)
	run := create(t, db, "x")
	commit(t, db, run, 1, []byte("one"))
	for _, number := range []int{0, 1, 3} {
		wrong := *run
		wrong.Episodes = number
		if err := db.CommitEpisode(&wrong, testEpisode(number, 1), []byte("wrong")); err == nil {
			t.Errorf("episode %d was stored after episode 1", number)
		}
	}
	if err := db.CommitEpisode(run, testEpisode(2, 1), []byte("wrong")); err == nil {
		t.Error("episode 2 was stored with a run that counts 1")
	}
	if checkpoint, err := db.Checkpoint(run.ID); err != nil || string(checkpoint) != "one" {
		t.Errorf("refused episodes left the checkpoint %q, %v", checkpoint, err)
	}
	if episodes, err := db.Episodes(run.ID); err != nil || len(episodes) != 1 {
		t.Errorf("refused episodes left %d episodes, %v", len(episodes), err)
	}
}

// TestUnencodableEpisodeChangesNothing has an episode fail after its run was touched.
func TestUnencodableEpisodeChangesNothing(t *testing.T) {
	db := newTestDB(t)
	run := create(t, db, "x")
	e := testEpisode(1, 1)
	e.Reward = math.NaN()
	update := *run
	update.Episodes, update.State = 1, "running"
	if err := db.CommitEpisode(&update, e, []byte("c")); err == nil {
		t.Fatal("an episode with a reward of NaN was stored")
	}
	if got, err := db.Run(run.ID); err != nil || got.State != "" || got.Episodes != 0 {
		t.Errorf("it left %+v, %v", got, err)
	}
}

func TestCheckpointIsACopy(t *testing.T) {
	db := newTestDB(t)
	run := create(t, db, "x")
	want := testCheckpoint(1, 200_000)
	commit(t, db, run, 1, want)
	got, err := db.Checkpoint(run.ID)
	if err != nil {
		t.Fatal(err)
	}
	for n := 2; n < 6; n++ {
		commit(t, db, run, n, testCheckpoint(n, 200_000))
	}
	if !bytes.Equal(got, want) {
		t.Error("a checkpoint changed after it was read")
	}
	clear(got)
}

// The latest checkpoint and its predecessor need room at once, small records break the
// free room into pieces, and bbolt doubles a file that is too small: eight times a
// checkpoint is where all of that must end, however many episodes follow.
func TestFileStopsGrowing(t *testing.T) {
	db := newTestDB(t)
	db.bolt.NoSync = true
	run := create(t, db, "x")
	const size = 2 << 20
	for n := 1; n <= 150; n++ {
		commit(t, db, run, n, testCheckpoint(n, size))
	}
	info, err := os.Stat(db.Path())
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 8*size {
		t.Errorf("after 150 episodes with checkpoints of %d bytes the file has %d", size, info.Size())
	}
}

func TestManyEpisodes(t *testing.T) {
	db := newTestDB(t)
	db.bolt.NoSync = true
	run := create(t, db, "long")
	const many = 2000
	for n := 1; n <= many; n++ {
		run.Episodes = n
		if err := db.CommitEpisode(run, testEpisode(n, 21), nil); err != nil {
			t.Fatal(err)
		}
	}
	started := time.Now()
	episodes, err := db.Episodes(run.ID)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d episodes of 21 layers listed in %v", many, time.Since(started))
	if len(episodes) != many {
		t.Fatalf("%d episodes, want %d", len(episodes), many)
	}
	for i, e := range episodes {
		if e.Number != i+1 {
			t.Fatalf("episode %d at place %d", e.Number, i)
		}
	}
}

func BenchmarkCommit(b *testing.B) {
	for name, size := range map[string]int{"1MB": 1 << 20, "4MB": 4 << 20, "10MB": 10 << 20} {
		b.Run(name, func(b *testing.B) {
			db := newTestDB(b)
			run, err := db.CreateRun(Run{Name: "x"})
			if err != nil {
				b.Fatal(err)
			}
			checkpoint := testCheckpoint(1, size)
			n := 0
			for b.Loop() {
				n++
				run.Episodes = n
				if err := db.CommitEpisode(run, testEpisode(n, 21), checkpoint); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkTenThousand opens a store with a run of 10,000 episodes of a network with 21 layers,
// lists it and reads it whole, and commits one more episode with a checkpoint of 2 MB.
func BenchmarkTenThousand(b *testing.B) {
	path := filepath.Join(b.TempDir(), "galen.db")
	db, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	db.bolt.NoSync = true // only the making of it
	run, err := db.CreateRun(Run{Name: "long"})
	if err != nil {
		b.Fatal(err)
	}
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		return info.Size()
	}
	commit := func(n int, checkpoint []byte) {
		run.Episodes = n
		if err := db.CommitEpisode(run, testEpisode(n, 21), checkpoint); err != nil {
			b.Fatal(err)
		}
	}
	checkpoint := testCheckpoint(1, 2<<20)
	commit(1, checkpoint)
	first := size()
	for n := 2; n <= 10_000; n++ {
		commit(n, checkpoint[:1000])
	}
	growth := float64(size()-first) / 1e4
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	var open, list, read, write time.Duration
	n := 10_000
	for b.Loop() {
		began := time.Now()
		lap := func(d *time.Duration) {
			*d += time.Since(began)
			began = time.Now()
		}
		if db, err = Open(path); err != nil {
			b.Fatal(err)
		}
		lap(&open)
		if _, err := db.Runs(); err != nil {
			b.Fatal(err)
		}
		lap(&list)
		if all, err := db.Episodes(run.ID); err != nil || len(all) != n {
			b.Fatal(len(all), err)
		}
		lap(&read)
		n++
		commit(n, checkpoint)
		lap(&write)
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
	for name, d := range map[string]time.Duration{"open": open, "list": list, "read": read, "commit": write} {
		b.ReportMetric(d.Seconds()*1e3/float64(b.N), "ms/"+name)
	}
	b.ReportMetric(growth, "B/episode")
}
