package dataset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// file is a regular file of a folder or of an archive.
type file struct {
	name string // the path, for people
	size int64
	open func() (io.ReaderAt, error)
}

func (f file) base() string { return path.Base(filepath.ToSlash(f.name)) }

// content reads the whole file, which must not exceed limit bytes.
func (f file) content(limit int64) ([]byte, error) {
	if f.size > limit {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d it may have; replace it", f.name, f.size, limit)
	}
	in, err := f.open()
	if err != nil {
		return nil, err
	}
	content := make([]byte, f.size)
	if n, err := in.ReadAt(content, 0); n < len(content) {
		return nil, unreadable(f.name, err)
	}
	return content, nil
}

// fileSet is the regular files of one folder, by name.
type fileSet []file

// find returns the file of that name.
func (s fileSet) find(base string) (file, bool) {
	for _, f := range s {
		if f.base() == base {
			return f, true
		}
	}
	return file{}, false
}

// folderFiles lists the regular files in a folder, following links. They are kept open
// as long as they are in use.
func folderFiles(folder string) (fileSet, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("opening the data folder: %w", err)
	}
	var files fileSet
	for _, e := range entries {
		name := filepath.Join(folder, e.Name())
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		files = append(files, diskFile(name, info))
	}
	return files, nil
}

func diskFile(name string, info os.FileInfo) file {
	return file{name, info.Size(), func() (io.ReaderAt, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, err // not f: a nil *os.File in an interface is not nil
		}
		return f, nil
	}}
}

// What the archive of a data set may hold: CIFAR's has eight files, 184 MB in all.
const (
	archiveEntries = 1000
	archiveBytes   = 1 << 30
)

// archiveFiles reads the wanted files, told by their base name, of a .tar.gz into
// memory. Nothing is written to disk, whatever paths the archive names.
func archiveFiles(archive string, in io.Reader, wanted func(base string) bool) (fileSet, error) {
	damaged := func(err error) error {
		return fmt.Errorf("%s is damaged (%w); download it again", archive, err)
	}
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		return nil, damaged(err)
	}
	limited := &io.LimitedReader{R: unzipped, N: archiveBytes}
	entries := tar.NewReader(limited)
	var files fileSet
	var total int64
	for n := 0; ; n++ {
		header, err := entries.Next()
		if limited.N <= 0 || total > archiveBytes || n > archiveEntries {
			return nil, fmt.Errorf("%s holds more than %d files or %d MiB, hence is no archive of CIFAR; give cifar-10-binary.tar.gz or cifar-100-binary.tar.gz", archive, archiveEntries, archiveBytes>>20)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, damaged(err)
		}
		base := path.Base(header.Name)
		if header.Typeflag != tar.TypeReg || !wanted(base) {
			continue
		}
		// The buffer grows with what is really there, whatever size the header claims;
		// but a sparse entry may be far longer than its archive.
		content, err := io.ReadAll(io.LimitReader(entries, archiveBytes+1-total))
		total += int64(len(content))
		if err != nil && limited.N > 0 {
			return nil, damaged(err)
		}
		name := archive + "/" + strings.TrimPrefix(path.Clean(header.Name), "/")
		if _, twice := files.find(base); twice {
			return nil, fmt.Errorf("%s holds two files %s; unpack it and give the folder with the right ones", archive, base)
		}
		files = append(files, file{name, int64(len(content)), func() (io.ReaderAt, error) { return bytes.NewReader(content), nil }})
	}
	// The checksum of the whole is at the end of the stream.
	if _, err := io.Copy(io.Discard, limited); err != nil {
		return nil, damaged(err)
	}
	return slices.Clip(files), nil
}
