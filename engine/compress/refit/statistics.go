package refit

import (
	"math"

	"galen/hw/runtime"
)

// Statistics are the mean and the standard deviation of every channel of a tensor.
type Statistics struct {
	Mean, Deviation []float64
}

// StatisticsOf takes them over a sample of the pixels of all images.
func StatisticsOf(workers Workers, b *runtime.Batch) Statistics {
	const strip = 1024
	sample := momentSample(workers, b.N, b.Pixels)
	sums := make([][]float64, (len(sample)+strip-1)/strip) // per strip: sums, then sums of squares
	workers.Each(len(sums), func(k int) {
		s := make([]float64, 2*b.Channels)
		sum, squares := s[:b.Channels], s[b.Channels:]
		for _, at := range sample[k*strip : min((k+1)*strip, len(sample))] {
			for ch, x := range b.Pixel(at/b.Pixels, at%b.Pixels) {
				v := float64(x)
				sum[ch] += v
				squares[ch] += v * v
			}
		}
		sums[k] = s
	})
	s := Statistics{make([]float64, b.Channels), make([]float64, b.Channels)}
	count := float64(len(sample))
	for ch := range b.Channels {
		var sum, squares float64
		for _, part := range sums {
			sum += part[ch]
			squares += part[b.Channels+ch]
		}
		s.Mean[ch] = sum / count
		s.Deviation[ch] = math.Sqrt(max(0, squares/count-s.Mean[ch]*s.Mean[ch]))
	}
	return s
}

// Select returns the statistics of some of the channels.
func (s Statistics) Select(channels []int) Statistics {
	some := Statistics{make([]float64, len(channels)), make([]float64, len(channels))}
	for i, ch := range channels {
		some.Mean[i], some.Deviation[i] = s.Mean[ch], s.Deviation[ch]
	}
	return some
}

// Finite tells whether all statistics are numbers.
func (s Statistics) Finite() bool {
	for i := range s.Mean {
		if x := s.Mean[i] + s.Deviation[i]; math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
