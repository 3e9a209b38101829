package dataset

import (
	"reflect"
	"strings"
	"testing"
)

// numbered is data with n training records of one pixel.
func numbered(n, holdOut int) *Data {
	return &Data{
		Name:    "numbered",
		Train:   &Set{Labels: make([]int, n), Images: make([]uint8, n), Shape: []int{1, 1, 1}},
		Test:    &Set{Labels: make([]int, 3)},
		HoldOut: holdOut,
	}
}

func TestSplitIsDisjointAndKeepsTheHoldOut(t *testing.T) {
	for _, d := range []*Data{numbered(12000, 5000), numbered(2000, 0), numbered(1768, 0)} {
		splits, err := d.Split(7, Sizes{})
		if err != nil {
			t.Fatal(err)
		}
		part := map[int]string{}
		for name, indices := range map[string][]int{
			"train": splits.Train, "reserve": splits.Reserve, "validation": splits.Validation, "calibration": splits.Calibration, "sensitivity": splits.Sensitivity,
		} {
			for _, i := range indices {
				if other, taken := part[i]; taken {
					t.Fatalf("record %d is in %s and %s", i, name, other)
				}
				part[i] = name
			}
		}
		holdOut := max(d.HoldOut, DefaultValidation)
		for i, name := range part {
			if held := i >= d.Train.Len()-holdOut; held != (name == "validation" || name == "reserve") {
				t.Fatalf("record %d of %d is in %s", i, d.Train.Len(), name)
			}
		}
		if len(splits.Validation) != DefaultValidation || len(splits.Calibration) != DefaultCalibration || len(splits.Sensitivity) != DefaultSensitivity {
			t.Errorf("parts of %d, %d and %d", len(splits.Validation), len(splits.Calibration), len(splits.Sensitivity))
		}
		if rest := d.Train.Len() - holdOut - DefaultCalibration - DefaultSensitivity; len(splits.Train) != rest {
			t.Errorf("%d records to train on, want %d", len(splits.Train), rest)
		}
		if len(splits.Test) != 3 {
			t.Errorf("%d test records of 3", len(splits.Test))
		}
	}
}

func TestValidationImages(t *testing.T) {
	for _, c := range []struct{ records, holdOut, wanted, want int }{
		{50000, 5000, 2500, 2500},
		{50000, 5000, 4000, 2500}, // as many are left to judge the winner by
		{50000, 5000, 1000, 1000},
		{3000, 1000, 2500, 1000},
		{3000, 1999, 2500, 1000},
		{3000, 300, 2500, 300},
		{60000, 0, 2500, 2500},
		{3600, 0, 2500, 1200}, // something is left to calibrate with
		{2000, 0, 2500, 1000},
		{1500, 0, 2500, 732},
		{900, 0, 2500, 300},
		{80, 0, 2500, 26},
	} {
		d := numbered(c.records, c.holdOut)
		n := d.ValidationImages(c.wanted)
		if n != c.want {
			t.Errorf("%d of %d records, %d held out, when %d are wanted; want %d", n, c.records, c.holdOut, c.wanted, c.want)
		}
		sizes := d.SizesFor(c.wanted, DefaultCalibration)
		if _, err := d.Split(1, sizes); err != nil || sizes.Validation != n || min(sizes.Calibration, 2*sizes.Sensitivity) < min(c.records/3, DefaultCalibration) {
			t.Errorf("%d records are split into %+v: %v", c.records, sizes, err)
		}
	}
}

func TestSplitFollowsItsSeed(t *testing.T) {
	d := numbered(12000, 5000)
	split := func(seed uint64) Splits {
		s, err := d.Split(seed, Sizes{Validation: 300, Calibration: 50})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a := split(1)
	if !reflect.DeepEqual(a, split(1)) {
		t.Error("the same seed splits differently")
	}
	if b := split(2); reflect.DeepEqual(a.Validation, b.Validation) || reflect.DeepEqual(a.Calibration, b.Calibration) {
		t.Error("another seed draws the same images")
	}
}

// The images of a stored run are found again by its seed: this sequence may not change.
func TestSplitIsStable(t *testing.T) {
	s, err := numbered(2000, 0).Split(42, Sizes{})
	if err != nil {
		t.Fatal(err)
	}
	got := append(append(s.Validation[:3:3], s.Calibration[:3]...), s.Sensitivity[:3]...)
	if want := []int{1315, 1209, 1581, 107, 766, 596, 416, 715, 646}; !reflect.DeepEqual(got, want) {
		t.Errorf("drew %v, used to draw %v", got, want)
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, c := range []struct {
		data  *Data
		sizes Sizes
		says  string
	}{
		{numbered(12000, 5000), Sizes{Validation: 5001}, "5000 are held out"},
		{numbered(12000, 5000), Sizes{Validation: -1}, "positive"},
		{numbered(500, 0), Sizes{}, "500 are held out"},
		{numbered(1700, 0), Sizes{}, "700 training records are left"},
	} {
		if _, err := c.data.Split(1, c.sizes); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v of %d records: %v, want %q", c.sizes, c.data.Train.Len(), err, c.says)
		}
	}
}
