package dataset

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Sizes says how many images the parts of a split hold; zero means the default.
type Sizes struct {
	Validation  int `json:"validation"`  // scores policies; default 1000
	Calibration int `json:"calibration"` // activation ranges, least-squares repair; default 512
	Sensitivity int `json:"sensitivity"` // KL divergence per layer; default 256
}

// The sizes of a split unless a person chooses others. Of a validation set of
// n images, an accuracy p has the standard error √(p(1−p)/n): 0.9 points at 90 % of 1000.
const (
	DefaultValidation  = 1000
	DefaultCalibration = 512
	DefaultSensitivity = 256
)

// ValidationImages is how many of the images that are wanted to score policies a data set has to spare:
// all that are held out if they are few, else half of them, so that as many are left to judge a winner
// by; of data that holds none out, up to a third.
func (d *Data) ValidationImages(wanted int) int {
	switch {
	case d.HoldOut == 0:
		spare := d.Train.Len() - DefaultCalibration - DefaultSensitivity
		return min(wanted, max(d.Train.Len()/3, min(DefaultValidation, spare)))
	case d.HoldOut < 2*DefaultValidation:
		return min(wanted, d.HoldOut, DefaultValidation)
	}
	return min(wanted, d.HoldOut/2)
}

// leastCalibrating is how many images it takes to calibrate and to measure sensitivities at all.
const leastCalibrating = 48

// SizesFor are the sizes of the parts of a split where so many images are wanted to score policies and to calibrate
// by. Where those that are not held out are too few, two thirds of them calibrate, and sensitivity has the rest.
func (d *Data) SizesFor(validation, calibration int) Sizes {
	s := Sizes{Validation: d.ValidationImages(validation), Calibration: calibration, Sensitivity: DefaultSensitivity}
	left := d.Train.Len() - max(d.HoldOut, s.Validation)
	if left >= leastCalibrating && left < s.Calibration+s.Sensitivity {
		s.Calibration = left * 2 / 3
		s.Sensitivity = left - s.Calibration
	}
	return s
}

// Splits are disjoint parts of a Data. All but Test index Data.Train.
type Splits struct {
	Train       []int // what is left, in order
	Validation  []int
	Reserve     []int // held-out records that validation leaves
	Calibration []int
	Sensitivity []int
	Test        []int // all of Data.Test, in order; nil without one
}

// Split draws disjoint parts from the training records; the same seed and sizes
// draw the same parts.
//
// Validation images come from the held-out records at the end of the training set
// (see Data.HoldOut), which a network may not have been trained on; calibration
// and sensitivity images come from the records before. Held-out records that
// validation leaves are never trained on, so that what is retrained under one validation
// size may be judged under another, and a winner on images it was not chosen by.
func (d *Data) Split(seed uint64, sizes Sizes) (Splits, error) {
	for _, s := range []struct {
		size     *int
		standard int
	}{
		{&sizes.Validation, DefaultValidation},
		{&sizes.Calibration, DefaultCalibration},
		{&sizes.Sensitivity, DefaultSensitivity},
	} {
		if *s.size == 0 {
			*s.size = s.standard
		}
		if *s.size < 0 {
			return Splits{}, fmt.Errorf("splitting %s: a part of %d images; sizes must be positive", d.Name, *s.size)
		}
	}
	records := d.Train.Len()
	holdOut := d.HoldOut
	if holdOut == 0 {
		holdOut = min(sizes.Validation, records)
	}
	if sizes.Validation > holdOut {
		return Splits{}, fmt.Errorf("splitting %s: %d validation images are wanted, %d are held out for it; choose fewer", d.Name, sizes.Validation, holdOut)
	}
	if rest := records - holdOut; sizes.Calibration > rest || sizes.Sensitivity > rest-sizes.Calibration {
		return Splits{}, fmt.Errorf("splitting %s: %d calibration and %d sensitivity images are wanted, %d training records are left after the hold-out; choose fewer or add records",
			d.Name, sizes.Calibration, sizes.Sensitivity, rest)
	}

	first := records - holdOut
	held := draw(seed, 0, first, records)
	splits := Splits{Validation: held[:sizes.Validation:sizes.Validation], Reserve: held[sizes.Validation:]}
	drawn := draw(seed, 1, 0, first)
	splits.Calibration, drawn = drawn[:sizes.Calibration:sizes.Calibration], drawn[sizes.Calibration:]
	splits.Sensitivity, drawn = drawn[:sizes.Sensitivity:sizes.Sensitivity], drawn[sizes.Sensitivity:]
	splits.Train = drawn
	slices.Sort(splits.Train)
	if d.Test != nil {
		splits.Test = d.Test.Indices()
	}
	return splits, nil
}

// draw shuffles the integers from first up to but excluding end.
func draw(seed, stream uint64, first, end int) []int {
	indices := make([]int, end-first)
	for i := range indices {
		indices[i] = first + i
	}
	// Fisher–Yates on the generator's own numbers, whose sequence is specified:
	// a stored run must find the same images again.
	source := rand.NewPCG(seed, stream)
	for i := len(indices) - 1; i > 0; i-- {
		j := int(source.Uint64() % uint64(i+1))
		indices[i], indices[j] = indices[j], indices[i]
	}
	return indices
}
