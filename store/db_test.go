package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

func openTest(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func newTestDB(t testing.TB) *DB {
	return openTest(t, filepath.Join(t.TempDir(), "galen.db"))
}

// testEpisode is an episode of realistic size whose content follows from its number.
func testEpisode(number, layers int) *Episode {
	rng := rand.New(rand.NewPCG(uint64(number), 7))
	e := &Episode{
		Number: number, Accuracy: rng.Float64(), LatencyMS: rng.Float64(), LatencyRatio: rng.Float64(),
		Reward: rng.NormFloat64(), Flags: []string{"noisy"}, Finished: time.Unix(int64(number), 0).UTC(),
	}
	for l := range layers {
		e.Layers = append(e.Layers, LayerResult{Name: fmt.Sprintf("layer%d/Conv", l), Sparsity: rng.Float64(), Kept: 32, Channels: 64, WeightBits: 8, ActivationBits: 8, Kernel: "int8", MS: rng.Float64(), MACs: 1 << 20})
		e.Actions = append(e.Actions, []float64{rng.Float64(), rng.Float64(), rng.Float64()})
	}
	for range 30 {
		e.Samples = append(e.Samples, rng.Float64())
	}
	return e
}

// testCheckpoint is a checkpoint whose content follows from its number.
func testCheckpoint(number, size int) []byte {
	data := make([]byte, size)
	var seed [32]byte
	copy(seed[:], fmt.Sprint(number))
	rand.NewChaCha8(seed).Read(data)
	return data
}

func commit(t testing.TB, db *DB, run *Run, number int, checkpoint []byte) {
	t.Helper()
	run.Episodes = number
	if err := db.CommitEpisode(run, testEpisode(number, 3), checkpoint); err != nil {
		t.Fatal(err)
	}
}

func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "galen", "galen.db")
	openTest(t, path)
	for p, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700, filepath.Dir(filepath.Dir(path)): 0o700} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", p, got, want)
		}
	}
}

func TestDefaultPath(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"/somewhere/data", "/somewhere/data/galen/galen.db"},
		{"", "/home/ada/.local/share/galen/galen.db"},
		{"relative", "/home/ada/.local/share/galen/galen.db"},
	} {
		t.Setenv("XDG_DATA_HOME", c.data)
		t.Setenv("HOME", "/home/ada")
		got, err := DefaultPath()
		if err != nil || got != c.want {
			t.Errorf("XDG_DATA_HOME=%q: %q, %v; want %q", c.data, got, err, c.want)
		}
	}
}

func TestReopenKeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "galen.db")
	db := openTest(t, path)
	run, err := db.CreateRun(Run{Name: "first", State: "running", Settings: []byte(`{"target":0.2}`), Created: time.Unix(1, 0).UTC(), Budget: 400})
	if err != nil {
		t.Fatal(err)
	}
	reference := &Reference{Accuracy: 0.9, LatencyMS: 3, MACs: 7, LayerMS: []float64{1, 2}}
	layers := []Layer{{Name: "conv", Sensitivity: Sensitivity{Sparsity: []float64{0, 1}, Int8: 0.5}}, {Name: "fc", Why: "output"}}
	entry := JournalEntry{Time: time.Unix(2, 0).UTC(), Who: "ada", Command: "pause", Episode: 2}
	for _, err := range []error{db.SetReference(run.ID, reference), db.SetLayers(run.ID, layers), db.AppendJournal(run.ID, entry), db.AppendJournal(run.ID, entry)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	commit(t, db, run, 1, []byte("old"))
	run.Best = &Best{Episode: 2, Accuracy: 0.5}
	commit(t, db, run, 2, []byte("new"))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	for _, open := range []func(string) (*DB, error){Open, OpenReadOnly} {
		db, err := open(path)
		if err != nil {
			t.Fatal(err)
		}
		gotRun, err := db.Run("first")
		check(t, "run", gotRun, run, err)
		gotReference, err := db.Reference(run.ID)
		check(t, "reference", gotReference, reference, err)
		gotLayers, err := db.Layers(run.ID)
		check(t, "layers", gotLayers, layers, err)
		journal, err := db.Journal(run.ID)
		check(t, "journal", journal, []JournalEntry{entry, entry}, err)
		episodes, err := db.Episodes(run.ID)
		check(t, "episodes", episodes, []*Episode{testEpisode(1, 3), testEpisode(2, 3)}, err)
		episode, err := db.Episode(run.ID, 2)
		check(t, "episode", episode, testEpisode(2, 3), err)
		checkpoint, err := db.Checkpoint(run.ID)
		check(t, "checkpoint", checkpoint, []byte("new"), err)
		db.Close()
	}
}

func check(t *testing.T, what string, got, want any, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: got %+v, want %+v", what, got, want)
	}
}

func TestRefusedFilesAreUntouched(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.db")
	db := openTest(t, good)
	run, err := db.CreateRun(Run{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 20; n++ {
		commit(t, db, run, n, testCheckpoint(n, 100_000))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}

	files := map[string]struct {
		data []byte
		want error
	}{
		"text":               {[]byte(strings.Repeat("dear diary\n", 2000)), ErrForeign},
		"short text":         {[]byte("hello"), ErrForeign},
		"zeros":              {make([]byte, 1<<16), ErrForeign},
		"one page":           {whole[:4096], ErrDamaged},
		"cut inside a page":  {whole[:5000], ErrDamaged},
		"metas only":         {whole[:8192], ErrDamaged},
		"some pages":         {whole[:16384], ErrDamaged},
		"other bolt file":    {boltFile(t, func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("etcd")); return err }), ErrForeign},
		"newer schema":       {boltFile(t, schemaFile("2")), ErrNewer},
		"senseless schema":   {boltFile(t, schemaFile("many")), ErrForeign},
		"senseless metadata": {append(bytes.Repeat([]byte{0xff}, 8192), whole[8192:]...), ErrForeign},
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "galen.db")
			if err := os.WriteFile(path, file.data, 0o600); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Stat(path)
			for _, open := range []func(string) (*DB, error){Open, OpenReadOnly} {
				db, err := open(path)
				if err == nil {
					db.Close()
				}
				if !errors.Is(err, file.want) {
					t.Errorf("got %v, want %v", err, file.want)
				}
			}
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if sha256.Sum256(after) != sha256.Sum256(file.data) {
				t.Error("the file was changed")
			}
			if info, _ := os.Stat(path); !info.ModTime().Equal(before.ModTime()) || info.Mode() != before.Mode() {
				t.Error("the file was written to")
			}
		})
	}
}

// TestScribbledPages overwrites single pages: whatever galen then reads is an error or
// right, never a panic.
func TestScribbledPages(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.db")
	db := openTest(t, good)
	run, err := db.CreateRun(Run{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 10; n++ {
		commit(t, db, run, n, testCheckpoint(n, 10_000))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for page := 2; page < 40 && (page+1)*4096 <= len(whole); page++ {
		broken := bytes.Clone(whole)
		copy(broken[page*4096:(page+1)*4096], testCheckpoint(page, 4096))
		path := filepath.Join(dir, fmt.Sprint(page))
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := OpenReadOnly(path)
		if err != nil {
			refused++
			continue
		}
		if _, err = db.Runs(); err == nil {
			_, err = db.Episodes("r0001")
		}
		if err == nil {
			_, err = db.Checkpoint("r0001")
		}
		if err != nil {
			refused++
		}
		db.Close()
	}
	if refused == 0 {
		t.Error("no page mattered: the test is wrong")
	}
}

func schemaFile(version string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		if err := initialize(tx); err != nil {
			return err
		}
		return tx.Bucket(metaBucket).Put(schemaKey, []byte(version))
	}
}

func boltFile(t *testing.T, f func(*bbolt.Tx) error) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bolt")
	bolt, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := bolt.Update(f); err != nil {
		t.Fatal(err)
	}
	if err := bolt.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestCreationCutShort opens what a process leaves that dies as it creates a store.
func TestCreationCutShort(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty file":  {},
		"no buckets":  boltFile(t, func(*bbolt.Tx) error { return nil }),
		"laid out":    boltFile(t, initialize),
		"schema of 1": boltFile(t, schemaFile("1")),
	} {
		path := filepath.Join(t.TempDir(), "galen.db")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := Open(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := db.CreateRun(Run{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		db.Close()
	}
}

func TestLocked(t *testing.T) {
	db := newTestDB(t)
	for name, open := range map[string]func(string) (*DB, error){"write": Open, "read": OpenReadOnly} {
		started := time.Now()
		_, err := open(db.Path())
		if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "another galen") {
			t.Errorf("open to %s: %v, want ErrLocked", name, err)
		}
		if waited := time.Since(started); waited < lockTimeout/2 || waited > 5*lockTimeout {
			t.Errorf("open to %s gave up after %v", name, waited)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := OpenReadOnly(db.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	second, err := OpenReadOnly(db.Path())
	if err != nil {
		t.Fatalf("two readers: %v", err)
	}
	defer second.Close()
	if _, err := reader.CreateRun(Run{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("write to a store open to read: %v, want ErrReadOnly", err)
	}
	if _, err := Open(db.Path()); !errors.Is(err, ErrLocked) {
		t.Errorf("open to write beside a reader: %v, want ErrLocked", err)
	}
}

func TestMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "galen.db")
	if _, err := OpenReadOnly(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
	if _, err := os.Stat(filepath.Dir(path)); err == nil {
		t.Error("reading created a folder")
	}
}
