package refit

import (
	"math"
	"math/rand/v2"
	"testing"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// randomWeight has filters of very different sizes and heavy tails.
func randomWeight(seed uint64) *graph.Weight {
	rng := rand.New(rand.NewPCG(seed, 2))
	w := &graph.Weight{Shape: []int{6, 4, 3, 3}, Float: make([]float32, 6*36)}
	for i := range w.Float {
		x := rng.NormFloat64()
		w.Float[i] = float32(math.Pow(10, float64(i/36-3)) * x * (1 + x*x/4))
	}
	return w
}

// clippingError is the squared error of rounding a filter with a scale, by definition.
func clippingError(filter []float32, scale float64, bits int) (sum float64) {
	limit := float64(graph.WeightLimit(bits))
	for _, x := range filter {
		q := math.RoundToEven(math.Max(-limit, math.Min(limit, float64(x)/scale)))
		if bits == 1 {
			q = math.Copysign(1, float64(x))
		}
		sum += (float64(x) - q*scale) * (float64(x) - q*scale)
	}
	return sum
}

func TestQuantizedWeightsAreNearTheOptimum(t *testing.T) {
	for bits := 1; bits <= 8; bits++ {
		for seed := range uint64(5) {
			w := randomWeight(seed)
			q := RoundNearest(Workers{Count: 1}, w, bits, SquaredError, nil)
			real := q.Real()
			for o, scale := range q.Scale {
				filter := w.Float[o*36 : (o+1)*36]
				largest := 0.0
				for _, x := range filter {
					largest = max(largest, math.Abs(float64(x)))
				}
				best := math.Inf(1)
				const candidates = 4000
				for i := 1; i <= candidates; i++ {
					best = min(best, clippingError(filter, largest/float64(graph.WeightLimit(bits))*float64(i)/candidates, bits))
				}
				got := 0.0
				for i, x := range filter {
					d := float64(x - real[o*36+i])
					got += d * d
					if n := int(q.Int[o*36+i]); n > graph.WeightLimit(bits) || n < -graph.WeightLimit(bits) || bits == 1 && n == 0 {
						t.Fatalf("%d bits: weight %d", bits, n)
					}
				}
				if got > 1.15*best {
					t.Errorf("%d bits, channel %d: squared error %g at scale %g, the best clipping gives %g", bits, o, got, scale, best)
				}
			}
		}
	}
}

func TestQuantizedWeightEdges(t *testing.T) {
	w := &graph.Weight{Shape: []int{2, 3}, Float: []float32{0, 0, 0, 0.5, -0.25, 0}}
	for bits := 1; bits <= 8; bits++ {
		q := RoundNearest(Workers{Count: 1}, w, bits, SquaredError, []float32{0, 0.125})
		if !(q.Scale[0] > 0) || math.Abs(float64(q.Real()[0])) > 1e-20 {
			t.Errorf("%d bits: an empty filter becomes %v at scale %v", bits, q.Real()[:3], q.Scale[0])
		}
		if q.Scale[1] < 0.125 {
			t.Errorf("%d bits: scale %v is below its floor", bits, q.Scale[1])
		}
	}
	if q := RoundNearest(Workers{Count: 1}, w, 1, SquaredError, nil); q.Scale[1] != 0.25 {
		t.Errorf("one bit: scale %v, wants the mean magnitude 0.25", q.Scale[1])
	}
}

// batchOf is a batch of one channel with the given numbers.
func batchOf(numbers []float32) *runtime.Batch {
	b := runtime.NewBatch(graph.Shape{1, len(numbers), 1}, 1)
	for p, x := range numbers {
		b.Pixel(0, p)[0] = x
	}
	return b
}

// roundingError is the mean squared error of storing numbers under a quantization.
func roundingError(numbers []float32, q graph.Quant) (sum float64) {
	for _, x := range numbers {
		n := math.RoundToEven(float64(x)/float64(q.Scale)) + float64(q.Zero)
		n = math.Max(0, math.Min(float64(q.Max()), n))
		d := float64(x) - float64(q.Scale)*(n-float64(q.Zero))
		sum += d * d
	}
	return sum / float64(len(numbers))
}

func TestActivationRanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	distributions := map[string]func() float64{
		"normal":   rng.NormFloat64,
		"relu":     func() float64 { return max(0, rng.NormFloat64()) },
		"tail":     func() float64 { return math.Exp(2 * rng.NormFloat64()) },
		"shifted":  func() float64 { return 3 + rng.NormFloat64() },
		"negative": func() float64 { return -max(0, rng.NormFloat64()) },
	}
	c := Workers{ISA: "portable", Count: 2}
	for name, draw := range distributions {
		numbers := make([]float32, 20000)
		for i := range numbers {
			numbers[i] = float32(draw())
		}
		b := batchOf(numbers)
		for bits := 1; bits <= 8; bits++ {
			errors := map[Calibration]float64{}
			for _, by := range []Calibration{MinMax, Percentile, SquaredError, Entropy} {
				h := HistogramOf(c, b, by)
				q := h.Quant(bits, by)
				if q.Bits != bits || !(q.Scale > 0) || int(q.Zero) > q.Max() {
					t.Fatalf("%s, %d bits, %s: %+v", name, bits, by, q)
				}
				if h.lo == 0 && q.Zero != 0 {
					t.Errorf("%s, %d bits, %s: zero point %d of numbers that are never negative", name, bits, by, q.Zero)
				}
				errors[by] = roundingError(numbers, q)
			}
			if least := errors[SquaredError]; least > 1.03*errors[MinMax] || least > 1.03*errors[Percentile] {
				t.Errorf("%s, %d bits: squared errors %v", name, bits, errors)
			}
			// Entropy keeps the shape of the distribution, so it must not cut off much of it.
			if q := HistogramOf(c, b, Entropy).Quant(bits, Entropy); bits >= 4 {
				lowest, highest := -float32(q.Zero)*q.Scale, float32(q.Max()-int(q.Zero))*q.Scale
				cut := 0
				for _, x := range numbers {
					if x < lowest-q.Scale/2 || x > highest+q.Scale/2 {
						cut++
					}
				}
				if cut > len(numbers)/20 {
					t.Errorf("%s, %d bits: entropy cuts off %d of %d numbers", name, bits, cut, len(numbers))
				}
			}
			// Against an exhaustive search where one end is fixed.
			if h := HistogramOf(c, b, SquaredError); h.lo == 0 {
				best := math.Inf(1)
				for i := 1; i <= 400; i++ {
					best = min(best, roundingError(numbers, affine(0, h.hi*float32(i)/400, bits)))
				}
				if errors[SquaredError] > 1.1*best && name != "tail" {
					t.Errorf("%s, %d bits: squared error %g, the best range gives %g", name, bits, errors[SquaredError], best)
				}
			}
		}
	}
}

func TestConstantTensors(t *testing.T) {
	c := Workers{ISA: "portable", Count: 1}
	for _, x := range []float32{0, 2.5, -1e-3} {
		q := HistogramOf(c, batchOf([]float32{x, x, x}), SquaredError).Quant(8, SquaredError)
		if e := roundingError([]float32{x}, q); e > 1e-6*float64(x)*float64(x) {
			t.Errorf("%v is stored with squared error %g under %+v", x, e, q)
		}
	}
}
