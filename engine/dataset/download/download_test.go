package download

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	pause, patience = time.Millisecond, 200*time.Millisecond
	os.Exit(m.Run())
}

// pack makes a .tar.gz of the headers; a regular file's content is noise of its size.
func pack(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	out := tar.NewWriter(zipped)
	random := rand.New(rand.NewPCG(1, 2))
	for _, h := range headers {
		h.Mode = 0o600
		if err := out.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		for range h.Size {
			if _, err := out.Write([]byte{byte(random.Uint32())}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(out.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func sum(content []byte) string {
	h := md5.Sum(content)
	return hex.EncodeToString(h[:])
}

func good(t testing.TB) []byte {
	return pack(t, tar.Header{Name: "set/", Typeflag: tar.TypeDir},
		tar.Header{Name: "set/a.bin", Size: 100_000}, tar.Header{Name: "set/b.bin", Size: 300_000})
}

// serve answers with the content, ranges included, through the wrapper.
func serve(t testing.TB, content []byte, wrap func(http.Handler) http.Handler) Archive {
	t.Helper()
	var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "set.tar.gz", time.Time{}, bytes.NewReader(content))
	})
	if wrap != nil {
		handler = wrap(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return Archive{Name: "set", URL: server.URL + "/set.tar.gz", MD5: sum(content), Folder: "set"}
}

// left lists what is in a folder.
func left(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func checkComplete(t *testing.T, dir, folder string) {
	t.Helper()
	if folder != filepath.Join(dir, "set") {
		t.Errorf("the data is said to be in %s", folder)
	}
	if got := left(t, dir); !slices.Equal(got, []string{"set"}) {
		t.Errorf("%v is left, want the data set's folder alone", got)
	}
	for name, size := range map[string]int64{"a.bin": 100_000, "b.bin": 300_000} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() != size {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestGet(t *testing.T) {
	content := good(t)
	requests := 0
	a := serve(t, content, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { requests++; h.ServeHTTP(w, r) })
	})
	dir := filepath.Join(t.TempDir(), "new")
	var last Progress
	folder, err := a.Get(t.Context(), dir, func(p Progress) {
		if p.Done <= last.Done {
			t.Errorf("progress went from %d to %d", last.Done, p.Done)
		}
		last = p
	})
	if err != nil {
		t.Fatal(err)
	}
	checkComplete(t, dir, folder)
	if size := int64(len(content)); last != (Progress{size, size}) {
		t.Errorf("progress ended at %+v of %d", last, size)
	}
	if again, err := a.Get(t.Context(), dir, nil); err != nil || again != folder || requests != 1 {
		t.Errorf("a second time: %s, %v after %d requests", again, err, requests)
	}
}

// A connection that breaks again and again is taken up where it broke.
func TestGetResumesBrokenConnections(t *testing.T) {
	content := good(t)
	var asked []string
	a := serve(t, content, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Header.Get("Range"))
			h.ServeHTTP(&breaking{w, 150_000}, r)
		})
	})
	dir := t.TempDir()
	folder, err := a.Get(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkComplete(t, dir, folder)
	if len(asked) < 3 || asked[0] != "" || !strings.HasPrefix(asked[1], "bytes=1") {
		t.Errorf("asked for %q", asked)
	}
}

// breaking drops the connection after some bytes.
type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	if len(p) > b.left {
		_, _ = b.ResponseWriter.Write(p[:b.left])
		b.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	b.left -= len(p)
	return b.ResponseWriter.Write(p)
}

// An interrupted call leaves its bytes, and the next one asks only for the others.
func TestGetContinuesAnEarlierCall(t *testing.T) {
	content := good(t)
	for name, c := range map[string]struct {
		before  []byte
		ignored bool // the server does not know ranges
		ranges  []string
	}{
		"half":                {content[:200_000], false, []string{"bytes=200000-"}},
		"all":                 {content, false, []string{"bytes=" + strconv.Itoa(len(content)) + "-"}},
		"of another file":     {bytes.Repeat([]byte{7}, 1000), false, []string{"bytes=1000-", ""}},
		"too long":            {bytes.Repeat([]byte{7}, len(content)+1), false, []string{"bytes=" + strconv.Itoa(len(content)+1) + "-", ""}},
		"server starts again": {content[:1000], true, []string{"bytes=1000-"}},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			a := serve(t, content, func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked = append(asked, r.Header.Get("Range"))
					if c.ignored {
						r.Header.Del("Range")
					}
					h.ServeHTTP(w, r)
				})
			})
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "set.tar.gz.part"), c.before, 0o600); err != nil {
				t.Fatal(err)
			}
			folder, err := a.Get(t.Context(), dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkComplete(t, dir, folder)
			if !slices.Equal(asked, c.ranges) {
				t.Errorf("asked for %q, want %q", asked, c.ranges)
			}
		})
	}
}

func TestGetStopsWhenInterrupted(t *testing.T) {
	content := good(t)
	a := serve(t, content, nil)
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	_, err := a.Get(ctx, dir, func(Progress) { cancel() })
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "continues it") {
		t.Fatal(err)
	}
	if got := left(t, dir); !slices.Equal(got, []string{"set.tar.gz.part"}) {
		t.Errorf("%v is left, want what was downloaded", got)
	}
	folder, err := a.Get(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkComplete(t, dir, folder)
}

func TestGetRefuses(t *testing.T) {
	content := good(t)
	silent := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
	}
	attempts = 2
	for name, c := range map[string]struct {
		content []byte
		md5     string
		wrap    func(http.Handler) http.Handler
		says    string
	}{
		"wrong checksum": {content, sum(nil), nil, "checksum"},
		"missing":        {content, "", func(http.Handler) http.Handler { return http.NotFoundHandler() }, "404"},
		"silent":         {content, "", silent, "sent nothing"},
		"cut archive":    {content[:1000], "", nil, "unexpected EOF"},
		"not gzip":       {[]byte("<html>"), "", nil, "no .tar.gz"},
		"other folder":   {pack(t, tar.Header{Name: "other/a", Size: 1}), "", nil, "holds other, not the folder set"},
		"parent":         {pack(t, tar.Header{Name: "set/../../escaped", Size: 1}), "", nil, "outside"},
		"absolute":       {pack(t, tar.Header{Name: "/tmp/galen-escaped", Size: 1}), "", nil, "outside"},
		"link":           {pack(t, tar.Header{Name: "set/l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}), "", nil, "neither"},
		"device":         {pack(t, tar.Header{Name: "set/l", Typeflag: tar.TypeChar}), "", nil, "neither"},
		"twice":          {pack(t, tar.Header{Name: "set/a", Size: 1}, tar.Header{Name: "set/a", Size: 1}), "", nil, "exists"},
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, c.content, c.wrap)
			if c.md5 != "" {
				a.MD5 = c.md5
			}
			dir := filepath.Join(t.TempDir(), "inner")
			_, err := a.Get(t.Context(), dir, nil)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, want %q", err, c.says)
			}
			for _, name := range left(t, dir) {
				if name != "set.tar.gz.part" {
					t.Errorf("%s is left", name)
				}
			}
			if outside := left(t, filepath.Dir(dir)); !slices.Equal(outside, []string{"inner"}) {
				t.Errorf("%v is beside the folder", outside)
			}
		})
	}
}

func TestUnpackBoundsSize(t *testing.T) {
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	if err := tar.NewWriter(zipped).WriteHeader(&tar.Header{Name: "set/bomb", Size: mostBytes + 1}); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unpack(t.Context(), &packed, t.TempDir()); !errors.Is(err, errTooMuch) {
		t.Error(err)
	}
	many := make([]tar.Header, mostEntries+1)
	for i := range many {
		many[i] = tar.Header{Name: "set/", Typeflag: tar.TypeDir}
	}
	if err := unpack(t.Context(), bytes.NewReader(pack(t, many...)), t.TempDir()); !errors.Is(err, errTooMuch) {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	for _, a := range Archives {
		if found, err := Find(a.Name); err != nil || found != a || len(a.MD5) != 32 {
			t.Errorf("%s: %+v, %v", a.Name, found, err)
		}
	}
	if _, err := Find("imagenet"); err == nil || !strings.Contains(err.Error(), "cifar10 or cifar100") {
		t.Error(err)
	}
}

func FuzzUnpack(f *testing.F) {
	unzipped := func(packed []byte) []byte {
		in, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			f.Fatal(err)
		}
		tarred, err := io.ReadAll(in)
		if err != nil {
			f.Fatal(err)
		}
		return tarred
	}
	f.Add(unzipped(pack(f, tar.Header{Name: "set/a", Size: 10})))
	f.Add(unzipped(pack(f, tar.Header{Name: "../a", Size: 10}, tar.Header{Name: "set/b", Typeflag: tar.TypeLink, Linkname: "set/a"})))
	f.Fuzz(func(t *testing.T, tarred []byte) {
		// The fuzzer mutates the archive, not its compression.
		var packed bytes.Buffer
		zipped := gzip.NewWriter(&packed)
		if _, err := zipped.Write(tarred); err != nil {
			t.Fatal(err)
		}
		if err := zipped.Close(); err != nil {
			t.Fatal(err)
		}
		parent := t.TempDir()
		dir := filepath.Join(parent, "inner")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		_ = unpack(t.Context(), &packed, dir)
		if outside := left(t, parent); !slices.Equal(outside, []string{"inner"}) {
			t.Errorf("%v was written outside", outside)
		}
	})
}
