package hw

import (
	"math"
	"slices"
)

// summarize gives the median and the median absolute deviation of samples.
func summarize(samples []float64) Statistic {
	m := median(samples)
	deviations := make([]float64, len(samples))
	for i, s := range samples {
		deviations[i] = math.Abs(s - m)
	}
	return Statistic{Median: m, MAD: median(deviations)}
}

// median is the middle of the samples; NaN if there are none.
func median(samples []float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(samples))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// quantile is the sample below which a share q of the samples lie; NaN if there are none.
func quantile(samples []float64, q float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	return slices.Sorted(slices.Values(samples))[int(q*float64(len(samples)-1))]
}

// medianInterval is the distribution-free 95 % confidence interval of the samples' median:
// the order statistics n/2 ± 0.98·√n. Infinite below six samples, where no such interval exists.
func medianInterval(samples []float64) (low, high float64) {
	n := len(samples)
	if n < 6 {
		return math.Inf(-1), math.Inf(1)
	}
	sorted := slices.Sorted(slices.Values(samples))
	spread := 0.98 * math.Sqrt(float64(n))
	first := max(0, int(math.Floor(float64(n)/2-spread)))
	last := min(n-1, int(math.Ceil(float64(n)/2+spread)))
	return sorted[first], sorted[last]
}

// medianError is half the width of the median's confidence interval.
func medianError(samples []float64) float64 {
	low, high := medianInterval(samples)
	return (high - low) / 2
}
