package dataset

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"galen/hw/graph"
)

// Sizes of the demo data. The training part holds what calibration and
// sensitivity draw from, then the validation records.
const (
	demoDrawn      = DefaultCalibration + DefaultSensitivity
	demoValidation = DefaultValidation
	demoTest       = 2000
)

// A demo record is generated from (seed, part, number) alone, so that any number of
// records of a part can be had without the ones before, and parts never overlap.
type demoPart uint64

const (
	demoTraining demoPart = 1 + iota
	demoHeldOut
	demoTesting
)

// DemoSeed is the seed of the demo data that the built-in network was trained on.
const DemoSeed = 2022

// Demo generates the built-in data: 32×32 colour images of ten shapes. Everything
// is integer arithmetic on PCG numbers, hence the same bytes on every machine.
func Demo(seed uint64) *Data {
	train := demoSet("demo training")
	train.render(seed, demoTraining, demoDrawn)
	train.render(seed, demoHeldOut, demoValidation)
	test := demoSet("demo test")
	test.render(seed, demoTesting, demoTest)
	fingerprint, _ := Fingerprint(train, test) // cannot fail: they are in memory
	return &Data{Name: "demo", SHA256: fingerprint, Train: train, Test: test, HoldOut: demoValidation}
}

// DemoTraining generates the first n of the training records that Demo's
// calibration and sensitivity images also come from; none is among the validation
// or test records.
func DemoTraining(seed uint64, n int) *Set {
	set := demoSet("demo training")
	set.render(seed, demoTraining, n)
	return set
}

func demoSet(name string) *Set {
	return &Set{
		Name:    name,
		Classes: shapeNames[:],
		Shape:   graph.Shape{3, canvasSize, canvasSize},
		Mean:    []float32{0.5, 0.5, 0.5},
		Std:     []float32{0.25, 0.25, 0.25},
	}
}

// render appends the first n records of a part; classes take turns.
func (s *Set) render(seed uint64, part demoPart, n int) {
	first, size := s.Len(), s.Shape.Elements()
	s.Images = append(slices.Grow(s.Images, n*size), make([]uint8, n*size)...)
	for i := range n {
		s.Labels = append(s.Labels, i%len(shapeNames))
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				drawScene(s.Image(first+i), shape(s.Labels[first+i]), newDice(seed, part, i))
			}
		})
	}
	workers.Wait()
}
