package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"galen/store"
)

// The best of hundreds of episodes by one measure each is partly the luckiest. So when the
// budget is spent, the few that look best are scored on images that nothing was chosen by
// and timed thoroughly, and the best of these wins.

// finalists is how many different policies are looked at again.
const finalists = 3

// targetTolerance is how far over the target, relative to it, a latency still counts as
// meeting it: about what a careful measurement is uncertain by.
const targetTolerance = 0.01

// shortlist are the episodes that may be the best of all, the likeliest first: the most
// accurate ones that meet the target, each with another policy; the fastest one alone if
// none does. Who was confirmed to miss the target makes room for the next.
func shortlist(episodes []*store.Episode, target float64) []*store.Episode {
	limit := target * (1 + targetTolerance)
	var meeting, confirmed []*store.Episode
	var fastest *store.Episode
	for _, e := range episodes {
		if ratioOf(e) <= limit {
			meeting = append(meeting, e)
		}
		if e.Confirmed != nil {
			confirmed = append(confirmed, e)
		}
		if fastest == nil || ratioOf(e) < ratioOf(fastest) {
			fastest = e
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
	if list == nil && fastest != nil {
		list = []*store.Episode{fastest}
	}
	return list
}

// bestOf picks the most accurate episode that meets the target, the fastest one if none
// does, and nil if there are none. Once all that may be the best are confirmed, their
// confirmations decide.
func bestOf(episodes []*store.Episode, target float64) *store.Episode {
	list := shortlist(episodes, target)
	if len(list) == 0 {
		return nil
	}
	if slices.ContainsFunc(list, unconfirmed) {
		return list[0]
	}
	return slices.MaxFunc(list, func(a, b *store.Episode) int {
		return cmp.Or(cmp.Compare(a.Confirmed.Accuracy, b.Confirmed.Accuracy), cmp.Compare(b.Confirmed.LatencyRatio, a.Confirmed.LatencyRatio))
	})
}

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

// confirmNext looks at the next finalist again and stores what it finds; done tells that
// there is none left.
func (s *Search) confirmNext(ctx context.Context) (done bool, err error) {
	list := shortlist(s.episodes, s.settings.Target)
	at := slices.IndexFunc(list, unconfirmed)
	if at < 0 {
		return true, nil
	}
	s.doing("confirming the best", at, len(list))
	confirmed := *list[at]
	if confirmed.Confirmed, err = s.confirm(ctx, &confirmed); err != nil {
		return false, fmt.Errorf("confirm episode %d: %w", confirmed.Number, err)
	}
	episodes := slices.Clone(s.episodes) // snapshots share the former ones
	episodes[confirmed.Number-1] = &confirmed
	return false, s.save(ctx, fmt.Sprintf("the confirmation of episode %d", confirmed.Number), episodes, func(run *store.Run) error {
		return s.db.Confirm(run, confirmed.Number, confirmed.Confirmed)
	})
}

// confirm scores an episode's policy on the reserve and times it thoroughly.
func (s *Search) confirm(ctx context.Context, e *store.Episode) (*store.Confirmation, error) {
	compressed, err := s.compressor.Compress(ctx, policyOf(e))
	if err != nil {
		return nil, err
	}
	c := &store.Confirmation{Accuracy: e.Accuracy}
	if reserve := s.workload.reserve; reserve != nil {
		accuracy, err := evaluate(ctx, compressed.Graph, reserve)
		if err != nil {
			return nil, err
		}
		c.Accuracy, c.Images = accuracy.top1, reserve.len()
	}
	m, err := patiently(ctx, s.device.MeasureThoroughly, compressed.Graph)
	if err != nil {
		return nil, err
	}
	c.LatencyMS, c.LatencyMAD = m.Candidate.Median, m.Candidate.MAD
	c.LatencyRatio, c.RatioError = m.Ratio, m.RatioError
	c.Samples, c.Flags = len(m.Samples), m.Flags
	return c, nil
}
