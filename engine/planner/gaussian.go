package planner

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// gaussianProcess is a regression that learns from few examples: near points tell of each other,
// and far from all of them the mean is expected (Rasmussen and Williams 2006, chapter 2). Its kernel is
// Matérn's of order 3/2, for what is continuous but not smooth.
type gaussianProcess struct {
	points          [][]float64
	mean, deviation float64       // of the values
	length          float64       // over which values change, in the unit of the points
	weights         *mat.VecDense // of the points; nil: nothing tells them apart
}

// Lengths of the kernel, and variances of noise as shares of the values' own. The likeliest pair is taken.
var (
	kernelLengths  = []float64{0.35, 0.7, 1.4, 2.8, 5.6, 11.2}
	noiseVariances = []float64{0.003, 0.02, 0.1, 0.3}
)

// newGaussianProcess learns from the values at points, which it keeps. Where there is nothing to tell apart, fewer
// than two points or one value for all, the mean is expected everywhere.
func newGaussianProcess(points [][]float64, values []float64) *gaussianProcess {
	n := len(points)
	mean, deviation := stat.PopMeanStdDev(values, nil)
	best := &gaussianProcess{points: points, mean: mean, deviation: deviation}
	if n < 2 || deviation < 1e-9 {
		return best
	}
	standard := mat.NewVecDense(n, nil)
	for i, v := range values {
		standard.SetVec(i, (v-mean)/deviation)
	}
	distances := make([]float64, 0, n*(n-1)/2)
	for i := range n {
		for j := range i {
			distances = append(distances, distance(points[i], points[j]))
		}
	}
	likeliest := math.Inf(-1)
	kernel := mat.NewSymDense(n, nil)
	for _, length := range kernelLengths {
		k := 0
		for i := range n {
			for j := range i {
				kernel.SetSym(j, i, matern(distances[k]/length))
				k++
			}
		}
		for _, noise := range noiseVariances {
			for i := range n {
				kernel.SetSym(i, i, 1+noise)
			}
			var factor mat.Cholesky
			var weights mat.VecDense
			if !factor.Factorize(kernel) || factor.SolveVecTo(&weights, standard) != nil {
				continue
			}
			// The logarithm of the marginal likelihood, but for a constant.
			if likelihood := -(mat.Dot(standard, &weights) + factor.LogDet()) / 2; likelihood > likeliest {
				best.length, best.weights, likeliest = length, &weights, likelihood
			}
		}
	}
	return best
}

// at is the value to expect at a point.
func (g *gaussianProcess) at(point []float64) float64 {
	if g.weights == nil {
		return g.mean
	}
	sum := 0.0
	for i, known := range g.points {
		sum += g.weights.AtVec(i) * matern(distance(point, known)/g.length)
	}
	return g.mean + g.deviation*sum
}

// matern is the correlation of values at a distance, in lengths of the kernel.
func matern(distance float64) float64 {
	d := math.Sqrt(3) * distance
	return (1 + d) * math.Exp(-d)
}

func distance(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += (x - b[i]) * (x - b[i])
	}
	return math.Sqrt(sum)
}
