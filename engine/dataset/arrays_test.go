package dataset

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"galen/engine/npy"
	"galen/hw/graph"
)

// npyFile is an array file as numpy.save writes it.
func npyFile(dtype string, shape []int, content []byte) []byte {
	dims := strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]")
	if len(shape) == 1 {
		dims += ","
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", dtype, dims)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	b := append([]byte(npy.Magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	return append(append(b, header...), content...)
}

// npz is an archive of arrays.
func npz(t testing.TB, method uint16, members map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range members {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: method})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// counting is n bytes that count up.
func counting(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

// All the ways to store the same arrays must give the same images.
func TestArrays(t *testing.T) {
	const n, h, w = 5, 6, 7
	planar := counting(n * 3 * h * w)
	interleaved := make([]byte, len(planar))
	for i := range n {
		for c := range 3 {
			for p := range h * w {
				interleaved[(i*h*w+p)*3+c] = planar[(i*3+c)*h*w+p]
			}
		}
	}
	labels := []byte{0, 2, 1, 2, 0}
	wide := make([]byte, 8*n)
	for i, l := range labels {
		binary.BigEndian.PutUint64(wide[8*i:], uint64(l))
	}
	members := map[string][]byte{
		"x_train": npyFile("|u1", []int{n, 3, h, w}, planar), "y_train": npyFile("|u1", []int{n}, labels),
		"x_test": npyFile("|u1", []int{n, h, w, 3}, interleaved), "y_test": npyFile(">i8", []int{n, 1}, wide),
	}
	files := map[string][]byte{"stored.npz": npz(t, zip.Store, members), "packed.npz": npz(t, zip.Deflate, members)}
	for name, content := range members {
		files["folder/"+name+".npy"] = content
	}
	dir := write(t, t.TempDir(), files)
	var first *Data
	for _, name := range []string{"stored.npz", "packed.npz", "folder"} {
		d, err := Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.Test.Labels, []int{0, 2, 1, 2, 0}) || d.Train.NumClasses() != 3 {
			t.Errorf("%s: test labels %v of %d classes", name, d.Test.Labels, d.Train.NumClasses())
		}
		if !bytes.Equal(d.Test.Images, planar) {
			t.Errorf("%s: channels-last images are not those that were stored", name)
		}
		for i := range n { // training records are shuffled
			at := slices.IndexFunc(d.Test.Indices(), func(k int) bool { return bytes.Equal(d.Test.Image(k), d.Train.Image(i)) })
			if at < 0 || d.Test.Labels[at] != d.Train.Labels[i] {
				t.Errorf("%s: training record %d is not one that was stored", name, i)
			}
		}
		if first == nil {
			first = d
		} else if d.SHA256 != first.SHA256 || !slices.Equal(d.Train.Labels, first.Train.Labels) {
			t.Errorf("%s differs from %s", name, first.Name)
		}
	}
}

func TestArraysAreFittedToTheNetwork(t *testing.T) {
	grey := npz(t, zip.Store, map[string][]byte{"images": npyFile("|u1", []int{2, 28, 28}, bytes.Repeat([]byte{9}, 2*28*28)), "labels": npyFile("<i4", []int{2}, []byte{0, 0, 0, 0, 1, 0, 0, 0})})
	dir := write(t, t.TempDir(), map[string][]byte{"grey.npz": grey})
	d, err := OpenFor(filepath.Join(dir, "grey.npz"), Options{Shape: graph.Shape{1, 32, 32}})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := d.Train.Load(nil)
	if err != nil || len(loaded.Images) != 2*32*32 || slices.Max(loaded.Images) != 9 || slices.Min(loaded.Images) != 9 || d.Test != nil {
		t.Errorf("resized to %d bytes, %v", len(loaded.Images), err)
	}
	if _, err := OpenFor(filepath.Join(dir, "grey.npz"), Options{Shape: graph.Shape{3, 28, 28}}); err == nil || !strings.Contains(err.Error(), "3 channels") {
		t.Errorf("grey images for a network of three channels: %v", err)
	}
}

func TestArraysRefuse(t *testing.T) {
	x, y := npyFile("|u1", []int{2, 4, 4, 3}, counting(96)), npyFile("|u1", []int{2}, []byte{0, 1})
	crc := npz(t, zip.Deflate, map[string][]byte{"images": x, "labels": y})
	at := bytes.Index(crc, []byte("PK\x01\x02"))
	crc[at+16]++ // the checksum of the first member
	bomb := npz(t, zip.Deflate, map[string][]byte{"images": x})
	binary.LittleEndian.PutUint32(bomb[bytes.Index(bomb, []byte("PK\x01\x02"))+24:], 1<<30)
	with := func(images, labels []byte) []byte {
		return npz(t, zip.Store, map[string][]byte{"images": images, "labels": labels})
	}
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"no zip":          {[]byte("PK\x03\x04 and no more"), "damaged"},
		"other names":     {npz(t, zip.Store, map[string][]byte{"foo": x}), "x_train and y_train"},
		"images alone":    {npz(t, zip.Store, map[string][]byte{"images": x}), "save both"},
		"checksum":        {crc, "checksum"},
		"claimed size":    {npz(t, zip.Store, map[string][]byte{"images": npyFile("|u1", []int{1000000000, 1000000000, 1000000000, 3}, nil), "labels": y}), "does not fit"},
		"member claim":    {append([]byte{}, bomb...), "save both"},
		"cut":             {with(x[:len(x)-1], y), "takes 96 bytes and there are 95"},
		"floats":          {with(npyFile("<f4", []int{2, 4, 4, 3}, make([]byte, 384)), y), "astype('uint8')"},
		"integers":        {with(npyFile("<i4", []int{2, 4, 4, 3}, make([]byte, 384)), y), "images are uint8"},
		"fortran":         {with(bytes.Replace(x, []byte("False"), []byte("True "), 1), y), "ascontiguousarray"},
		"few labels":      {with(x, npyFile("|u1", []int{1}, []byte{0})), "1 labels for 2 images"},
		"one-hot":         {with(x, npyFile("|u1", []int{2, 2}, make([]byte, 4))), "argmax"},
		"negative label":  {with(x, npyFile("|i1", []int{2}, []byte{0, 255})), "label 1"},
		"huge label":      {with(x, npyFile("<u4", []int{2}, []byte{0, 0, 0, 0, 0, 0, 1, 0})), "label 1"},
		"no images":       {with(npyFile("|u1", []int{0, 4, 4, 3}, nil), npyFile("|u1", []int{0}, nil)), "no images"},
		"unclear axes":    {with(npyFile("|u1", []int{2, 3, 16, 3}, make([]byte, 288)), y), "unclear"},
		"one axis":        {with(npyFile("|u1", []int{2}, make([]byte, 2)), y), "N×height×width"},
		"object":          {with(npyFile("|O", []int{2}, make([]byte, 2)), y), "|O"},
		"future version":  {with([]byte(npy.Magic+"\x09\x00\x00\x00\x00\x00\x00\x00"), y), "version 9"},
		"endless header":  {with([]byte(npy.Magic+"\x02\x00\xff\xff\xff\xff\x00\x00"), y), "header"},
		"a lonely array":  {x, "one array"},
		"something else":  {[]byte("GIF89a..."), "no data set"},
		"gzip of nothing": {[]byte("\x1f\x8b\x00"), "damaged"},
	} {
		path := filepath.Join(write(t, t.TempDir(), map[string][]byte{"f": c.file}), "f")
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// A compressed member that claims far more than it can hold is not allocated.
func TestCompressedClaims(t *testing.T) {
	bomb := npz(t, zip.Deflate, map[string][]byte{"images": npyFile("|u1", []int{1, 1, 1, 1}, []byte{1}), "labels": npyFile("|u1", []int{1}, []byte{1})})
	for at := 0; ; {
		next := bytes.Index(bomb[at:], []byte("PK\x01\x02"))
		if next < 0 {
			break
		}
		at += next + 4
		binary.LittleEndian.PutUint32(bomb[at+20:], 1<<30) // the uncompressed size
	}
	path := filepath.Join(write(t, t.TempDir(), map[string][]byte{"f": bomb}), "f")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Open(path)
	runtime.ReadMemStats(&after)
	if err == nil || after.TotalAlloc-before.TotalAlloc > 1<<24 {
		t.Errorf("%v after allocating %d bytes", err, after.TotalAlloc-before.TotalAlloc)
	}
}

// tarGz packs files.
func tarGz(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	out := tar.NewWriter(zipped)
	for name, content := range files {
		if err := out.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(out.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestArchiveIsAsItsFolder(t *testing.T) {
	files := map[string][]byte{"data_batch_1.bin": batch(0, 4), "data_batch_2.bin": batch(4, 3), "test_batch.bin": batch(9, 2)}
	packed := map[string][]byte{"cifar-10-batches-bin/readme.html": nil}
	for name, content := range files {
		packed["cifar-10-batches-bin/"+name] = content
	}
	archive := tarGz(t, packed)
	dir := write(t, t.TempDir(), map[string][]byte{"a.tar.gz": archive, "cut.tar.gz": archive[:len(archive)/2], "none.tar.gz": tarGz(t, map[string][]byte{"x": nil})})
	fromFolder, err := Open(folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	fromArchive, err := Open(filepath.Join(dir, "a.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if fromArchive.SHA256 != fromFolder.SHA256 || !bytes.Equal(fromArchive.Train.Images, fromFolder.Train.Images) {
		t.Error("the archive holds other images than its folder")
	}
	for name, says := range map[string]string{"cut.tar.gz": "damaged", "none.tar.gz": "no CIFAR"} {
		if _, err := Open(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCIFAR100(t *testing.T) {
	var train []byte
	for i := range 3 {
		train = append(append(train, byte(i), byte(97+i)), counting(cifarPixels)...)
	}
	dir := folder(t, map[string][]byte{"train.bin": train, "test.bin": train[:2+cifarPixels]})
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Train.Labels, []int{97, 98, 99}) || d.Train.NumClasses() != 100 || d.Test.Len() != 1 || !bytes.Equal(d.Train.Image(2), counting(cifarPixels)) {
		t.Errorf("labels %v of %d classes", d.Train.Labels, d.Train.NumClasses())
	}
	if d.Train.Mean[0] != 0.5071 {
		t.Errorf("mean %v is not CIFAR-100's", d.Train.Mean)
	}
	// For a network of another size the images are resized, and stay what they are.
	large, err := OpenFor(dir, Options{Shape: graph.Shape{3, 64, 64}})
	if err != nil {
		t.Fatal(err)
	}
	if pixels, err := large.Test.Read(nil, []int{0}); err != nil || len(pixels) != 3*64*64 || large.SHA256 != d.SHA256 {
		t.Errorf("%d pixels, %v", len(pixels), err)
	}
}

// Files may be cut while they are in use.
func TestChangedFileIsNamed(t *testing.T) {
	dir := folder(t, map[string][]byte{"data_batch_1.bin": batch(0, 9)})
	d, err := OpenFor(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "data_batch_1.bin"), 5000); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Train.Read(nil, []int{0, 8, 3}); err == nil || !strings.Contains(err.Error(), "data_batch_1.bin") {
		t.Error(err)
	}
}

func FuzzArrays(f *testing.F) {
	x, y := npyFile("|u1", []int{2, 4, 4, 3}, counting(96)), npyFile("<i2", []int{2}, []byte{0, 0, 1, 0})
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		f.Add(npz(f, method, map[string][]byte{"images": x, "labels": y}))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		arrays, err := npzArrays("f", bytes.NewReader(content))
		if err != nil {
			return
		}
		readAll(t, arrays)
	})
}

func FuzzNPY(f *testing.F) {
	f.Add(npyFile("|u1", []int{2, 4, 4, 3}, counting(96)), npyFile("<i2", []int{2}, []byte{0, 0, 1, 0}))
	f.Add(npyFile("|u1", []int{2, 4, 4}, counting(32)), npyFile(">u8", []int{2, 1}, make([]byte, 16)))
	f.Fuzz(func(t *testing.T, x, y []byte) {
		var arrays []arrayFile
		for name, content := range map[string][]byte{"images": x, "labels": y} {
			arrays = append(arrays, arrayFile{name, func() (*npy.Array, error) {
				return npy.Open(name, bytes.NewReader(content), int64(len(content)))
			}})
		}
		readAll(t, arrays)
	})
}

// readAll reads all the images of arrays that are accepted; none may fail then.
func readAll(t *testing.T, arrays []arrayFile) {
	t.Helper()
	d, err := openArrays("f", "f", arrays, nil)
	if err != nil {
		return
	}
	s, err := d.Train.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, label := range s.Labels {
		if label < 0 || label >= s.NumClasses() {
			t.Errorf("label %d of %d classes", label, s.NumClasses())
		}
	}
}

func FuzzArchive(f *testing.F) {
	packed := tarGz(f, map[string][]byte{"a/data_batch_1.bin": {0}, "a/test_batch.bin": batch(1, 1)})
	in, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		f.Fatal(err)
	}
	var plain bytes.Buffer
	if _, err := plain.ReadFrom(in); err != nil {
		f.Fatal(err)
	}
	f.Add(plain.Bytes())
	f.Fuzz(func(t *testing.T, tarred []byte) {
		var packed bytes.Buffer
		zipped := gzip.NewWriter(&packed)
		if _, err := zipped.Write(tarred); err != nil {
			t.Fatal(err)
		}
		if err := zipped.Close(); err != nil {
			t.Fatal(err)
		}
		files, err := archiveFiles("f", &packed, cifar10.wants)
		if err != nil {
			return
		}
		d, err := cifar10.open("f", files)
		if err == nil && d.Test != nil {
			_, err = d.Test.Load(nil)
			if err != nil {
				t.Error(err)
			}
		}
	})
}
