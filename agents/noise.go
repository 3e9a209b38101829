package agents

import (
	"math"
	"math/rand/v2"
)

// truncatedNormal draws from a normal distribution with the given mean in [0,1] and
// deviation, conditioned on falling into [0,1], by inverting its distribution function:
// one uniform number per draw, whatever the parameters.
func truncatedNormal(mean, deviation float64, rng *rand.Rand) float64 {
	u := rng.Float64()
	if deviation <= 0 {
		return mean
	}
	low := normalCDF(-mean / deviation)
	high := normalCDF((1 - mean) / deviation)
	x := mean + deviation*math.Sqrt2*math.Erfinv(2*(low+u*(high-low))-1)
	return min(max(x, 0), 1)
}

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
