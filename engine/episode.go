package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"galen/engine/records"
	"galen/store"
)

// runEpisode tries what is planned next and lets the agent learn from the outcome.
func (s *Search) runEpisode(ctx context.Context) (*store.Episode, error) {
	if err := s.planner.Begin(ctx); err != nil {
		return nil, err
	}
	laps := startLaps(&s.clock)
	plan, err := s.planner.Next(ctx, func(step int) error {
		s.step = step
		s.doing("deciding", step, len(s.layers))
		return s.boundary(ctx)
	})
	if err != nil {
		return nil, err
	}
	e := &store.Episode{
		Number: len(s.episodes) + 1, Actions: plan.Actions, Noise: plan.Noise,
		Timing: &store.Timing{Committing: s.committing.Seconds(), Deciding: laps.next()},
	}
	if err := s.evaluator.try(ctx, e, plan.Policy, s.layers, laps, s.begins); err != nil {
		return nil, err
	}
	s.begins("learning")
	if err := s.planner.Learn(plan, records.Episode(e)); err != nil {
		return nil, fmt.Errorf("learn from the episode: %w", err)
	}
	e.Timing.Learning = laps.next()
	e.Reward, e.Seconds, e.Finished = s.planner.Reward(e.Accuracy, e.LatencyRatio), laps.total(), time.Now().UTC()
	s.step = -1
	return e, nil
}

// nextEpisode runs an episode and stores it with the agent's state.
func (s *Search) nextEpisode(ctx context.Context) error {
	e, err := s.runEpisode(ctx)
	if err != nil {
		return err
	}
	began := s.clock.read()
	checkpoint, err := s.planner.Checkpoint()
	if err != nil {
		return err
	}
	err = s.save(ctx, fmt.Sprintf("episode %d", e.Number), append(s.episodes, e), func(run *store.Run) error {
		return s.db.CommitEpisode(run, e, checkpoint)
	})
	s.committing = s.clock.read() - began
	if err == nil {
		s.noteEpisode(e)
	}
	return err
}

func (s *Search) noteEpisode(e *store.Episode) {
	level, more := logInfo, ""
	if s.best == e {
		more = ", the best so far"
	}
	if len(e.Flags) > 0 {
		level, more = logWarning, more+"; the measurement is "+strings.Join(e.Flags, ", ")
	}
	s.note(level, "episode %d: %.2f %% at %.3f×, reward %.3f, in %.1f s%s", e.Number, 100*e.Accuracy, e.LatencyRatio, e.Reward, e.Seconds, more)
}
