package dataset

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A record of CIFAR-10.
const (
	cifarClasses = 10
	cifarRecord  = 1 + cifarPixels
)

// batch makes n records whose labels and pixels follow from a first number.
func batch(first, n int) []byte {
	var b []byte
	for i := range n {
		b = append(b, byte((first+i)%cifarClasses))
		for p := range cifarPixels {
			b = append(b, byte(first+i+p))
		}
	}
	return b
}

// folder writes the files into a fresh folder.
func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenReadsBatchesByNumber(t *testing.T) {
	dir := folder(t, map[string][]byte{
		"data_batch_10.bin": batch(5, 2),
		"data_batch_2.bin":  batch(0, 5),
		"test_batch.bin":    batch(50, 3),
		"batches.meta.txt":  []byte("a\nb\r\nc\nd\ne\nf\ng\nh\ni\nj\n\n"),
		"readme.html":       []byte("not data"),
	})
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 1, 2, 3, 4, 5, 6}; !slices.Equal(d.Train.Labels, want) {
		t.Errorf("training labels %v, want %v", d.Train.Labels, want)
	}
	if got, want := d.Train.Image(6), batch(6, 1)[1:]; !bytes.Equal(got, want) {
		t.Error("the seventh image is not the second of data_batch_10.bin")
	}
	if d.Test.Len() != 3 || d.Test.Labels[1] != 1 {
		t.Errorf("test labels %v", d.Test.Labels)
	}
	if got := d.Train.Classes[1]; got != "b" {
		t.Errorf("class 1 is %q, want b", got)
	}
	if d.Train.NumClasses() != cifarClasses {
		t.Errorf("%d classes", d.Train.NumClasses())
	}
	if d.HoldOut != 0 {
		t.Errorf("%d of 7 records held out", d.HoldOut)
	}
}

func TestOpenWithoutTestAndNames(t *testing.T) {
	d, err := Open(folder(t, map[string][]byte{"data_batch_1.bin": batch(0, 1)}))
	if err != nil {
		t.Fatal(err)
	}
	if d.Test != nil || d.Train.Classes[7] != "7" {
		t.Errorf("test set %v, classes %v", d.Test, d.Train.Classes)
	}
}

func TestOpenRefuses(t *testing.T) {
	good := batch(0, 2)
	mislabelled := slices.Clone(good)
	mislabelled[cifarRecord] = 10
	for name, c := range map[string]struct {
		files map[string][]byte
		says  []string
	}{
		"nothing":          {nil, []string{"no data_batch_*.bin"}},
		"python version":   {map[string][]byte{"data_batch_1": good}, []string{"Python version", "cifar-10-binary"}},
		"cut off":          {map[string][]byte{"data_batch_1.bin": good[:5000]}, []string{"data_batch_1.bin", "5000 bytes", "3073"}},
		"empty":            {map[string][]byte{"data_batch_1.bin": {}}, []string{"data_batch_1.bin", "empty"}},
		"label":            {map[string][]byte{"data_batch_1.bin": good, "data_batch_2.bin": mislabelled}, []string{"data_batch_2.bin", "record 1", "label 10"}},
		"broken test":      {map[string][]byte{"data_batch_1.bin": good, "test_batch.bin": good[:7]}, []string{"test_batch.bin", "7 bytes"}},
		"few class names":  {map[string][]byte{"data_batch_1.bin": good, "batches.meta.txt": []byte("cat\ndog\n")}, []string{"batches.meta.txt", "2 classes"}},
		"endless one name": {map[string][]byte{"data_batch_1.bin": good, "batches.meta.txt": bytes.Repeat([]byte("x"), 1<<17)}, []string{"batches.meta.txt"}},
	} {
		_, err := Open(folder(t, c.files))
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q does not say %q", name, err, s)
			}
		}
	}
}

func TestOpenRefusesWrongPaths(t *testing.T) {
	dir := folder(t, map[string][]byte{"data_batch_1.bin": batch(0, 1)})
	inside := filepath.Join(t.TempDir(), "cifar-10-batches-bin")
	if err := os.Mkdir(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "nowhere"):          "no such file",
		filepath.Join(dir, "data_batch_1.bin"): "is a file",
		filepath.Dir(inside):                   "give its subfolder",
	} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
}

func TestNormalized(t *testing.T) {
	d, err := Open(folder(t, map[string][]byte{"data_batch_1.bin": batch(0, 9)}))
	if err != nil {
		t.Fatal(err)
	}
	images := d.Train.Normalized(nil, []int{8, 3})
	if len(images) != 2*cifarPixels {
		t.Fatalf("%d numbers for two images", len(images))
	}
	for _, p := range []struct{ image, record, channel, pixel int }{{0, 8, 0, 0}, {0, 8, 2, 1023}, {1, 3, 1, 77}} {
		at := p.channel*1024 + p.pixel
		x := float64(byte(p.record+at)) / 255
		want := (x - []float64{0.485, 0.456, 0.406}[p.channel]) / []float64{0.229, 0.224, 0.225}[p.channel]
		if got := images[p.image*cifarPixels+at]; math.Abs(float64(got)-want) > 1e-6 {
			t.Errorf("image %d channel %d pixel %d is %g, want %g", p.image, p.channel, p.pixel, got, want)
		}
	}
	if again := d.Train.Normalized(images, []int{1}); &again[0] != &images[0] || len(again) != cifarPixels {
		t.Error("a large enough destination was not reused")
	}
}

func TestFingerprintIsOfContent(t *testing.T) {
	open := func(files map[string][]byte) string {
		d, err := Open(folder(t, files))
		if err != nil {
			t.Fatal(err)
		}
		return d.SHA256
	}
	whole := open(map[string][]byte{"data_batch_1.bin": batch(0, 6)})
	if parts := open(map[string][]byte{"data_batch_1.bin": batch(0, 2), "data_batch_2.bin": batch(2, 4)}); parts != whole {
		t.Error("the same records in two files have another fingerprint")
	}
	changed := batch(0, 6)
	changed[4000]++
	relabelled := batch(0, 6)
	relabelled[0] = 9
	for name, other := range map[string]map[string][]byte{
		"a changed pixel":        {"data_batch_1.bin": changed},
		"a changed label":        {"data_batch_1.bin": relabelled},
		"records moved to tests": {"data_batch_1.bin": batch(0, 4), "test_batch.bin": batch(4, 2)},
	} {
		if open(other) == whole {
			t.Errorf("%s left the fingerprint as it was", name)
		}
	}
}

func TestCIFARItself(t *testing.T) {
	shared := os.Getenv("GALEN_SHARED")
	if shared == "" {
		t.Skip("needs CIFAR-10: set GALEN_SHARED to a folder with data/cifar-10-batches-bin")
	}
	d, err := Open(filepath.Join(shared, "data/cifar-10-batches-bin"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Train.Len() < 2*cifarHoldOut || d.HoldOut != cifarHoldOut || d.Train.Classes[3] != "cat" {
		t.Errorf("%d records, %d held out, class 3 %q", d.Train.Len(), d.HoldOut, d.Train.Classes[3])
	}
	splits, err := d.Split(1, Sizes{Validation: 5000})
	if err != nil {
		t.Fatal(err)
	}
	if first := slices.Min(splits.Validation); first != d.Train.Len()-cifarHoldOut {
		t.Errorf("validation starts at record %d of %d", first, d.Train.Len())
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(batch(0, 1), batch(3, 2), []byte("a\nb\n"))
	f.Add(batch(9, 1)[:100], []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, train, test, names []byte) {
		files := map[string][]byte{"data_batch_1.bin": train, "test_batch.bin": test}
		if len(names) > 0 {
			files["batches.meta.txt"] = names
		}
		d, err := Open(folder(t, files))
		if err != nil {
			return
		}
		if d.Train.Len()*cifarRecord != len(train) || d.Test.Len()*cifarRecord != len(test) {
			t.Errorf("%d and %d bytes made %d and %d records", len(train), len(test), d.Train.Len(), d.Test.Len())
		}
		for _, label := range d.Train.Labels {
			if label >= d.Train.NumClasses() {
				t.Errorf("label %d of %d classes", label, d.Train.NumClasses())
			}
		}
	})
}
