package agents

import "math"

// scaler standardizes states by the mean and deviation of all states seen so far
// (Welford 1962).
type scaler struct {
	count   float64
	mean    []float64
	squares []float64 // sums of squared distances from the mean
}

func newScaler(states int) *scaler {
	return &scaler{mean: make([]float64, states), squares: make([]float64, states)}
}

func (s *scaler) add(state []float64) {
	s.count++
	for i, x := range state {
		d := x - s.mean[i]
		s.mean[i] += d / s.count
		s.squares[i] += d * (x - s.mean[i])
	}
}

// largest bounds standardized values: a feature that hardly varied so far must not
// blow up a network when it does.
const largest = 5

// scale writes the standardized state to dst; features that never varied become 0.
func (s *scaler) scale(dst, state []float64) {
	for i, x := range state {
		dst[i] = 0
		if s.count < 2 {
			continue
		}
		deviation := math.Sqrt(s.squares[i] / s.count)
		if deviation > 1e-9*math.Abs(s.mean[i]) {
			dst[i] = min(max((x-s.mean[i])/deviation, -largest), largest)
		}
	}
}
