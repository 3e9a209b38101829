package engine

import "galen/store"

// trendLength is how many numbers a run's record keeps of its rewards: enough for a sparkline, and
// no more however long the run, since listing runs reads all of them.
const trendLength = 32

// trendOf is the best reward of each of at most trendLength equally long stretches of episodes.
func trendOf(episodes []*store.Episode) []float64 {
	stretches := min(trendLength, len(episodes))
	trend := make([]float64, stretches)
	for i := range trend {
		from, to := i*len(episodes)/stretches, (i+1)*len(episodes)/stretches
		trend[i] = episodes[from].Reward
		for _, e := range episodes[from+1 : to] {
			trend[i] = max(trend[i], e.Reward)
		}
	}
	return trend
}
