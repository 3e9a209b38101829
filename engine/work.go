package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// work is the search's goroutine. It ends when the budget is spent, when a person
// stops the run, when ctx ends (the run can then be resumed) or when something fails.
func (s *Search) work(ctx context.Context) {
	defer close(s.done)
	s.clock.start()
	s.note(logInfo, "the %s agent begins after %d of %d episodes, target %g", s.settings.Agent, len(s.episodes), s.settings.Episodes, s.settings.Target)
	err := s.safely(ctx)
	s.clock.stop()
	switch {
	case err == nil:
		s.state = Finished
	case errors.Is(err, errStopped):
		s.state = Stopped
	case ctx.Err() != nil:
		s.state = Paused
	default:
		s.state, s.problem = Failed, err.Error()
	}
	s.activity, s.completed, s.total, s.step = "", 0, 0, -1
	if s.device != nil {
		if err := s.device.Close(); err != nil && s.problem == "" {
			s.problem = fmt.Sprintf("close the device: %v", err)
		}
	}
	s.record()
	if err := s.db.UpdateRun(s.run); err != nil && s.problem == "" {
		s.problem = fmt.Sprintf("save the run's state: %v", err)
	}
	if s.problem != "" {
		s.note(logError, "%s", s.problem)
	}
	s.note(logInfo, "%s with %d episodes", s.state, len(s.episodes))
	s.publish()
}

// safely runs the search and turns a panic into an error, so that a terminal is given
// back and the run stays resumable.
func (s *Search) safely(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
			s.note(logError, "%v\n%s", err, debug.Stack())
		}
	}()
	if err := s.prepare(ctx); err != nil {
		return err
	}
	for {
		if err := s.boundary(ctx); err != nil {
			return err
		}
		if len(s.episodes) < s.settings.Episodes {
			if err := s.nextEpisode(ctx); err != nil {
				return err
			}
		} else if done, err := s.confirmNext(ctx); done || err != nil {
			return err
		}
		if s.state == Stepping {
			s.state = Paused
		}
	}
}
