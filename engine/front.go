package engine

import (
	"cmp"
	"slices"

	"galen/store"
)

// Front is the Pareto front of episodes: those than which none is both faster and more
// accurate, by rising latency. Of equals the earliest stays.
func Front(episodes []*store.Episode) []*store.Episode {
	sorted := slices.Clone(episodes)
	slices.SortStableFunc(sorted, func(a, b *store.Episode) int {
		return cmp.Or(cmp.Compare(a.LatencyRatio, b.LatencyRatio), cmp.Compare(b.Accuracy, a.Accuracy))
	})
	var front []*store.Episode
	for _, e := range sorted {
		if len(front) == 0 || e.Accuracy > front[len(front)-1].Accuracy {
			front = append(front, e)
		}
	}
	return front
}
