package dataset

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen/hw/graph"
)

// The expected pictures are Pillow's: convert("RGB"), torchvision's Resize(55) and
// CenterCrop(48). PNG must agree to the bit; JPEG decoders may round differently.
func TestPicturesAsPillow(t *testing.T) {
	files, err := filepath.Glob("testdata/pillow/*.*")
	if err != nil || len(files) < 7 {
		t.Fatalf("%d pictures, %v", len(files), err)
	}
	const crop = 48
	for _, file := range files {
		base := filepath.Base(file)
		largest, mean := 0, 0.0
		if strings.HasSuffix(base, ".jpg") {
			largest, mean = 4, 0.06
		}
		expected := filepath.Join("testdata/pillow/expected", strings.ReplaceAll(strings.TrimSuffix(base, ".png"), ".jpg", "-jpg")+".png")
		want, err := openPicture(expected)
		if err != nil {
			t.Fatal(err)
		}
		source := imageFiles{paths: []string{file}, shape: graph.Shape{3, crop, crop}}
		got := make([]uint8, 3*crop*crop)
		if err := source.read(0, got); err != nil {
			t.Fatal(err)
		}
		most, sum := 0, 0
		for i, x := range slices.Concat(want.planes...) {
			d := max(int(x)-int(got[i]), int(got[i])-int(x))
			most, sum = max(most, d), sum+d
		}
		if average := float64(sum) / float64(len(got)); most > largest || average > mean {
			t.Errorf("%s differs from Pillow by up to %d levels, %.4f on average", base, most, average)
		}
	}
}

// picturePNG is a PNG of one colour.
func picturePNG(t testing.TB, width, height int, c color.Color) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		m.Set(i%width, i/width, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write makes files and their folders.
func write(t testing.TB, dir string, files map[string][]byte) string {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenImageFolder(t *testing.T) {
	red, green := picturePNG(t, 40, 30, color.NRGBA{200, 10, 20, 255}), picturePNG(t, 8, 8, color.NRGBA{0, 255, 0, 9})
	dir := write(t, t.TempDir(), map[string][]byte{
		"train/b/1.png": red, "train/b/deep/2.PNG": red, "train/a/x.png": green, "train/a/notes.txt": nil, "train/.git/x": nil,
		"val/b/1.png": red, "test/a/1.png": green, "readme": nil,
	})
	d, err := OpenFor(dir, Options{Shape: graph.Shape{3, 8, 8}, Mean: []float32{0}, Std: []float32{0.5}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 1, 1, 1}; !slices.Equal(d.Train.Labels, want) || d.HoldOut != 1 {
		t.Errorf("training labels %v, %d held out", d.Train.Labels, d.HoldOut)
	}
	if !slices.Equal(d.Train.Classes, []string{"a", "b"}) || !slices.Equal(d.Test.Labels, []int{0}) {
		t.Errorf("classes %v, test labels %v", d.Train.Classes, d.Test.Labels)
	}
	pixels, err := d.Train.Read(nil, []int{3, 0})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint8{200, 10, 20, 0, 255, 0} {
		if got := pixels[i*64+17]; math.Abs(float64(got)-float64(want)/255*2) > 1e-6 {
			t.Errorf("plane %d is %g, want %d/255 with deviation 0.5", i, got, want)
		}
	}
	grey, err := OpenFor(dir, Options{Shape: graph.Shape{1, 8, 8}})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := grey.Test.Load(nil)
	if err != nil || loaded.Image(0)[5] != 150 { // 0.587 · 255
		t.Errorf("green is grey %v, %v", loaded.Image(0)[5], err)
	}
}

// Without validation images of its own a folder is shuffled: what is held out is no
// single class.
func TestImageFolderWithoutParts(t *testing.T) {
	files := map[string][]byte{}
	for _, class := range []string{"a", "b", "c"} {
		for i := range 100 {
			files[class+"/"+string(rune('A'+i))+".png"] = picturePNG(t, 2, 2, color.Black)
		}
	}
	dir := write(t, t.TempDir(), files)
	open := func() *Data {
		d, err := OpenFor(dir, Options{Shape: graph.Shape{3, 2, 2}})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := open()
	seen := map[int]int{}
	for _, label := range d.Train.Labels[200:] {
		seen[label]++
	}
	if len(seen) != 3 || min(seen[0], seen[1], seen[2]) < 15 || d.HoldOut != 0 {
		t.Errorf("the last 100 records are of the classes %v", seen)
	}
	if again := open(); again.SHA256 != d.SHA256 || !slices.Equal(again.Train.Labels, d.Train.Labels) {
		t.Error("opened again, the data differs")
	}
	write(t, dir, map[string][]byte{"b/A.png": picturePNG(t, 3, 2, color.White)})
	if open().SHA256 == d.SHA256 {
		t.Error("a file of another size left the fingerprint as it was")
	}
}

func TestClassesMayBeCalledLikeParts(t *testing.T) {
	files := map[string][]byte{}
	for _, class := range []string{"apple", "train", "test"} {
		files[class+"/1.png"] = picturePNG(t, 2, 2, color.Black)
	}
	d, err := OpenFor(write(t, t.TempDir(), files), Options{Shape: graph.Shape{3, 2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"apple", "test", "train"}; !slices.Equal(d.Train.Classes, want) || d.Test != nil {
		t.Errorf("the classes are %v, want %v", d.Train.Classes, want)
	}
}

func TestImageFolderRefuses(t *testing.T) {
	ok := picturePNG(t, 4, 4, color.White)
	huge := slices.Clone(ok)
	copy(huge[16:], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // 65536×65536, as the header says
	for name, c := range map[string]struct {
		files   map[string][]byte
		options Options
		says    []string
	}{
		"no shape":        {map[string][]byte{"a/1.png": ok}, Options{}, []string{"input size"}},
		"odd channels":    {map[string][]byte{"a/1.png": ok}, Options{Shape: graph.Shape{4, 2, 2}}, []string{"4 channels"}},
		"empty class":     {map[string][]byte{"a/1.png": ok, "b/x.gif": nil}, Options{Shape: graph.Shape{3, 4, 4}}, []string{"sub-folder b"}},
		"unknown class":   {map[string][]byte{"train/a/1.png": ok, "val/z/1.png": ok}, Options{Shape: graph.Shape{3, 4, 4}}, []string{`"z"`, "class"}},
		"no classes":      {map[string][]byte{"train/1.png": ok, "test/1.png": ok}, Options{Shape: graph.Shape{3, 4, 4}}, []string{"class folders in", "train"}},
		"only test":       {map[string][]byte{"test/a/1.png": ok}, Options{Shape: graph.Shape{3, 4, 4}}, []string{"only test"}},
		"two means":       {map[string][]byte{"a/1.png": ok}, Options{Shape: graph.Shape{3, 4, 4}, Mean: []float32{1, 2}}, []string{"mean has 2"}},
		"no deviation":    {map[string][]byte{"a/1.png": ok}, Options{Shape: graph.Shape{3, 4, 4}, Std: []float32{0}}, []string{"positive"}},
		"resize to less":  {map[string][]byte{"a/1.png": ok}, Options{Shape: graph.Shape{3, 4, 4}, Resize: 3}, []string{"at least 4"}},
		"damaged":         {map[string][]byte{"a/1.png": ok[:50]}, Options{Shape: graph.Shape{3, 4, 4}}, []string{"1.png", "replace or remove"}},
		"no picture":      {map[string][]byte{"a/1.jpg": []byte("hello")}, Options{Shape: graph.Shape{3, 4, 4}}, []string{"1.jpg"}},
		"too many pixels": {map[string][]byte{"a/1.png": huge}, Options{Shape: graph.Shape{3, 4, 4}}, []string{"1.png"}},
	} {
		d, err := OpenFor(write(t, t.TempDir(), c.files), c.options)
		if err == nil {
			_, err = d.Train.Load(nil)
		}
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

// A filter's weights must be those of the triangle integrated by hand: halving a step
// edge mixes 1/8, 3/8, 3/8, 1/8.
func TestFilterHalves(t *testing.T) {
	f := newFilter(8, 4, 4)
	if got := f.taps[1]; got.start != 1 || !slices.Equal(got.weights, []int32{1 << 19, 3 << 19, 3 << 19, 1 << 19}) {
		t.Errorf("weights %v from %d", got.weights, got.start)
	}
}

func FuzzPicture(f *testing.F) {
	for _, name := range []string{"grey.jpg", "landscape-420.jpg", "palette.png", "small-transparent.png"} {
		content, err := os.ReadFile(filepath.Join("testdata/pillow", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := decodePicture(bytes.NewReader(content))
		if err != nil {
			return
		}
		if p.width*p.height > 1<<20 {
			return
		}
		r := newResampling(p.width, p.height, 9, 8, 8)
		for _, plane := range p.inChannels(3) {
			r.apply(make([]uint8, 64), plane, p.width)
		}
	})
}
