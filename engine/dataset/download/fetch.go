package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// How a download deals with a bad connection. Variables, so that tests need not wait.
var (
	attempts = 6                // in a row that bring nothing
	pause    = 2 * time.Second  // before the second attempt; it doubles
	patience = 60 * time.Second // without a byte, before an attempt is given up
)

// final is an error that no further attempt would change.
type final struct{ error }

// fetch downloads to the file, after what is there already, which continued tells. It
// tries again when a connection breaks.
func (a Archive) fetch(ctx context.Context, file string, progress func(Progress)) (continued bool, err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return false, fmt.Errorf("writing the download: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	wait := pause
	for failed := 0; ; {
		before, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return continued, fmt.Errorf("writing the download: %w", err)
		}
		resumed, err := a.attempt(ctx, f, before, progress)
		continued = continued || resumed
		if err == nil {
			return continued, nil
		}
		after, seekErr := f.Seek(0, io.SeekEnd)
		if after > before {
			failed, wait = 0, pause
		}
		failed++
		if ctx.Err() != nil {
			return continued, fmt.Errorf("downloading %s was interrupted; the same command continues it: %w", a.Name, ctx.Err())
		}
		if errors.As(err, new(final)) || failed >= attempts || seekErr != nil {
			return continued, fmt.Errorf("downloading %s: %w; try again later (it continues where it broke off), or another --url", a.Name, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait *= 2
	}
}

// attempt asks once for what is after the bytes of the file and appends it. Where the
// server starts from the beginning, so does the file; resumed tells that it did not.
func (a Archive) attempt(ctx context.Context, f *os.File, have int64, progress func(Progress)) (resumed bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(patience, func() { cancel(fmt.Errorf("%s has sent nothing for %v", a.URL, patience)) })
	defer silence.Stop()
	defer func() {
		if cause := context.Cause(ctx); err != nil && cause != nil {
			err = cause // says more than "context canceled"
		}
	}()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL, nil)
	if err != nil {
		return false, final{err}
	}
	// An archive labelled as gzip-encoded text must not be unpacked on the way.
	request.Header.Set("Accept-Encoding", "identity")
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	total := int64(0)
	switch response.StatusCode {
	case http.StatusPartialContent:
		first, length, ok := contentRange(response.Header.Get("Content-Range"))
		if !ok || first != have {
			return false, errors.Join(fmt.Errorf("%s answered with another range than was asked for", a.URL), f.Truncate(0))
		}
		resumed, total = true, length
	case http.StatusOK:
		if err := f.Truncate(0); err != nil {
			return false, err
		}
		have, total = 0, max(0, response.ContentLength)
	case http.StatusRequestedRangeNotSatisfiable:
		if _, length, _ := contentRange(response.Header.Get("Content-Range")); length == have && have > 0 {
			return true, nil // all of it was there
		}
		return false, errors.Join(fmt.Errorf("%s has fewer bytes than were downloaded", a.URL), f.Truncate(0))
	default:
		err := fmt.Errorf("%s answered %s", a.URL, response.Status)
		if response.StatusCode >= 400 && response.StatusCode < 500 && response.StatusCode != http.StatusTooManyRequests {
			err = final{err}
		}
		return false, err
	}
	if total > mostBytes {
		return resumed, final{fmt.Errorf("%s has %d MiB: %w", a.URL, total>>20, errTooMuch)}
	}
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return resumed, err
	}
	buffer := make([]byte, 256<<10)
	for {
		if ctx.Err() != nil { // the body may have bytes in store, still
			return resumed, ctx.Err()
		}
		n, readErr := response.Body.Read(buffer)
		if n > 0 {
			silence.Reset(patience)
			if have += int64(n); have > mostBytes {
				return resumed, final{errTooMuch}
			}
			if _, err := f.Write(buffer[:n]); err != nil {
				return resumed, final{err}
			}
			progress(Progress{have, total})
		}
		if errors.Is(readErr, io.EOF) {
			if total > 0 && have != total {
				return resumed, fmt.Errorf("%s ended after %d of %d bytes", a.URL, have, total)
			}
			return resumed, nil
		}
		if readErr != nil {
			return resumed, readErr
		}
	}
}

// contentRange reads "bytes 100-999/1000", or "bytes */1000"; an unknown length is 0.
func contentRange(header string) (first, length int64, ok bool) {
	span, total, found := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	if !found {
		return 0, 0, false
	}
	length, _ = strconv.ParseInt(total, 10, 64)
	from, _, _ := strings.Cut(span, "-")
	first, err := strconv.ParseInt(from, 10, 64)
	return first, max(0, length), err == nil
}
