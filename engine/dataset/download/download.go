// Package download fetches published data sets: with progress, from where an earlier
// attempt broke off, checked against the published checksum, and unpacked so that a
// data set is there whole or not at all.
package download

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"galen/engine/wholefile"
)

// Archive is a data set published as a .tar.gz.
type Archive struct {
	Name   string // what people call it
	URL    string
	MD5    string // hexadecimal, as published
	Folder string // the one folder it unpacks to
}

// Archives are the data sets that can be fetched (https://www.cs.toronto.edu/~kriz/cifar.html).
var Archives = []Archive{
	{"cifar10", "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", "cifar-10-batches-bin"},
	{"cifar100", "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8", "cifar-100-binary"},
}

// Find returns the archive of that name.
func Find(name string) (Archive, error) {
	var names []string
	for _, a := range Archives {
		if a.Name == name {
			return a, nil
		}
		names = append(names, a.Name)
	}
	return Archive{}, fmt.Errorf("data set %q is unknown; choose %s", name, strings.Join(names, " or "))
}

// Progress is how far a download is.
type Progress struct {
	Done, Total int64 // bytes; a Total of 0 is unknown
}

// Get makes the data set's folder in dir and returns its path: at once if it is there
// already. Otherwise it downloads to a .part file in dir, which it continues if an
// earlier call was interrupted, and removes when the folder is complete. progress, if
// not nil, is called often.
//
// A download whose checksum is wrong is discarded; an archive that would write outside
// its folder, or unreasonably much, is refused.
func (a Archive) Get(ctx context.Context, dir string, progress func(Progress)) (folder string, err error) {
	folder = filepath.Join(dir, a.Folder)
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("looking for %s: %w", folder, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the folder for the data: %w", err)
	}
	part := filepath.Join(dir, a.Folder+".tar.gz.part")
	if progress == nil {
		progress = func(Progress) {}
	}
	continued, err := a.fetch(ctx, part, progress)
	if err != nil {
		return "", err
	}
	wrong := a.verify(part)
	if wrong != nil && continued {
		// What was there before may be of another file: once more, from the start.
		if err := os.Remove(part); err != nil {
			return "", fmt.Errorf("removing a wrong download: %w", err)
		}
		if _, err := a.fetch(ctx, part, progress); err != nil {
			return "", err
		}
		wrong = a.verify(part)
	}
	if wrong != nil {
		return "", errors.Join(wrong, os.Remove(part))
	}
	if err := a.unpackTo(ctx, part, folder); err != nil {
		return "", err
	}
	if err := os.Remove(part); err != nil {
		return "", fmt.Errorf("removing the archive: %w", err)
	}
	return folder, nil
}

// verify compares a file's checksum.
func (a Archive) verify(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("checking the download: %w", err)
	}
	h := md5.New()
	_, err = io.Copy(h, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("checking the download: %w", err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != a.MD5 {
		return fmt.Errorf("what %s gave has the MD5 checksum %s, wants %s: it is not the published %s; try again, or another --url", a.URL, got, a.MD5, a.Name)
	}
	return nil
}

// unpackTo unpacks into a folder beside the wanted one, and renames it once all is there.
func (a Archive) unpackTo(ctx context.Context, archive, folder string) (err error) {
	in, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	wholefile.Sweep(filepath.Join(filepath.Dir(folder), "."+a.Folder+"-*"))
	temporary, err := os.MkdirTemp(filepath.Dir(folder), "."+a.Folder+"-")
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	if err := unpack(ctx, in, temporary); err != nil {
		return fmt.Errorf("unpacking %s: %w", archive, err)
	}
	whole := filepath.Join(temporary, a.Folder)
	if info, err := os.Stat(whole); err != nil || !info.IsDir() {
		entries, _ := os.ReadDir(temporary)
		names := slices.Collect(func(yield func(string) bool) {
			for _, e := range entries {
				if !yield(e.Name()) {
					return
				}
			}
		})
		return fmt.Errorf("%s holds %s, not the folder %s; it is not %s", archive, strings.Join(names, ", "), a.Folder, a.Name)
	}
	if err := os.Rename(whole, folder); err != nil {
		return fmt.Errorf("putting the data in place: %w", err)
	}
	return nil
}
