package planner

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestGaussianProcessLearnsFromFewPoints compares what is expected at new points with a function of
// three numbers, and with the error of expecting the mean.
func TestGaussianProcessLearnsFromFewPoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	truth := func(x []float64) float64 { return 50 + 10*math.Sin(2*x[0]) - 5*math.Abs(x[1]) + x[0]*x[2] }
	draw := func() []float64 {
		return []float64{2*rng.Float64() - 1, 2*rng.Float64() - 1, 2*rng.Float64() - 1}
	}
	for _, noise := range []float64{0, 2} {
		var points [][]float64
		var values []float64
		for range 80 {
			x := draw()
			points, values = append(points, x), append(values, truth(x)+noise*rng.NormFloat64())
		}
		g := newGaussianProcess(points, values)
		var wrong, spread float64
		for range 200 {
			x := draw()
			wrong += math.Pow(g.at(x)-truth(x), 2)
			spread += math.Pow(truth(x)-50, 2)
		}
		if share := math.Sqrt(wrong / spread); share > 0.1+0.1*noise {
			t.Errorf("with noise of %g, the error is %.3f of the deviation", noise, share)
		}
		if far := g.at([]float64{1e3, 0, 0}); math.Abs(far-g.mean) > 1e-6 {
			t.Errorf("far from everything %g is expected, not the mean %g", far, g.mean)
		}
	}
}

func TestGaussianProcessWithNothingToTell(t *testing.T) {
	for name, c := range map[string]struct {
		points [][]float64
		values []float64
		want   float64
	}{
		"no points":                   {nil, nil, 0},
		"one point":                   {[][]float64{{1}}, []float64{2}, 2},
		"the same value":              {[][]float64{{1}, {2}, {3}}, []float64{2, 2, 2}, 2},
		"different values at a point": {[][]float64{{1}, {1}, {1}}, []float64{1, 2, 6}, 3},
	} {
		if got := newGaussianProcess(c.points, c.values).at([]float64{1}); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s: %g is expected, want %g", name, got, c.want)
		}
	}
}
