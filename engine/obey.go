package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"galen/engine/compress/structure"
	"galen/engine/steering"
	"galen/store"
)

// A command is received on the search's goroutine at a step boundary, checked against what the search does now,
// applied to its course, and written to the journal before it is acknowledged.

// errStopped ends a search that a person stopped.
var errStopped = errors.New("stopped")

// boundary is where commands take effect: between an episode's steps and between
// stretches of preparation. It blocks while the search is paused.
func (s *Search) boundary(ctx context.Context) error {
	for {
		s.catchUp()
		if s.state != Paused {
			select {
			case r := <-s.requests:
				r.reply <- r.do()
			default:
				if s.stopping {
					return errStopped
				}
				return ctx.Err()
			}
			continue
		}
		s.clock.stop()
		s.publish()
		select {
		case r := <-s.requests:
			r.reply <- r.do()
		case <-ctx.Done():
			return ctx.Err()
		}
		s.clock.start()
		if s.stopping {
			return errStopped
		}
	}
}

// errEnded answers requests that come too late.
var errEnded = errors.New("the search has ended")

// send hands a command to the search's goroutine and waits until it took effect.
func (s *Search) send(ctx context.Context, c steering.Command) error {
	return s.ask(ctx, func() error { return s.receive(c) })
}

// ask has the search's goroutine do something at the next step boundary and waits for it.
func (s *Search) ask(ctx context.Context, do func() error) error {
	r := request{do, make(chan error, 1)}
	select {
	case s.requests <- r:
		select {
		case err := <-r.reply:
			return err
		case <-s.done: // it answers before it ends, unless the request broke it
			select {
			case err := <-r.reply:
				return err
			default:
				return errEnded
			}
		}
	case <-s.done:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rename tells the search what its run is called now.
func (s *Search) rename(name string) {
	run := *s.run
	run.Name, s.run = name, &run
	s.publish()
}

// receive checks a command, applies it and writes it to the journal.
func (s *Search) receive(c steering.Command) error {
	undoes := 0
	if c.Kind == steering.Undo {
		who := c.Who
		var err error
		if undoes, c, err = steering.Undoing(s.journal); err != nil {
			return err
		}
		c.Who = who
	}
	if err := s.check(c); err != nil {
		return err
	}
	change, err := s.apply(c)
	if err != nil || !c.Kind.Recorded() {
		return err
	}
	entry := store.JournalEntry{
		Time: time.Now().UTC(), Who: c.Who, Command: c.String(), Effect: change.Effect, Undoes: undoes,
		Episode: len(s.episodes) + 1, Step: s.step,
	}
	if change.Undo != nil {
		entry.Undo = change.Undo.String()
	}
	if err := s.db.AppendJournal(s.run.ID, entry); err != nil {
		return fmt.Errorf("%s took effect but is not in the journal: %w", c.Kind, err)
	}
	s.journal = append(s.journal, entry)
	s.note(logInfo, "%s: %s", entry.Who, strings.TrimSpace(entry.Command+"   "+entry.Effect))
	s.publish()
	return nil
}

// check refuses a command that would come between those of an earlier session, which the journal has
// before it, and what makes no sense now.
func (s *Search) check(c steering.Command) error {
	if c.Kind.Waits() && len(s.pending) > 0 {
		e := s.pending[0]
		return fmt.Errorf("%q from before the run was interrupted takes effect first, in episode %d: try again then", e.Command, e.Episode)
	}
	return steering.Check(c, s.steered(s.layers, s.episodes), s)
}

// apply carries a command out.
func (s *Search) apply(c steering.Command) (steering.Change, error) {
	change, err := steering.Apply(c, s.steered(s.layers, s.episodes), s)
	if err == nil {
		s.best = bestOf(s.episodes, s.settings.Target)
		if s.planner != nil {
			s.planner.Steered()
		}
	}
	return change, err
}

// catchUp lets the journal's commands take effect where they did before the run was
// interrupted.
func (s *Search) catchUp() {
	for s.planner != nil && len(s.pending) > 0 {
		entry := s.pending[0]
		if entry.Episode > len(s.episodes)+1 || entry.Episode == len(s.episodes)+1 && entry.Step > s.step {
			return
		}
		c, err := steering.Parse(entry.Command)
		if err == nil {
			_, err = s.apply(c)
		}
		if err != nil { // better than a run that cannot be resumed
			s.note(logWarning, "%s by %s is in the journal but has no effect: %v", entry.Command, entry.Who, err)
		}
		s.pending = s.pending[1:]
	}
}

// working is the state of a search that is not held up.
func (s *Search) working() State {
	if s.planner == nil {
		return Preparing
	}
	return Running
}

// What commands reach of a search; see [steering.Search]. All of it belongs to the search's goroutine.

var (
	errNoAgent  = errors.New("there is no agent yet: try again when the episodes have begun")
	errNotYet   = errors.New("policies can be tried when the episodes have begun")
	errNoLayers = errors.New("the layers are not known yet: try again in a moment")
)

// Pause holds the search at this step.
func (s *Search) Pause() error {
	if s.state == Paused {
		return errors.New("the search is paused already")
	}
	s.state = Paused
	return nil
}

// Resume goes on.
func (s *Search) Resume() error {
	if s.state != Paused && s.state != Stepping {
		return errors.New("the search is not paused")
	}
	s.state, s.problem = s.working(), ""
	return nil
}

// Step runs to the end of the episode.
func (s *Search) Step() error {
	if s.planner == nil {
		return errors.New("there is nothing to step through before the first episode")
	}
	s.state, s.problem = Stepping, ""
	return nil
}

// Stop ends the search at this step.
func (s *Search) Stop() { s.stopping = true }

// SetNoise changes how much the agent explores; it returns the former σ.
func (s *Search) SetNoise(sigma float64) (before float64, err error) {
	if s.planner == nil {
		return 0, errNoAgent
	}
	return s.planner.SetNoise(sigma)
}

// SetUpdates changes how many learning steps an episode has; it returns the former number.
func (s *Search) SetUpdates(n int) (before int, err error) {
	if s.planner == nil {
		return 0, errNoAgent
	}
	return s.planner.SetUpdates(n)
}

// MayTry tells why a policy cannot be the next episode's.
func (s *Search) MayTry(policy structure.Policy) error {
	if s.planner == nil {
		return errNotYet
	}
	if err := s.compressor.Structure().Validate(policy); err != nil {
		return err
	}
	return s.planner.MayTry(policy)
}

// MayBase tells why decisions cannot start from a policy.
func (s *Search) MayBase(policy structure.Policy) error {
	if s.compressor == nil {
		return errNoLayers
	}
	return s.compressor.Structure().Validate(policy)
}
