package dataset

import (
	"bytes"
	"math"
	"testing"
)

// The built-in network was trained on these bytes, on whatever machine.
func TestDemoIsTheSameEverywhere(t *testing.T) {
	const want = "f45a8e1736e20925a67386386d0251a490bf8d9cd847601a2a6120b80dc252f8"
	if got := Demo(DemoSeed).SHA256; got != want {
		t.Errorf("demo data is %s, the network was trained on %s", got, want)
	}
}

func TestDemoParts(t *testing.T) {
	d := Demo(5)
	splits, err := d.Split(1, Sizes{})
	if err != nil {
		t.Fatal(err)
	}
	if len(splits.Validation) != DefaultValidation || len(splits.Test) != demoTest {
		t.Errorf("%d validation and %d test images", len(splits.Validation), len(splits.Test))
	}
	training := DemoTraining(5, demoDrawn)
	if !bytes.Equal(training.Images, d.Train.Images[:len(training.Images)]) {
		t.Error("the records before the hold-out are not those the network is trained on")
	}
	seen := map[string]bool{}
	for _, set := range []*Set{d.Train, d.Test} {
		for i := range set.Len() {
			seen[string(set.Image(i))] = true
		}
	}
	if want := d.Train.Len() + d.Test.Len(); len(seen) != want {
		t.Errorf("%d of %d images differ", len(seen), want)
	}
	if Demo(6).SHA256 == d.SHA256 {
		t.Error("another seed gives the same data")
	}
}

// A shape's area, sampled on a grid, must be what geometry says.
func TestShapesHaveTheirArea(t *testing.T) {
	hole := math.Acos((1 + 0.25 - 0.82*0.82) / (2 * 0.5))          // of the crescent, seen from the disc's centre
	bite := math.Acos((0.82*0.82 + 0.25 - 1) / (2 * 0.82 * 0.5))   // … from the hole's
	lens := hole + 0.82*0.82*bite - 0.5*math.Sin(hole)             // two segments less the kite between
	apothem, tan := 0.36, math.Tan(math.Pi/5)                      // of the star's pentagon
	point := apothem * tan * apothem * tan * math.Tan(2*math.Pi/5) // one of the star's five triangles
	want := map[shape]float64{
		disc:     math.Pi,
		ring:     math.Pi * (1 - 0.52*0.52),
		square:   1.6 * 1.6,
		triangle: 3 * math.Sqrt(3) * 0.55 * 0.55,
		cross:    2*0.54*1.9 - 0.54*0.54,
		star:     5*apothem*apothem*tan + 5*point,
		crescent: math.Pi - lens,
		heart:    1.1*1.1 + math.Pi*0.55*0.55,
		arrow:    0.44*1.05 + 0.95*0.95,
		checker:  5 * 0.58 * 0.58,
	}
	const step = 16
	for s := range shape(len(shapeNames)) {
		covered := 0
		for u := int32(-2 * unit); u < 2*unit; u += step {
			for v := int32(-2 * unit); v < 2*unit; v += step {
				if s.covers(u, v) {
					covered++
				}
			}
		}
		area := float64(covered) * step * step / (unit * unit)
		if math.Abs(area-want[s]) > 0.01*want[s] {
			t.Errorf("%s covers %.4f, want %.4f", shapeNames[s], area, want[s])
		}
	}
}

func BenchmarkDemo(b *testing.B) {
	for b.Loop() {
		Demo(DemoSeed)
	}
}
