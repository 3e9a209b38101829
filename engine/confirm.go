package engine

import (
	"context"
	"fmt"
	"slices"

	"galen/store"
)

// confirmNext looks at the next finalist again and stores what it finds; done tells that
// there is none left.
func (s *Search) confirmNext(ctx context.Context) (done bool, err error) {
	e := nextLook(s.episodes, s.settings.Target)
	if e == nil {
		return true, nil
	}
	s.doing("confirming the best", min(looks(s.episodes), finalists-1), finalists)
	confirmed := *e
	if confirmed.Confirmed, err = s.evaluator.confirm(ctx, e, len(s.episodes)); err != nil {
		return false, fmt.Errorf("confirm episode %d: %w", confirmed.Number, err)
	}
	c := confirmed.Confirmed
	s.note(logInfo, "episode %d confirmed: %.2f %% at %.3f×", confirmed.Number, 100*c.Accuracy, c.LatencyRatio)
	episodes := slices.Clone(s.episodes) // snapshots share the former ones
	episodes[confirmed.Number-1] = &confirmed
	return false, s.save(ctx, fmt.Sprintf("the confirmation of episode %d", confirmed.Number), episodes, func(run *store.Run) error {
		return s.db.Confirm(run, confirmed.Number, confirmed.Confirmed)
	})
}
