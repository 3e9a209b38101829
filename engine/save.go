package engine

import (
	"context"
	"fmt"

	"galen/engine/records"
	"galen/store"
)

// save makes the episodes and what follows from them the search's, once write has stored
// them with the run's record.
func (s *Search) save(ctx context.Context, what string, episodes []*store.Episode, write func(*store.Run) error) error {
	return s.retry(ctx, what, func() error {
		s.record()
		run := *s.run
		if len(s.pending) == 0 {
			s.progress.Followed = len(s.journal)
		}
		if err := s.course.write(&run); err != nil {
			return err
		}
		best := bestOf(episodes, s.settings.Target)
		run.Episodes, run.Best, run.Trend = len(episodes), records.BestOf(best), trendOf(episodes)
		if err := write(&run); err != nil {
			return err
		}
		s.episodes, s.best, s.run = episodes, best, &run
		s.publish()
		return nil
	})
}

// retry stores something. If the store refuses, the search pauses with the reason and
// tries again when a person resumes it.
func (s *Search) retry(ctx context.Context, what string, write func() error) error {
	for {
		err := write()
		if err == nil {
			return nil
		}
		s.state, s.problem = Paused, fmt.Sprintf("%s cannot be saved: %v; make room and resume", what, err)
		s.note(logError, "%s", s.problem)
		if err := s.boundary(ctx); err != nil {
			return err
		}
	}
}

// record brings the run's record up to date.
func (s *Search) record() {
	run := *s.run
	run.State, run.Problem = string(s.state), s.problem
	run.Elapsed = s.clock.read()
	run.Device = s.fingerprint.String()
	s.run = &run
}
