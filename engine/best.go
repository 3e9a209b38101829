package engine

import (
	"cmp"
	"slices"

	"galen/engine/planner"
	"galen/store"
)

// The best of hundreds of episodes by one measure each is partly the luckiest. So when the
// budget is spent, the few that look best are scored on images that nothing was chosen by
// and timed thoroughly, and the best of these wins.

// finalists is how many different policies are looked at again.
const finalists = 3

// mostLooks bounds how often episodes are looked at before the winner is named, since every
// finalist that misses the target makes room for another; a run that is extended may look
// as often again. mostRepeats bounds it for one of them whose timing was flagged.
const (
	mostLooks   = 8
	mostRepeats = 3
)

// shortlist are the episodes that may be the best of all, the likeliest first: the most
// accurate ones that meet the target, each with another policy; the fastest one alone if
// none does. Who was confirmed to miss the target makes room for the next.
func shortlist(episodes []*store.Episode, target float64) []*store.Episode {
	var meeting, confirmed []*store.Episode
	for _, e := range episodes {
		if meets(e, target) {
			meeting = append(meeting, e)
		}
		if e.Confirmed != nil {
			confirmed = append(confirmed, e)
		}
	}
	slices.SortFunc(meeting, func(a, b *store.Episode) int {
		return cmp.Or(cmp.Compare(b.Accuracy, a.Accuracy), cmp.Compare(a.LatencyRatio, b.LatencyRatio), cmp.Compare(a.Number, b.Number))
	})
	var list []*store.Episode
	for _, e := range meeting {
		known := func(other *store.Episode) bool { return other != e && samePolicy(other, e) }
		if slices.ContainsFunc(list, known) || e.Confirmed == nil && slices.ContainsFunc(confirmed, known) {
			continue
		}
		if list = append(list, e); len(list) == finalists {
			break
		}
	}
	if list == nil && len(episodes) > 0 {
		list = []*store.Episode{fastest(episodes)}
	}
	return list
}

// bestOf picks the most accurate episode that meets the target, the fastest one if none
// does, and nil if there are none. Once all that may be the best are confirmed, or have been
// looked for often enough, only confirmed ones count, by their confirmations.
func bestOf(episodes []*store.Episode, target float64) *store.Episode {
	list := shortlist(episodes, target)
	if len(list) == 0 {
		return nil
	}
	if slices.ContainsFunc(list, unconfirmed) && looks(episodes) < mostLooks {
		return list[0]
	}
	confirmed := slices.DeleteFunc(slices.Clone(episodes), unconfirmed)
	meeting := slices.DeleteFunc(slices.Clone(confirmed), func(e *store.Episode) bool { return !meets(e, target) })
	if len(meeting) == 0 {
		return fastest(confirmed)
	}
	return slices.MaxFunc(meeting, func(a, b *store.Episode) int {
		return cmp.Or(cmp.Compare(a.Confirmed.Accuracy, b.Confirmed.Accuracy), cmp.Compare(b.Confirmed.LatencyRatio, a.Confirmed.LatencyRatio))
	})
}

// nextLook is the episode to confirm next, or again; nil: the winner is certain enough.
func nextLook(episodes []*store.Episode, target float64) *store.Episode {
	left := mostLooks - looks(episodes)
	if left <= 0 {
		return nil
	}
	list := shortlist(episodes, target)
	if at := slices.IndexFunc(list, unconfirmed); at >= 0 {
		hopeless := !slices.ContainsFunc(episodes, func(e *store.Episode) bool { return e.Confirmed != nil && meets(e, target) })
		if surest := fastest(episodes); left == 1 && hopeless && unconfirmed(surest) {
			return surest
		}
		return list[at]
	}
	var doubtful *store.Episode
	for _, e := range episodes {
		if c := e.Confirmed; c == nil || len(c.Flags) == 0 || c.Looks >= mostRepeats {
			continue
		}
		if doubtful == nil || e.Confirmed.Looks < doubtful.Confirmed.Looks {
			doubtful = e
		}
	}
	return doubtful
}

// looks is how often episodes were looked at since the latest was finished.
func looks(episodes []*store.Episode) (n int) {
	for _, e := range episodes {
		if e.Confirmed != nil && e.Confirmed.Episodes == len(episodes) {
			n += e.Confirmed.Looks
		}
	}
	return n
}

// fastest is the episode with the least latency, the first of several; there must be one.
func fastest(episodes []*store.Episode) *store.Episode {
	return slices.MinFunc(episodes, func(a, b *store.Episode) int { return cmp.Compare(ratioOf(a), ratioOf(b)) })
}

// meets tells whether an episode meets a target, as far as is known.
func meets(e *store.Episode, target float64) bool { return WithinTarget(ratioOf(e), target) }

// WithinTarget tells whether a latency counts as meeting a target; both are ratios to the original's.
func WithinTarget(ratio, target float64) bool { return ratio <= target*(1+planner.TargetTolerance) }

func unconfirmed(e *store.Episode) bool { return e.Confirmed == nil }

// ratioOf is the best that is known of an episode's latency.
func ratioOf(e *store.Episode) float64 {
	if e.Confirmed != nil {
		return e.Confirmed.LatencyRatio
	}
	return e.LatencyRatio
}

// samePolicy tells whether two episodes asked for the same of every layer.
func samePolicy(a, b *store.Episode) bool {
	return slices.EqualFunc(a.Layers, b.Layers, func(x, y store.LayerResult) bool {
		return x.Asked == y.Asked && x.WeightBits == y.WeightBits && x.ActivationBits == y.ActivationBits
	})
}
