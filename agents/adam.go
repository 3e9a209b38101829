package agents

import "math"

// adam is the optimizer of Kingma and Ba 2015, with L2 weight decay added to the
// gradient as PyTorch's Adam does.
type adam struct {
	rate, decay   float64
	steps         uint64
	first, second []float64 // moments
}

const (
	adamBeta1   = 0.9
	adamBeta2   = 0.999
	adamEpsilon = 1e-8
)

func newAdam(rate, decay float64, parameters int) *adam {
	return &adam{rate: rate, decay: decay, first: make([]float64, parameters), second: make([]float64, parameters)}
}

// step moves params against gradient.
func (a *adam) step(params, gradient []float64) {
	a.steps++
	t := float64(a.steps)
	rate := a.rate / (1 - math.Pow(adamBeta1, t))
	correction := 1 / math.Sqrt(1-math.Pow(adamBeta2, t))
	for i, g := range gradient {
		g += a.decay * params[i]
		m := adamBeta1*a.first[i] + (1-adamBeta1)*g
		v := adamBeta2*a.second[i] + (1-adamBeta2)*g*g
		a.first[i], a.second[i] = m, v
		params[i] -= rate * m / (math.Sqrt(v)*correction + adamEpsilon)
	}
}
