package compress

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"galen/engine/wholefile"
)

// Database is a folder with what was found about single layers, so that it need not be
// found again: the compressed-layer database. Entries are files named after the hash of
// all they follow from, so that runs, targets and agents on the same model and data
// share them, also at the same time. Any of them may vanish or be damaged at any
// time: what is missing is found anew, and no result depends on what was there. It is
// safe for concurrent use.
type Database struct {
	dir   string
	limit int64

	mu   sync.Mutex
	size int64 // of the entries, as far as this process knows
}

// DefaultDatabaseSize bounds a Database where nothing else is asked for: the layers of a ResNet18
// at some dozens of channel counts.
const DefaultDatabaseSize = 4 << 30

// OpenDatabase opens the folder, creating it if need be. Once its files exceed limit bytes
// (0: DefaultDatabaseSize), those not used for longest are removed.
func OpenDatabase(dir string, limit int64) (*Database, error) {
	if limit <= 0 {
		limit = DefaultDatabaseSize
	}
	d := &Database{dir: dir, limit: limit}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the compressed-layer database: %w", err)
	}
	for _, e := range d.entries() {
		d.size += e.size
	}
	wholefile.Sweep(filepath.Join(dir, ".*"+entrySuffix+"-*"))
	return d, nil
}

const (
	entrySuffix = ".layer"
	entryMagic  = "galenly1"
	entryHeader = len(entryMagic) + 4 + 8 // and the checksum and length of the content
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (d *Database) path(key entryKey) string {
	return filepath.Join(d.dir, hex.EncodeToString(key[:])+entrySuffix)
}

// has tells whether there is an entry, sound or not.
func (d *Database) has(key entryKey) bool {
	_, err := os.Stat(d.path(key))
	return err == nil
}

// get returns an entry's content; false if there is none, or a damaged one, which it removes.
func (d *Database) get(key entryKey) ([]byte, bool) {
	path := d.path(key)
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, false
	}
	if len(file) < entryHeader || string(file[:len(entryMagic)]) != entryMagic {
		d.drop(key)
		return nil, false
	}
	header, content := file[len(entryMagic):entryHeader], file[entryHeader:]
	if binary.LittleEndian.Uint64(header[4:]) != uint64(len(content)) || binary.LittleEndian.Uint32(header) != crc32.Checksum(content, castagnoli) {
		d.drop(key)
		return nil, false
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // another process may have removed it
	return content, true
}

// drop removes an entry that cannot be used.
func (d *Database) drop(key entryKey) { _ = os.Remove(d.path(key)) }

// put stores an entry. What cannot be stored is found anew when it is wanted, so a full disk or
// a folder that was removed is no reason to fail.
func (d *Database) put(key entryKey, content []byte) {
	file := make([]byte, 0, entryHeader+len(content))
	file = append(file, entryMagic...)
	file = binary.LittleEndian.AppendUint32(file, crc32.Checksum(content, castagnoli))
	file = binary.LittleEndian.AppendUint64(file, uint64(len(content)))
	file = append(file, content...)
	if os.MkdirAll(d.dir, 0o700) != nil || wholefile.Write(d.path(key), file) != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.size += int64(len(file)); d.size > d.limit {
		d.evict()
	}
}

// entry is a file of a Database.
type entry struct {
	path string
	size int64
	used time.Time
}

func (d *Database) entries() (all []entry) {
	files, err := os.ReadDir(d.dir)
	if err != nil {
		return nil
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() && strings.HasSuffix(f.Name(), entrySuffix) {
			all = append(all, entry{filepath.Join(d.dir, f.Name()), info.Size(), info.ModTime()})
		}
	}
	return all
}

// evict removes the entries not used for longest until a tenth of the limit is free. Other processes may
// have changed the folder: it looks anew.
func (d *Database) evict() {
	all := d.entries()
	slices.SortFunc(all, func(a, b entry) int { return a.used.Compare(b.used) })
	d.size = 0
	for _, e := range all {
		d.size += e.size
	}
	for _, e := range all {
		if d.size <= d.limit-d.limit/10 {
			return
		}
		if err := os.Remove(e.path); err == nil || os.IsNotExist(err) {
			d.size -= e.size
		}
	}
}
