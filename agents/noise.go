package agents

import (
	"math"
	"math/rand/v2"
)

// explorer draws the random part of actions. Steps of one episode share a part of
// their luck: exploring all layers in the same direction moves an episode's outcome much
// further than exploring each by itself, where most of it cancels out.
type explorer struct {
	shared []float64 // standard normal per action, for the episode under way
	rng    *rand.Rand
}

// drawShared draws the luck that the next episode's steps share.
func (x *explorer) drawShared() {
	for i := range x.shared {
		x.shared[i] = x.rng.NormFloat64()
	}
}

// uniform draws from [0,1] for action i: evenly, whatever the correlation between the
// steps of an episode (a Gaussian copula).
func (x *explorer) uniform(i int, correlation float64) float64 {
	return normalCDF(math.Sqrt(correlation)*x.shared[i] + math.Sqrt(1-correlation)*x.rng.NormFloat64())
}

// truncatedNormal maps u, uniform in [0,1], to a normal distribution with a mean in
// [0,1], conditioned on falling into [0,1], by inverting its distribution function.
func truncatedNormal(mean, deviation, u float64) float64 {
	if deviation <= 0 {
		return mean
	}
	low := normalCDF(-mean / deviation)
	high := normalCDF((1 - mean) / deviation)
	x := mean + deviation*math.Sqrt2*math.Erfinv(2*(low+u*(high-low))-1)
	return min(max(x, 0), 1)
}

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
