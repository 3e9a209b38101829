package download

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// What an archive may hold; CIFAR's have eight files, 184 MB in all.
const (
	mostEntries = 1000
	mostBytes   = 1 << 30
)

// unpack writes the folders and regular files of a .tar.gz into dir, and nothing
// outside it: other kinds of entries, and names that lead out, are refused.
func unpack(ctx context.Context, in io.Reader, dir string) error {
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("it is no .tar.gz: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	err = unpackEntries(ctx, tar.NewReader(unzipped), root)
	if err == nil {
		// The checksum of the whole is at the end of the stream.
		var n int64
		if n, err = io.Copy(io.Discard, io.LimitReader(unzipped, mostBytes)); n == mostBytes {
			err = errors.Join(err, errTooMuch)
		}
	}
	return errors.Join(err, root.Close())
}

var errTooMuch = fmt.Errorf("it holds more than %d files or %d MiB; no data set galen knows does", mostEntries, mostBytes>>20)

func unpackEntries(ctx context.Context, entries *tar.Reader, root *os.Root) error {
	left := int64(mostBytes)
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n >= mostEntries || entry.Size > left {
			return errTooMuch
		}
		name := filepath.FromSlash(entry.Name)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("it would write to %q, outside its folder; refused", entry.Name)
		}
		switch entry.Typeflag {
		case tar.TypeXGlobalHeader:
		case tar.TypeDir:
			if err := root.MkdirAll(name, 0o755); err != nil {
				return err
			}
		case tar.TypeReg:
			if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				return err
			}
			written, err := writeFile(root, name, io.LimitReader(entries, left+1))
			if err != nil {
				return err
			}
			if left -= written; left < 0 {
				return errTooMuch
			}
		default:
			return fmt.Errorf("%q is neither a file nor a folder; refused", entry.Name)
		}
	}
}

// writeFile makes a new file; what is there by the time its folder is renamed survives
// a power failure.
func writeFile(root *os.Root, name string, in io.Reader) (int64, error) {
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, err
	}
	written, err := io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return written, errors.Join(err, out.Close())
}
