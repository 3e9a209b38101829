// Package engine runs searches: it asks an agent for policies, compresses the network
// by them, scores and times what comes out, rewards the agent, and keeps everything
// in the store. One goroutine owns a search; the rest of the program sees
// immutable snapshots and sends commands.
package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"galen/engine/compress"
	"galen/engine/planner"
	"galen/engine/records"
	"galen/hw"
	"galen/store"
)

// Search is one run being worked on. All fields below requests belong to its goroutine.
type Search struct {
	id       string
	box      *mailbox
	done     chan struct{} // closed when the goroutine has ended
	requests chan request

	course
	db       *store.DB
	log      *logbook
	workload *workload
	pending  []store.JournalEntry // commands to take effect again where they did before

	run         *store.Run // replaced, never edited: snapshots share it
	state       State
	activity    string
	completed   int // of the activity
	total       int
	problem     string
	clock       stopwatch
	committing  time.Duration // what the latest episode took to be stored
	version     uint64
	layers      []Layer
	reference   *store.Reference
	episodes    []*store.Episode
	best        *store.Episode
	journal     []store.JournalEntry
	timed       map[string][]hw.LayerCost // by layer, of those that were timed; replaced, never edited
	step        int
	stopping    bool
	compressor  *compress.Compressor
	device      hw.Device
	fingerprint hw.Fingerprint
	planner     *planner.Planner // nil until episodes can begin
	round       int              // see planner.Options
}

// errStopped ends a search that a person stopped.
var errStopped = errors.New("stopped")

// newSearch prepares to work on a stored run; nothing happens before start. The versions
// of its snapshots go on from those in the box.
func newSearch(db *store.DB, run *store.Run, w *workload, box *mailbox, log *logbook) (*Search, error) {
	c, err := readCourse(run)
	if err != nil {
		return nil, err
	}
	search := &Search{
		id:       run.ID,
		box:      box,
		version:  box.version(),
		done:     make(chan struct{}),
		requests: make(chan request),
		course:   c,
		db:       db,
		log:      log,
		workload: w,
		run:      run,
		state:    Preparing,
		activity: "starting",
		clock:    stopwatch{elapsed: run.Elapsed},
		step:     -1,
	}
	if search.reference, err = optional(db.Reference(run.ID)); err != nil {
		return nil, err
	}
	if search.episodes, err = db.Episodes(run.ID); err != nil {
		return nil, err
	}
	if search.journal, err = db.Journal(run.ID); err != nil {
		return nil, err
	}
	search.pending = c.pending(search.journal, len(search.episodes))
	search.best = bestOf(search.episodes, c.settings.Target)
	return search, nil
}

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

// note writes a line about the run into the log.
func (s *Search) note(level, format string, values ...any) {
	s.log.note(level, s.run.Name, format, values...)
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

// working is the state of a search that is not held up.
func (s *Search) working() State {
	if s.planner == nil {
		return Preparing
	}
	return Running
}

// doing announces what the search does now.
func (s *Search) doing(activity string, completed, total int) {
	s.activity, s.completed, s.total = activity, completed, total
	s.publish()
}

func (s *Search) publish() {
	s.version++
	now := s.course
	now.follow(s.pending, s.layers, s.episodes)
	s.box.put(&Snapshot{
		Version:   s.version,
		Run:       s.run,
		State:     s.state,
		Activity:  s.activity,
		Done:      s.completed,
		Total:     s.total,
		Problem:   s.problem,
		Elapsed:   s.clock.read(),
		Remaining: s.remaining(),
		Settings:  now.settings,
		Queued:    len(now.progress.Queue),
		Device:    s.fingerprint,
		Layers:    s.layers,
		Reference: s.reference,
		Episode:   len(s.episodes) + 1,
		Step:      s.step,
		Episodes:  s.episodes[:len(s.episodes):len(s.episodes)],
		Best:      s.best,
		Costs:     s.timed,
		Journal:   s.journal[:len(s.journal):len(s.journal)],
	})
}

// remaining estimates the working time left from the latest episodes.
func (s *Search) remaining() time.Duration {
	recent := s.episodes[max(0, len(s.episodes)-10):]
	if len(recent) == 0 {
		return 0
	}
	var seconds float64
	for _, e := range recent {
		seconds += e.Seconds
	}
	left := s.settings.Episodes - len(s.episodes)
	return time.Duration(seconds / float64(len(recent)) * float64(left) * float64(time.Second))
}

// stopwatch adds up working time.
type stopwatch struct {
	elapsed time.Duration
	since   time.Time // zero: stopped
}

func (w *stopwatch) start() {
	if w.since.IsZero() {
		w.since = time.Now()
	}
}

func (w *stopwatch) stop() {
	w.elapsed = w.read()
	w.since = time.Time{}
}

func (w *stopwatch) read() time.Duration {
	if w.since.IsZero() {
		return w.elapsed
	}
	return w.elapsed + time.Since(w.since)
}
